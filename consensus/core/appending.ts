import { invariant } from './invariant.ts';
import { later } from './lease.ts';
import type { Ack, Append, Ping } from './messages.ts';
import { membershipChanged } from './reconfigure.ts';
import { heardLeaderLast, settleUncertain } from './roles.ts';
import { commitTo, durableMatch, type RaftState } from './state.ts';
import { type LogIndex, logIndex, type NodeId, tick } from './types.ts';

/** An ACK of this moment. Answers to PINGs are numbered: leases and touches are counted by them. */
function ack(
  state: RaftState,
  to: NodeId,
  durableIndex: LogIndex,
  parts: Partial<Pick<Ack, 'seq' | 'sentAt' | 'reject' | 'restTicks'>>,
): Ack {
  return {
    type: 'ACK',
    from: state.id,
    to,
    term: state.term,
    seq: 0,
    sentAt: tick(0),
    reject: undefined,
    restTicks: 0,
    ...parts,
    ackSeq: parts.seq === undefined ? 0 : state.sentAcks.record(state.now),
    durableIndex,
    touches: [],
  };
}

/** Tells a leader of an older term that its time is over. */
export function ackStale(state: RaftState, to: NodeId): void {
  state.out.messages.push(ack(state, to, logIndex(0), {}));
}

/** Wakes a leader that rests, though there is nothing to ask: its PING will be answered with what waits here. */
export function nudge(state: RaftState): void {
  if (state.leader !== undefined && state.leadership === undefined)
    state.out.messages.push(ack(state, state.leader, durableMatch(state), {}));
}

/** Takes the commit index of a leader's message, as far as the logs are known to be equal. */
function learnCommit(state: RaftState, leaderCommit: LogIndex): void {
  state.leaderCommit = logIndex(Math.max(state.leaderCommit ?? 0, leaderCommit));
  if (state.installing === undefined) commitTo(state, logIndex(Math.min(state.leaderCommit, state.verified)));
}

/** PING from this term's leader: answered at once, with what is already durable. */
export function onLeaderPing(state: RaftState, message: Ping): void {
  const sentAt = message.ackSeqMajority === 0 ? undefined : state.sentAcks.sentAt(message.ackSeqMajority);
  state.leaseFrom = later(state.leaseFrom, sentAt);
  learnCommit(state, message.commitIndex);
  // An echo of what an earlier process of this box sent says nothing.
  const leftAt = state.sentAcks.leftAt(message.ackSeqSeen);
  if (leftAt !== undefined) {
    state.touches.echoed(message.ackSeqSeen, leftAt);
    heardLeaderLast(state, message.lastIndex);
  }
  settleUncertain(state);
  const { seq, restTicks } = message;
  const answer = ack(state, message.from, durableMatch(state), { seq, sentAt: message.sentAt, restTicks });
  state.out.messages.push({ ...answer, touches: state.touches.carry(answer.ackSeq) });
}

/** APPEND from this term's leader. */
export function onLeaderAppend(state: RaftState, message: Append): void {
  // A snapshot is being written: what comes now would be thrown away. The leader repeats it.
  if (state.installing !== undefined) return;
  const { log } = state;
  if (message.prevIndex > log.base.index && log.termAt(message.prevIndex) !== message.prevTerm) {
    const hint = log.lastNotAbove(message.prevIndex, message.prevTerm);
    const reject = { prevIndex: message.prevIndex, hintTerm: hint.term, hintIndex: hint.index };
    state.out.messages.push(ack(state, message.from, durableMatch(state), { reject }));
    return;
  }
  // An empty APPEND that only brings the commit index needs no answer.
  if (message.entries.length > 0 || message.prevIndex > state.verified) state.ackDue = true;
  takeEntries(state, message);
  state.verified = logIndex(Math.max(state.verified, message.prevIndex + message.entries.length));
  learnCommit(state, message.commitIndex);
  settleUncertain(state);
}

/** Appends what is new; a conflicting tail goes first (Raft paper, figure 2, AppendEntries 3 and 4). */
function takeEntries(state: RaftState, message: Append): void {
  const { log } = state;
  const fresh = message.entries.findIndex((entry) => entry.index > log.base.index && log.termAt(entry.index) !== entry.term);
  const first = message.entries[fresh];
  if (first === undefined) return;
  if (first.index <= log.lastIndex) {
    invariant(first.index > state.commitIndex && first.index > state.verified, 'a committed or verified entry is never replaced', {
      index: first.index,
      commitIndex: state.commitIndex,
      verified: state.verified,
      term: state.term,
      from: message.from,
    });
    log.truncateFrom(first.index);
    state.durability.truncated(first.index);
    if (state.configurations.truncateFrom(first.index)) membershipChanged(state);
  }
  const added = message.entries.slice(fresh);
  log.append(added);
  if (state.configurations.append(added)) membershipChanged(state);
}

/** Gives one ACK for the APPENDs since the last Ready: at once for what is durable, after the save for the rest. */
export function flushAck(state: RaftState): void {
  if (!state.ackDue) return;
  state.ackDue = false;
  if (state.leader === undefined || state.role !== 'follower') return;
  const durable = durableMatch(state);
  if (durable === state.verified) state.out.messages.push(ack(state, state.leader, durable, {}));
  else state.out.messagesAfterSave.push(ack(state, state.leader, state.verified, {}));
}
