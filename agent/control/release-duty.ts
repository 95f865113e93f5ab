/** Ends the wait for former holders of `onSplit: stop` replicas: by their own word, or when their lease has certainly ended. */
import type { Term } from '../../consensus/core/types.ts';
import type { Clock } from '../../consensus/driver/ports.ts';
import type { Log, SiteAccess } from '../ports.ts';
import type { Command } from '../state/commands.ts';

export interface ReleaseDutyComponents {
  readonly site: SiteAccess;
  readonly clock: Clock;
  readonly log: Log;
  /** True while a process of this replica lives on this box. */
  readonly runsHere: (workload: string, replica: number) => boolean;
  /** For a holder in a child site: whether that site still counts it as holder or as placed there; undefined when not known. */
  readonly heldByChild: (workload: string, replica: number, node: string) => boolean | undefined;
}

type Release = Omit<Extract<Command, { type: 'release' }>, 'type'>;

/** A lease may have begun at the newest ACK we saw, and clocks tick at slightly different rates. */
const leaseMargin = 1.1;

export class ReleaseDuty {
  readonly #parts: ReleaseDutyComponents;
  readonly #leaseMs: number;
  readonly #hasOtherTiers: boolean;
  /** When boxes of which the leader knows nothing were first missed, in milliseconds since boot. */
  readonly #missedAt = new Map<string, number>();
  readonly #inFlight = new Set<string>();

  /** @param options.hasOtherTiers who is no member here may be a box of the upper site, or of a child site. */
  constructor(components: ReleaseDutyComponents, options: { readonly leaseMs: number; readonly hasOtherTiers: boolean }) {
    this.#parts = components;
    this.#leaseMs = options.leaseMs;
    this.#hasOtherTiers = options.hasOtherTiers;
  }

  /** To be called when the state changed and a few times a second. */
  check(): void {
    const { site } = this.#parts;
    for (const node of this.#missedAt.keys()) if (site.lastAckAt(node) !== undefined) this.#missedAt.delete(node);
    const inTerm = site.leadsIn();
    for (const { workload, replica, node, epoch } of site.state.holders()) {
      if (node === site.self) {
        if (!this.#parts.runsHere(workload, replica)) this.#release({ workload, replica, epoch, reason: 'stopped' });
      } else if (inTerm !== undefined && this.#leaseEnded(workload, replica, node))
        this.#release({ workload, replica, epoch, reason: 'lease-ended' }, inTerm);
    }
  }

  #leaseEnded(workload: string, replica: number, node: string): boolean {
    const { site, clock, heldByChild } = this.#parts;
    const isMember = site.members.includes(node);
    if (!isMember && this.#hasOtherTiers) return this.#handedOn(workload, replica) || heldByChild(workload, replica, node) === false;
    const since = site.leadsSince();
    if (since === undefined) return false;
    const ackAt = site.lastAckAt(node);
    // A new leader cannot know what its predecessor granted: it waits out a whole lease first.
    const newest = Math.max(since, ackAt ?? this.#missed(node));
    return clock.nowMs() - newest > this.#leaseMs * leaseMargin;
  }

  /** Since when a box that left, be it to begin anew, is heard no more: from then on nobody grants it anything. */
  #missed(node: string): number {
    const at = this.#missedAt.get(node) ?? this.#parts.clock.nowMs();
    this.#missedAt.set(node, at);
    return at;
  }

  /** The upper site hands a replica on only when its former holder let go, wherever that was. */
  #handedOn(workload: string, replica: number): boolean {
    const { state } = this.#parts.site;
    const given = state.placement(workload, replica);
    return state.authority().mode !== 'autonomous' && state.plan()?.by === 'upper' && given?.provisional === false;
  }

  /** @param inTerm of the leader that judged a lease: the next one grants others. What stopped has stopped, whoever leads. */
  #release({ workload, replica, epoch, reason }: Release, inTerm?: Term): void {
    const key = `${workload}/${replica}/${epoch}`;
    if (this.#inFlight.has(key)) return;
    this.#inFlight.add(key);
    const { site, log } = this.#parts;
    site
      .propose({ type: 'release', workload, replica, epoch, reason }, inTerm === undefined ? {} : { inTerm })
      .then(
        (outcome) => outcome.ok && log.info('placement.released', { workload, replica, epoch, reason }),
        (error: unknown) => log.debug('placement.release.failed', { workload, replica, message: String(error) }),
      )
      .finally(() => this.#inFlight.delete(key));
  }
}
