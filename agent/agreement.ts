/** This box's part in the site's agreement: log, state store and consensus node put together, as the other rooms see them. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { byName, isJoint, isWitness, peersOf } from '../consensus/core/membership.ts';
import type { LogIndex, Membership, NodeId, Term, Timing } from '../consensus/core/types.ts';
import { defaultTiming, tickMs } from '../consensus/core/types.ts';
import type { NodeEvent } from '../consensus/driver/driver-event.ts';
import type { Promised } from '../consensus/driver/hello.ts';
import { LevelStateStore } from '../consensus/driver/level-store.ts';
import { DurableLog } from '../consensus/driver/log/durable-log.ts';
import { ConsensusNode } from '../consensus/driver/node.ts';
import type { NodeStatus } from '../consensus/driver/node-options.ts';
import type { Clock, RowChange, Transport } from '../consensus/driver/ports.ts';
import type { Settings } from './config.ts';
import { type Founder, type MemberEntry, memberEntries, memberPeers } from './directory.ts';
import type { KnownPeer, SiteAccess } from './ports.ts';
import { type Command, encodeEnvelope, type Outcome, type Sender } from './state/commands.ts';
import { SiteState } from './state/site-state.ts';

export interface AgreementComponents {
  readonly settings: Settings;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly onEvent: (event: NodeEvent) => void;
}

export class Agreement implements SiteAccess {
  readonly self: NodeId;
  readonly site: string;
  readonly #founders: readonly Founder[];
  readonly #listeners: (() => void)[];
  #members: readonly NodeId[];
  readonly state: SiteState;
  readonly node: ConsensusNode;
  readonly #log: DurableLog;

  private constructor(settings: Settings, state: SiteState, node: ConsensusNode, log: DurableLog, listeners: (() => void)[]) {
    this.self = settings.name;
    this.site = settings.site;
    this.state = state;
    this.node = node;
    this.#log = log;
    this.#founders = settings.members;
    this.#listeners = listeners;
    this.#members = this.#memberNames();
    listeners.push(() => this.refreshMembers());
  }

  /** Opens log and state. Rejects with StorageError when this box's memory is damaged. */
  static async open({ settings, transport, clock, onEvent }: AgreementComponents): Promise<Agreement> {
    const membership = initialMembership(settings, false);
    const listeners: (() => void)[] = [];
    const directory = join(settings.dataDir, 'log');
    const { log, recovered } = await DurableLog.open({ directory, segmentBytes: settings.limits.logSegmentKiB * 1024 });
    const state = new SiteState(settings.upper !== undefined);
    const witness = settings.members.some(({ name, witness = false }) => name === settings.name && witness);
    const stateStore = new LevelStateStore({ directory: join(settings.dataDir, 'state'), membership, witness });
    const opening = ConsensusNode.open({
      id: settings.name,
      membership,
      timing: timingOf(settings),
      storage: log,
      recovered,
      stateStore,
      transport,
      clock,
      random: { nextInt: (below) => randomInt(below) },
      machine: state,
      witness,
      onEvent: (event) => {
        onEvent(event);
        if (event.type === 'membership') for (const listener of listeners) listener();
      },
    });
    const node = await opening.catch(async (error: unknown) => {
      await stateStore.close();
      await log.close();
      throw error;
    });
    return new Agreement(settings, state, node, log, listeners);
  }

  /** All boxes that take part in the agreement, and this one. */
  get members(): readonly NodeId[] {
    return this.#members;
  }

  /** Whether the membership is committed, and no change of it between its steps. */
  isMembershipSettled(): boolean {
    const { membership, membershipIndex, commitIndex } = this.node.status();
    return membershipIndex <= commitIndex && !isJoint(membership);
  }

  /** Members that may be given work: those that know what they are given. */
  get hosts(): readonly NodeId[] {
    const { membership } = this;
    return this.#members.filter((name) => !isWitness(membership, name));
  }

  /** Every box that belongs to the site or is to. */
  memberEntries(): readonly MemberEntry[] {
    return memberEntries(this.#founders, this.state.members(), this.membership);
  }

  /** Boxes that may connect as members. */
  memberPeers(): readonly KnownPeer[] {
    return memberPeers(this.#founders, this.state.members(), this.membership, this.site);
  }

  /** Members are asked for, heal or leave in the state: looks again who takes part. */
  refreshMembers(): void {
    this.#members = this.#memberNames();
  }

  /** What this box has on its disk. */
  promised(): Promised {
    return this.#log.promised;
  }

  /** Calls back after every change of membership. */
  onMembership(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #memberNames(): readonly NodeId[] {
    const names = peersOf(this.membership, this.self);
    // A box that begins anew belongs to no membership for a moment, and to the site all the same.
    const healing = [...this.state.members()].filter(([, row]) => row.healing !== undefined && row.role !== 'none').map(([name]) => name);
    return [...new Set([...names, ...healing, this.self])].sort(byName);
  }

  /** Costs more than what has a name of its own here: not for what is asked many times a second. */
  status(): NodeStatus {
    return this.node.status();
  }

  get membership(): Membership {
    return this.node.glance.membership;
  }

  get leader(): NodeId | undefined {
    return this.node.glance.leader;
  }

  leads(): boolean {
    return this.node.glance.leaderSince !== undefined;
  }

  leadsIn(): Term | undefined {
    const { leaderSince, term } = this.node.glance;
    return leaderSince === undefined ? undefined : term;
  }

  leadsSince(): number | undefined {
    const since = this.node.glance.leaderSince;
    return since === undefined ? undefined : since * tickMs;
  }

  lastAckAt(member: NodeId): number | undefined {
    const at = this.node.status().peers.find(({ id }) => id === member)?.lastAckAt;
    return at === undefined ? undefined : at * tickMs;
  }

  /** Milliseconds since boot at which a leader certainly still counted this box in; undefined when none did since the start. */
  countedInAt(): number | undefined {
    const { leaseFrom } = this.node.status();
    return leaseFrom === undefined ? undefined : leaseFrom * tickMs;
  }

  /** When this box's placement lease ends, in milliseconds since boot: a tenth early, for clocks that tick differently. */
  leaseUntil(leaseMs: number): number | undefined {
    const { leaseFrom } = this.node.status();
    return leaseFrom === undefined ? undefined : leaseFrom * tickMs + 0.9 * leaseMs;
  }

  /** @param options as a sender: makes it happen once, however often it is sent. `inTerm`: by this leader or by nobody. */
  async propose(command: Command, { inTerm, ...sender }: Sender & { readonly inTerm?: Term } = {}): Promise<Outcome> {
    const options = inTerm === undefined ? {} : { inTerm };
    return (await this.node.propose(encodeEnvelope({ ...sender, command }), options)) as Outcome;
  }

  /** Resolves once everything committed before the call is applied here. */
  barrier(signal?: AbortSignal): Promise<LogIndex> {
    return this.node.read(signal === undefined ? {} : { signal });
  }

  onApplied(listener: (revision: number, changes: readonly RowChange[]) => void): void {
    this.node.onApplied((entry, applied) => listener(entry.index, applied.changes));
  }
}

/** Who belongs to the site before anything is decided in it, as far as this box may say. */
export function initialMembership({ members, join: joins }: Settings, rejoined: boolean): Membership {
  if (joins || rejoined) return { voters: [], learners: [] };
  const witnesses = members.filter(({ witness = false }) => witness).map(({ name }) => name);
  return { voters: members.map(({ name }) => name), learners: [], witnesses };
}

function timingOf({ timing }: Settings): Timing {
  const ticks = (ms: number): number => Math.max(1, Math.round(ms / tickMs));
  return {
    ...defaultTiming,
    pingTicks: ticks(timing.pingMs),
    electionTicks: ticks(timing.electionMs),
    leaseTicks: ticks(timing.leaseMs),
    electionMaxTicks: ticks(timing.electionMaxMs),
    restPingTicks: timing.restPingMs === 0 ? 0 : ticks(timing.restPingMs),
    restAfterTicks: ticks(timing.restAfterMs),
  };
}
