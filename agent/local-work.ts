/** What this box is to run, from the state it has applied, and the lease it may run it under. */
import type { Clock } from '../consensus/driver/ports.ts';
import type { Agreement } from './agreement.ts';
import type { DesiredInstance, ExecutorPort, Log } from './ports.ts';

export interface LocalWorkComponents {
  readonly agreement: Agreement;
  readonly executor: ExecutorPort;
  readonly clock: Clock;
  readonly log: Log;
}

export interface LocalWorkOptions {
  readonly leaseMs: number;
  /** Milliseconds without a leader after which this box counts as isolated. */
  readonly isolatedAfterMs: number;
}

export class LocalWork {
  readonly #parts: LocalWorkComponents;
  readonly #options: LocalWorkOptions;
  /** The state was caught up with the site at least once: before that, what it says may be long outdated. */
  #synced = false;
  #syncing = false;
  #leaderSeenAt: number;
  #given = '';
  #staged = '';
  #leaseGiven = 0;

  constructor(components: LocalWorkComponents, options: LocalWorkOptions) {
    this.#parts = components;
    this.#options = options;
    this.#leaderSeenAt = components.clock.nowMs();
  }

  /** This box reaches no quorum: nothing the site decided since can be known. */
  isolated(): boolean {
    return this.#parts.clock.nowMs() - this.#leaderSeenAt > this.#options.isolatedAfterMs;
  }

  /** To be called when the state changed and a few times a second. */
  readonly check = (): void => {
    const { agreement, clock } = this.#parts;
    if (agreement.leader !== undefined) this.#leaderSeenAt = clock.nowMs();
    this.#lease();
    if (this.#synced) this.#give();
    else this.#catchUp();
  };

  /** The first thing after a start: is what runs here still ours? (REVALIDATE, and everything committed before it.) */
  #catchUp(): void {
    if (this.#syncing) return;
    this.#syncing = true;
    const { agreement, executor, log } = this.#parts;
    const items = executor.instances().map(({ workload, replica, epoch }) => ({ workload, replica, epoch }));
    agreement.node
      .revalidate(items, { timeoutMs: 5000 })
      .then(async (verdicts) => {
        await agreement.barrier();
        this.#synced = true;
        if (items.length > 0)
          log.info('placement.revalidated', {
            verdicts: verdicts.map(({ workload, replica, verdict }) => `${workload}/${replica} ${verdict}`),
          });
        this.#give();
      })
      .catch((error: unknown) =>
        log.debug('placement.revalidate.failed', { message: error instanceof Error ? error.message : String(error) }),
      )
      .finally(() => {
        this.#syncing = false;
      });
  }

  #lease(): void {
    const until = this.#parts.agreement.leaseUntil(this.#options.leaseMs);
    // Keepers are told a few times per lease, not at every heartbeat.
    if (until === undefined || until - this.#leaseGiven < this.#options.leaseMs / 20) return;
    this.#leaseGiven = until;
    this.#parts.executor.extendLease(until);
  }

  #give(): void {
    const { agreement, executor, clock } = this.#parts;
    const { state, self } = agreement;
    const leaseEnded = clock.nowMs() >= this.#leaseGiven;
    const desired = state.placements().flatMap((placement): DesiredInstance[] => {
      const row = placement.node === self ? state.workload(placement.workload) : undefined;
      if (row === undefined) return [];
      const { replica, epoch, class: workClass, awaiting } = placement;
      const blockedBy =
        awaiting !== null
          ? `${awaiting.node} may still run it: waiting until it lets go or its lease ends`
          : row.spec.onSplit === 'stop' && leaseEnded
            ? 'this box reaches no quorum and its lease has ended'
            : undefined;
      return [{ spec: row.spec, replica, epoch, class: workClass, blockedBy }];
    });
    const text = JSON.stringify(
      desired.map(({ spec, replica, epoch, class: workClass, blockedBy }) => [
        spec.name,
        state.workload(spec.name)?.revision,
        replica,
        epoch,
        workClass,
        blockedBy,
      ]),
    );
    if (text !== this.#given) {
      this.#given = text;
      executor.setDesired(desired);
    }
    this.#stage();
  }

  /** Every box keeps every artefact of the site, within its store's bound: the day the uplink is cut is too late to fetch one. */
  #stage(): void {
    const { agreement, executor } = this.#parts;
    const artefacts = new Map(
      agreement.state
        .workloads()
        .flatMap(({ spec }) => (spec.artefacts ?? []).map(({ sha256, bytes }) => [sha256, { sha256, bytes }] as const)),
    );
    const text = [...artefacts.keys()].join(' ');
    if (text === this.#staged) return;
    this.#staged = text;
    executor.setStaging([...artefacts.values()]);
  }
}
