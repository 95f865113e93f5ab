import { flushAck, nudge } from './appending.ts';
import { candidateTick } from './candidate.ts';
import { followerTick } from './follower.ts';
import type { TickHandler } from './handlers.ts';
import { invariant } from './invariant.ts';
import { leaderTick } from './leader.ts';
import { later } from './lease.ts';
import { localEvent } from './local-events.ts';
import { allVoters } from './membership.ts';
import { encodeChanges } from './membership-bytes.ts';
import type { LocalEvent, Message, RevalidateItem, Touch, VerdictItem } from './messages.ts';
import { Outbox } from './outbox.ts';
import { electionTicksOf, rouse } from './pace.ts';
import type { Ready, Save } from './ready.ts';
import { receive } from './receive.ts';
import { flushLeader } from './replication.ts';
import { forward, forwardRevalidate, refuse, takeChange, takeCommand, takeRead } from './requests.ts';
import { becomePreCandidate } from './roles.ts';
import { provideSnapshot } from './snapshot-sender.ts';
import { createState, type RaftOptions, type RaftState } from './state.ts';
import { transferLeadership } from './transfer.ts';
import {
  type Entry,
  type LogIndex,
  limits,
  logIndex,
  type Membership,
  type NodeId,
  type Role,
  type RoleChange,
  type Snapshot,
  type Term,
  type Tick,
  tick,
} from './types.ts';
import { nextTickAt, type RaftView, viewOf } from './view.ts';

export type { RaftOptions } from './state.ts';
export type { PeerView, RaftView } from './view.ts';

/** Committed entries handed out at once: enough to work in bulk, few enough not to hold up a PING. */
const committedMax = 4096;

const tickOf: { readonly [R in Role]: TickHandler } = {
  follower: followerTick,
  preCandidate: candidateTick,
  candidate: candidateTick,
  leader: leaderTick,
};

const localTypes: ReadonlySet<string> = new Set(['SAVED', 'INSTALLED', 'LINK_LOST', 'LINK_UP', 'STORAGE_FAILED', 'STORAGE_OK', 'PACE']);
const isLocal = (input: Message | LocalEvent): input is LocalEvent => localTypes.has(input.type);

/**
 * One member of a site: Raft without a disk, a network or a clock. The driver gives it messages, events and the time, takes
 * out a `Ready`, does what that says, and reports back. Every method is synchronous and cheap.
 */
export class Raft {
  readonly #state: RaftState;

  /** @throws {InvariantError} when the options contradict each other */
  constructor(options: RaftOptions) {
    this.#state = createState(options);
    // Alone, there is nobody to wait for.
    const voters = allVoters(this.#state.membership);
    if (voters.length === 1 && voters[0] === options.id) becomePreCandidate(this.#state, 'timeout');
  }

  /** Takes a message from a peer or an event of the driver. */
  step(input: Message | LocalEvent): void {
    if (isLocal(input)) localEvent(this.#state, input);
    else receive(this.#state, input);
  }

  /** Time is `now`, at least. Before messages that arrived during a pause, so that the pause is known first. */
  tick(now: Tick): void {
    const state = this.#state;
    state.now = tick(Math.max(state.now, now));
    tickOf[state.role](state, state.now);
  }

  /** Takes in a command. The leader appends it, others forward it; see `Ready.accepted` and `Ready.refused`. */
  propose(requestId: number, data: Uint8Array): void {
    const state = this.#state;
    if (state.role === 'leader') takeCommand(state, state.id, requestId, data);
    else forward(state, requestId, 'command', data);
  }

  /** Takes in a change of membership: taken by the leader, one at a time. Accepted and refused like a command. */
  changeMembership(requestId: number, changes: readonly RoleChange[]): void {
    const state = this.#state;
    const data = encodeChanges(changes);
    if (state.role === 'leader') takeChange(state, state.id, requestId, data);
    else forward(state, requestId, 'change', data);
  }

  /** Takes in a linearizable read: `Ready.reads` names the index to apply before serving it. */
  read(requestId: number): void {
    const state = this.#state;
    if (state.role === 'leader') takeRead(state, { from: state.id, requestId, items: undefined });
    else forward(state, requestId, 'read', new Uint8Array(0));
  }

  /** Asks the leader whether these placements are still valid; see `Ready.verdicts`. */
  revalidate(requestId: number, items: readonly RevalidateItem[]): void {
    const state = this.#state;
    if (items.length > limits.revalidateItemsMax) refuse(state, state.id, requestId, 'TOO_LARGE');
    else if (state.role === 'leader') takeRead(state, { from: state.id, requestId, items });
    else forwardRevalidate(state, requestId, items);
  }

  /** Gives the verdict asked for in `Ready.revalidations`; `to` may be this member. */
  answerRevalidate(to: NodeId, requestId: number, items: readonly VerdictItem[]): void {
    const { out, id, term } = this.#state;
    if (to === id) out.verdicts.push({ requestId, items });
    else out.messages.push({ type: 'REVALIDATE_REPLY', from: id, to, term, requestId, items });
  }

  /**
   * A client renewed its session here: the leader hears of it with the next ACK, without a log entry; see `Ready.touched`.
   * Told the time first. False when no leader is known, or the one that is has not shown for two election timeouts that it hears us.
   */
  touch(touch: Touch): boolean {
    const state = this.#state;
    const rested = rouse(state);
    if (state.role !== 'leader') {
      if (rested) nudge(state);
      return state.leader !== undefined && state.touches.touch(touch, state.now, 2 * electionTicksOf(state));
    }
    state.out.touched.push(touch);
    return true;
  }

  /** Hands leadership over to voter `to`, by default the one furthest along. False when this member does not lead, hands over already, or nobody can take it. */
  transferLeadership(to?: NodeId): boolean {
    rouse(this.#state);
    return transferLeadership(this.#state, to);
  }

  /** Whether `takeReady` has anything to give. */
  hasReady(): boolean {
    const { out, leadership, durability, log, commitIndex, handedOut, installing, ackDue } = this.#state;
    return (
      !out.empty ||
      ackDue ||
      durability.hardStateChanged(this.#state) ||
      durability.unsavedFrom <= log.lastIndex ||
      (installing === undefined ? handedOut < commitIndex : this.#canInstall()) ||
      (leadership !== undefined && (leadership.roundDue || leadership.replicationDue || (leadership.started && leadership.reads.waiting)))
    );
  }

  /** Everything the driver owes the core now. */
  takeReady(): Ready {
    const state = this.#state;
    flushAck(state);
    if (state.leadership !== undefined) flushLeader(state, state.leadership);
    const install = this.#takeInstall();
    const save = this.#takeSave();
    const committed = this.#takeCommitted();
    const { messages, snapshotsWanted, reads, accepted, refused, revalidations, verdicts, touched, events } = state.out;
    Object.assign(state.out, new Outbox());
    return { messages, save, committed, install, snapshotsWanted, reads, accepted, refused, revalidations, verdicts, touched, events };
  }

  /** Entries up to `appliedIndex` are applied. */
  advance(appliedIndex: LogIndex): void {
    const state = this.#state;
    invariant(appliedIndex <= state.handedOut, 'only entries handed out are applied', { appliedIndex, handedOut: state.handedOut });
    state.appliedIndex = logIndex(Math.max(state.appliedIndex, appliedIndex));
    const { leadership } = state;
    if (leadership === undefined || leadership.started || state.appliedIndex < leadership.noopIndex) return;
    leadership.started = true;
    state.out.events.push({ type: 'term-started', term: state.term, index: leadership.noopIndex });
  }

  /** Forgets entries up to `index`, which must be applied. Peers behind it get a snapshot. */
  compact(index: LogIndex): void {
    const { log, configurations, appliedIndex, durability } = this.#state;
    invariant(index <= appliedIndex && index <= durability.durableIndex, 'only applied and durable entries are compacted', {
      index,
      appliedIndex,
      durableIndex: durability.durableIndex,
    });
    log.compact(index);
    configurations.compact(index);
  }

  /** Who belonged to the site as of `index`, which is not compacted: what a snapshot made there carries. */
  membershipAt(index: LogIndex): Membership {
    return this.#state.configurations.at(index);
  }

  /** Gives the snapshot asked for in `Ready.snapshotsWanted`. */
  provideSnapshot(to: NodeId, snapshot: Snapshot): void {
    provideSnapshot(this.#state, to, snapshot);
  }

  /** What is asked for many times a second; the rest is in `view`. */
  get leader(): NodeId | undefined {
    return this.#state.leader;
  }

  get term(): Term {
    return this.#state.term;
  }

  get membership(): Membership {
    return this.#state.membership;
  }

  get nextTickAt(): Tick {
    return nextTickAt(this.#state);
  }

  /** Since when it leads, its term begun; undefined when it does not. */
  get leaderSince(): Tick | undefined {
    const { leadership } = this.#state;
    return leadership?.started === true ? leadership.since : undefined;
  }

  view(): RaftView {
    const { leadership, leaseFrom } = this.#state;
    return { ...viewOf(this.#state), leaseFrom: later(leaseFrom, leadership?.rounds.leaseFrom) };
  }

  #takeSave(): Save | undefined {
    const state = this.#state;
    const { out, durability, log } = state;
    const hardStateChanged = durability.hardStateChanged(state);
    // Until a snapshot is installed the log on disk and the one here are about to be replaced.
    const entries: readonly Entry[] =
      state.installing?.handedOut === true || durability.unsavedFrom > log.lastIndex
        ? []
        : log.slice(durability.unsavedFrom, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    if (!hardStateChanged && entries.length === 0) {
      if (out.messagesAfterSave.length === 0) return undefined;
      if (durability.idle) {
        out.messages.push(...out.messagesAfterSave);
        return undefined;
      }
    }
    const hardState = { term: state.term, votedFor: state.votedFor };
    const token = durability.handOut(hardState, entries);
    if (state.role === 'candidate' && state.campaign !== undefined) state.campaign.selfVoteToken ??= token;
    return { token, hardState: hardStateChanged ? hardState : undefined, entries, messagesAfterSave: out.messagesAfterSave };
  }

  #canInstall(): boolean {
    const { installing, durability, log } = this.#state;
    return (
      installing !== undefined &&
      !installing.handedOut &&
      durability.idle &&
      durability.unsavedFrom > log.lastIndex &&
      !durability.hardStateChanged(this.#state)
    );
  }

  #takeInstall(): Snapshot | undefined {
    const { installing } = this.#state;
    if (installing === undefined || !this.#canInstall()) return undefined;
    installing.handedOut = true;
    return installing.snapshot;
  }

  #takeCommitted(): readonly Entry[] {
    const state = this.#state;
    if (state.installing !== undefined || state.handedOut >= state.commitIndex) return [];
    const count = Math.min(state.commitIndex - state.handedOut, committedMax);
    const committed = state.log.slice(logIndex(state.handedOut + 1), count, Number.POSITIVE_INFINITY);
    state.handedOut = logIndex(state.handedOut + committed.length);
    return committed;
  }
}
