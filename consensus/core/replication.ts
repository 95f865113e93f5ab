import type { Leadership } from './leadership.ts';
import { canLead, majorityReached } from './membership.ts';
import type { Ack } from './messages.ts';
import { electionTicksOf } from './pace.ts';
import type { Progress } from './progress.ts';
import { configurationCommitted } from './reconfigure.ts';
import { answerReads, entryCost } from './requests.ts';
import { considerAnswer, considerRest, settleRest } from './rest.ts';
import { sendChunk, wantSnapshot } from './snapshot-sender.ts';
import { commitTo, type RaftState } from './state.ts';
import { type Entry, limits, logIndex, type NodeId, type Term, tick } from './types.ts';

/** A probe carries little: it may be in vain. */
const probeBytesMax = 4096;

/** Sends what is due to everybody, with the next Ready: first the PINGs, then entries. */
export function flushLeader(state: RaftState, leadership: Leadership): void {
  if (leadership.started && leadership.reads.waiting) leadership.roundDue = true;
  considerRest(state, leadership);
  if (leadership.roundDue) beginRound(state, leadership);
  if (!leadership.replicationDue) return;
  leadership.replicationDue = false;
  for (const progress of leadership.progress.values()) {
    sendEntries(state, progress);
    progress.check(state.log.lastIndex);
    // It left, and is told so by the commit index that goes out now.
    if (progress.leaving) leadership.progress.delete(progress.id);
  }
}

function beginRound(state: RaftState, leadership: Leadership): void {
  const { rounds, reads, progress } = leadership;
  leadership.roundDue = false;
  const { pingTicks, restPingTicks } = state.timing;
  leadership.nextPingAt = tick(state.now + (state.pace.rest > 0 ? restPingTicks : pingTicks));
  rounds.begin(state.now, () => new Map([...progress].map(([id, peer]): [NodeId, number] => [id, peer.ackSeqSeen])));
  if (leadership.started) reads.assign(rounds.seq, state.commitIndex);
  for (const peer of progress.values()) {
    state.out.messages.push({
      type: 'PING',
      from: state.id,
      to: peer.id,
      term: state.term,
      commitIndex: state.commitIndex,
      seq: rounds.seq,
      sentAt: state.now,
      ackSeqSeen: peer.ackSeqSeen,
      ackSeqMajority: rounds.ackSeqMajority(peer.id),
      lastIndex: state.log.lastIndex,
      electionTicks: electionTicksOf({ timing: state.timing, pace: { ...state.pace, rest: 0 } }),
      restTicks: leadership.restRound === undefined ? 0 : restPingTicks,
    });
  }
  countRounds(state, leadership);
}

function countRounds(state: RaftState, leadership: Leadership): void {
  const { rounds, progress } = leadership;
  const answeredBy = (voter: NodeId) => (voter === state.id ? rounds.seq : (progress.get(voter)?.answeredRound ?? 0));
  if (rounds.update(majorityReached(state.membership, answeredBy))) answerReads(state);
  settleRest(state, leadership);
}

const bytesOf = (entries: readonly Entry[]): number => entries.reduce((sum, entry) => sum + entry.data.length, 0);

/** What a witness keeps of an entry; memberships it needs itself. */
const withoutPayload = (entry: Entry): Entry =>
  entry.kind === 'command' ? { ...entry, origin: undefined, data: new Uint8Array(0) } : entry;

function sendAppend(state: RaftState, peer: Progress, prevTerm: Term, entries: readonly Entry[], canWait = false): void {
  peer.commitSent = state.commitIndex;
  state.out.messages.push({
    type: 'APPEND',
    from: state.id,
    to: peer.id,
    term: state.term,
    prevTerm,
    prevIndex: logIndex(peer.next - 1),
    entries: peer.isWitness ? entries.map(withoutPayload) : entries,
    commitIndex: state.commitIndex,
    ...(canWait ? { canWait } : {}),
  });
}

/** Whether a request of the peer's clients is answered once it knows the commit index. */
function isAwaited({ log, commitIndex }: RaftState, peer: Progress): boolean {
  for (let index = peer.commitSent + 1; index <= commitIndex; index += 1)
    if (log.entryAt(logIndex(index))?.origin?.node === peer.id) return true;
  return false;
}

const countTo = (end: number, peer: Progress): number => Math.max(0, end - peer.next + 1);

/**
 * A witness is told of an entry only once it lies, with its payload, on the disk of a voter with the data. It refuses its vote to
 * everybody who lacks what it acknowledged: an entry lost with the power of this box alone would otherwise end all elections.
 */
function heldWithPayload(state: RaftState): number {
  const peers = [...(state.leadership?.progress.values() ?? [])].filter(({ id }) => canLead(state.membership, id));
  const here = canLead(state.membership, state.id) ? state.durability.durableIndex : 0;
  return Math.max(here, ...peers.map(({ match }) => match));
}

/** Sends as many entries as mode and window allow, and the commit index if it moved on. */
function sendEntries(state: RaftState, peer: Progress): void {
  if (peer.mode === 'snapshot' || (peer.mode === 'probe' && peer.probing)) return;
  const { log } = state;
  const end = peer.isWitness ? heldWithPayload(state) : log.lastIndex;
  while (true) {
    const prevTerm = log.termAt(logIndex(peer.next - 1));
    if (prevTerm === undefined) {
      wantSnapshot(state, peer);
      return;
    }
    if (peer.mode === 'probe') {
      const entries = log.slice(peer.next, Math.min(limits.appendEntriesMax, countTo(end, peer)), probeBytesMax);
      sendAppend(state, peer, prevTerm, bytesOf(entries) > probeBytesMax ? [] : entries);
      peer.probing = true;
      return;
    }
    const more = peer.next <= end && !peer.windowFull;
    if (!more && peer.commitSent >= state.commitIndex) return;
    const entries = more ? log.slice(peer.next, Math.min(limits.appendEntriesMax, countTo(end, peer)), limits.appendBytesMax) : [];
    const canWait = !more && !peer.leaving && !isAwaited(state, peer);
    sendAppend(state, peer, prevTerm, entries, canWait);
    const last = entries.at(-1);
    if (last === undefined) return;
    peer.sent(last.index, bytesOf(entries), state.now);
  }
}

/** ACK of this term: counts the peer as alive, and its log as far as it is durable. */
export function onLeaderAck(state: RaftState, message: Ack): void {
  const leadership = state.leadership;
  const peer = leadership?.progress.get(message.from);
  if (leadership === undefined || peer === undefined) return;
  if (message.seq > 0) peer.measured(Math.max(0, state.now - message.sentAt));
  peer.lastAckAt = state.now;
  // Only ACKs to PINGs are echoed: each of them carried all touches that waited, so one of them is as good as all before it.
  if (message.seq > 0) peer.ackSeqSeen = message.ackSeq;
  state.out.touched.push(...message.touches);
  const before = peer.match;
  peer.matched(message.durableIndex, state.now);
  peer.check(state.log.lastIndex);

  if (message.reject !== undefined) stepBack(state, peer, message.reject);
  else if (peer.mode === 'probe' && (message.seq === 0 || message.durableIndex >= peer.next - 1)) peer.becomeReplicate();
  else if (peer.mode === 'snapshot' && peer.stream === undefined && state.log.termAt(peer.match) !== undefined && peer.match > before)
    peer.becomeReplicate();
  if (message.seq > 0) {
    peer.answeredRound = Math.max(peer.answeredRound, message.seq);
    considerAnswer(leadership, peer, message);
    if (peer.mode === 'replicate' && peer.match === peer.next - 1 && knowsLess(peer, message)) peer.becomeProbe(peer.next);
    repeatLost(state, peer);
    countRounds(state, leadership);
  }
  leadership.replicationDue = true;
  if (peer.match > before) advanceCommit(state);
}

/**
 * It knows less than it had acknowledged when this PING went out: it was started anew and has to be told where the logs meet, be there
 * news or not. An answer that was overtaken by the ACK of a save says nothing of the kind.
 */
const knowsLess = (peer: Progress, { durableIndex, sentAt }: Ack): boolean => durableIndex < peer.match && sentAt > peer.matchedAt;

/** The logs differ at `prev`: goes to the last place where they can agree. */
function stepBack(state: RaftState, peer: Progress, reject: NonNullable<Ack['reject']>): void {
  // Late answers to APPENDs sent before the last step back say nothing new.
  if (peer.mode === 'snapshot' || (peer.mode === 'replicate' && reject.prevIndex <= peer.match)) return;
  if (peer.mode === 'probe' && reject.prevIndex !== peer.next - 1) return;
  const agreed = Math.max(0, Math.min(lastAgreed(state, reject), reject.prevIndex - 1));
  // It had this once: its disk lost the end of its log. What is committed stays so; the rest counts anew.
  if (reject.prevIndex <= peer.match) peer.lostAfter(logIndex(agreed));
  peer.becomeProbe(logIndex(agreed + 1));
}

/** Where the logs can meet at the latest; before the base when only a snapshot helps. */
function lastAgreed({ log }: RaftState, { hintIndex, hintTerm }: NonNullable<Ack['reject']>): number {
  if (hintIndex < log.base.index) return hintIndex;
  const agreed = log.lastNotAbove(hintIndex, hintTerm);
  return agreed.term > hintTerm ? agreed.index - 1 : agreed.index;
}

/** The peer answers but does not get on: what was sent is lost. */
function repeatLost(state: RaftState, peer: Progress): void {
  const waiting = peer.mode === 'replicate' ? peer.match < peer.next - 1 : peer.mode === 'snapshot' || peer.probing;
  if (!waiting) {
    peer.movedAt = state.now;
    return;
  }
  if (!peer.stuck(state.now, state.timing.pingTicks)) return;
  peer.resending(state.now);
  if (peer.mode === 'snapshot') {
    if (peer.stream === undefined) wantSnapshot(state, peer);
    else sendChunk(state, peer, peer.stream);
  } else {
    peer.becomeProbe(peer.mode === 'replicate' ? logIndex(peer.match + 1) : peer.next);
  }
}

/** Commits what a majority holds durably, if the last of it is of this term (Raft paper, section 5.4.2). */
export function advanceCommit(state: RaftState): void {
  const leadership = state.leadership;
  if (leadership === undefined) return;
  const { durableIndex } = state.durability;
  const heldBy = (voter: NodeId) => (voter === state.id ? durableIndex : (leadership.progress.get(voter)?.match ?? 0));
  const reached = logIndex(majorityReached(state.membership, heldBy));
  if (reached <= state.commitIndex || state.log.termAt(reached) !== state.term) return;
  for (let index = state.commitIndex + 1; index <= reached; index += 1) {
    const entry = state.log.entryAt(logIndex(index));
    if (entry !== undefined) leadership.uncommittedBytes -= entryCost(entry.data);
  }
  commitTo(state, reached);
  leadership.replicationDue = true;
  configurationCommitted(state, leadership);
}
