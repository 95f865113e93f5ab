import { Configurations } from './configurations.ts';
import { Durability } from './durability.ts';
import { invariant } from './invariant.ts';
import type { Leadership } from './leadership.ts';
import { SentAcks } from './lease.ts';
import { atLeastAsUpToDate, LogView } from './log-view.ts';
import type { CampaignReason } from './messages.ts';
import { Outbox } from './outbox.ts';
import { createPace, type Pace, resetElectionDeadline } from './pace.ts';
import type { RecentRequests } from './requests.ts';
import type { IncomingSnapshot } from './snapshot-receiver.ts';
import { Touches } from './touches.ts';
import {
  type Entry,
  type EntryId,
  type HardState,
  type LogIndex,
  logIndex,
  type Membership,
  type NodeId,
  type RandomSource,
  type Role,
  type Snapshot,
  type Term,
  type Tick,
  type Timing,
} from './types.ts';

/** What the core starts from. */
export interface RaftOptions {
  readonly id: NodeId;
  readonly membership: Membership;
  readonly timing: Timing;
  readonly random: RandomSource;
  readonly now: Tick;
  readonly hardState: HardState;
  /** Everything durable after `base`, in order. */
  readonly entries: readonly Entry[];
  /** The last compacted entry; term 0 and index 0 for a log never cut. */
  readonly base: EntryId;
  /** The state machine is loaded up to here; from `base.index` to the last entry. */
  readonly appliedIndex: LogIndex;
  /** Id of the last batch dropped as torn or flipped. */
  readonly uncertain: EntryId | undefined;
}

/** An answer to a poll or a vote. */
export type Ballot = 'granted' | 'conditional' | 'refused';

/** What a preCandidate or candidate keeps. */
export interface Campaign {
  readonly reason: CampaignReason;
  readonly ballots: Map<NodeId, Ballot>;
  /** Candidate: the vote of every voter is needed, not of a majority. */
  readonly needsAll: boolean;
  /** Candidate: the save that holds the own vote; it counts once durable. */
  selfVoteToken: number | undefined;
}

/** A lost link to the leader: campaign at `campaignAt`, and go on trying quickly until `until`. */
export interface LostLink {
  campaignAt: Tick;
  readonly until: Tick;
}

/** All that one member knows. The other files of this folder are functions on it. */
export interface RaftState {
  readonly id: NodeId;
  readonly timing: Timing;
  readonly random: RandomSource;
  readonly out: Outbox;
  readonly log: LogView;
  readonly durability: Durability;
  readonly recent: Map<NodeId, RecentRequests>;
  readonly sentAcks: SentAcks;
  readonly touches: Touches;
  readonly linksLost: Set<NodeId>;
  readonly configurations: Configurations;
  /** Term and vote that this run found on its disk. */
  readonly startedWith: HardState;
  /** The last one in the log. */
  membership: Membership;
  now: Tick;
  role: Role;
  term: Term;
  votedFor: NodeId | undefined;
  leader: NodeId | undefined;
  /** Last message of this term's leader. */
  leaderHeardAt: Tick;
  electionDeadline: Tick;
  readonly pace: Pace;
  commitIndex: LogIndex;
  /** Last committed entry handed out to be applied. */
  handedOut: LogIndex;
  appliedIndex: LogIndex;
  uncertain: EntryId | undefined;
  storageFailed: boolean;
  /** Number of the newest poll. It starts at random: what was said to this member before it was started anew, of a longer log perhaps, answers none of its polls. */
  polls: number;
  campaign: Campaign | undefined;
  lostLink: LostLink | undefined;
  leadership: Leadership | undefined;
  /** The log up to here is known to equal the log of this term's leader. */
  verified: LogIndex;
  /** Highest commit index heard from this term's leader; undefined before its first message. */
  leaderCommit: LogIndex | undefined;
  /** With an uncertain tail: whatever this member acknowledged before its start lies in the leader's log of this term, up to here. */
  leaderHolds: LogIndex | undefined;
  /** APPENDs taken since the last Ready are acknowledged by one ACK. */
  ackDue: boolean;
  /** This member's placement lease runs from here. Never goes back. */
  leaseFrom: Tick | undefined;
  incoming: IncomingSnapshot | undefined;
  /** A complete snapshot: waiting to be handed out, then for `INSTALLED`. */
  installing: { readonly snapshot: Snapshot; readonly from: NodeId; handedOut: boolean } | undefined;
}

/** @throws {InvariantError} when the options contradict each other */
export function createState(options: RaftOptions): RaftState {
  const { timing } = options;
  invariant(timing.pingTicks >= 1 && timing.electionTicks >= 3 * timing.pingTicks, 'an election timeout is at least three PINGs', {
    ...timing,
  });
  invariant(timing.rankTicks >= 1 && timing.leaseTicks > timing.electionTicks, 'a lease outlasts an election timeout', { ...timing });
  invariant(timing.electionMaxTicks >= timing.electionTicks, 'an election timeout is at most its upper bound', { ...timing });
  const { restPingTicks, restAfterTicks } = timing;
  invariant(restPingTicks === 0 || (restPingTicks >= timing.pingTicks && timing.leaseTicks >= 4 * restPingTicks), 'leases outlast a rest', {
    ...timing,
  });
  invariant(restPingTicks === 0 || restAfterTicks >= 2 * timing.electionMaxTicks, 'who was woken is awake for two election timeouts', {
    ...timing,
  });
  const log = new LogView(options.base, options.entries);
  invariant(
    options.appliedIndex >= options.base.index && options.appliedIndex <= log.lastIndex,
    'the state was applied from entries of the log',
    { applied: options.appliedIndex, base: options.base.index, lastIndex: log.lastIndex },
  );
  invariant(options.hardState.term >= log.last.term, 'the term is at least that of the log', {
    term: options.hardState.term,
    last: log.last.term,
  });
  const configurations = new Configurations(options.appliedIndex, options.membership, options.entries);
  const state: RaftState = {
    id: options.id,
    timing,
    random: options.random,
    out: new Outbox(),
    log,
    durability: new Durability(options.hardState, log.lastIndex),
    recent: new Map(),
    sentAcks: new SentAcks(1 + options.random.nextInt(2 ** 30 - 1)),
    touches: new Touches(),
    linksLost: new Set(),
    configurations,
    startedWith: options.hardState,
    membership: configurations.latest.membership,
    now: options.now,
    role: 'follower',
    term: options.hardState.term,
    votedFor: options.hardState.votedFor,
    leader: undefined,
    leaderHeardAt: options.now,
    electionDeadline: options.now,
    pace: createPace(timing),
    commitIndex: options.appliedIndex,
    handedOut: options.appliedIndex,
    appliedIndex: options.appliedIndex,
    uncertain: options.uncertain,
    storageFailed: false,
    polls: options.random.nextInt(2 ** 30),
    campaign: undefined,
    lostLink: undefined,
    leadership: undefined,
    verified: options.appliedIndex,
    leaderCommit: undefined,
    leaderHolds: undefined,
    ackDue: false,
    leaseFrom: undefined,
    incoming: undefined,
    installing: undefined,
  };
  // What was applied lies in the state, whatever the log lost.
  const applied = { term: log.termAt(options.appliedIndex) ?? options.base.term, index: options.appliedIndex };
  if (options.uncertain !== undefined && atLeastAsUpToDate(applied, options.uncertain)) state.uncertain = undefined;
  resetElectionDeadline(state);
  return state;
}

/** The own log up to here is durable and known to equal the leader's. */
export function durableMatch(state: RaftState): LogIndex {
  return logIndex(Math.min(state.durability.durableIndex, Math.max(state.verified, state.commitIndex)));
}

/** Moves the commit index forward; never back, never beyond the log. */
export function commitTo(state: RaftState, index: LogIndex): void {
  if (index <= state.commitIndex) return;
  invariant(index <= state.log.lastIndex, 'only entries that are here are committed', {
    index,
    lastIndex: state.log.lastIndex,
    term: state.term,
  });
  state.commitIndex = index;
}
