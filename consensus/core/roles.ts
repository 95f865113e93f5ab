import { invariant } from './invariant.ts';
import { createLeadership } from './leadership.ts';
import { later } from './lease.ts';
import { atLeastAsUpToDate } from './log-view.ts';
import { allVoters, byName, canLead, countBallots, succession } from './membership.ts';
import type { CampaignReason, PreVote } from './messages.ts';
import { electionTicksOf, resetElectionDeadline } from './pace.ts';
import type { StepDownReason } from './ready.ts';
import { entryCost, refuse } from './requests.ts';
import { durableMatch, type RaftState } from './state.ts';
import { type LogIndex, logIndex, type NodeId, type Role, type Term, term, tick } from './types.ts';

/** Pause after a failed link-lost round, in ticks: from 3 to 5, so that candidates drift apart. */
const retryTicks = { least: 3, spread: 3 } as const;

function changeRole(state: RaftState, to: Role, reason: StepDownReason | CampaignReason | 'elected' | 'leader-known'): void {
  if (state.role === to) return;
  state.out.events.push({ type: 'role', from: state.role, to, term: state.term, reason });
  state.role = to;
}

function setLeader(state: RaftState, leader: NodeId | undefined): void {
  if (state.leader === leader) return;
  state.leader = leader;
  // A rest is an agreement with one leader.
  state.pace.rest = 0;
  state.out.events.push({ type: 'leader', leader, term: state.term });
}

function setTerm(state: RaftState, to: Term): void {
  invariant(to >= state.term, 'a term never goes back', { from: state.term, to });
  if (to === state.term) return;
  state.term = to;
  state.votedFor = undefined;
  // What is committed is in every later leader's log (Raft paper, section 5.4.3); the rest has to be compared again.
  state.verified = state.commitIndex;
  state.leaderCommit = undefined;
  state.leaderHolds = undefined;
  state.ackDue = false;
  state.sentAcks.forget();
  state.touches.forgetCarried();
}

/** Ends leadership: whoever waits for a read is told at once. Commands stay in the log and may still be committed. */
function endLeadership(state: RaftState): void {
  const leadership = state.leadership;
  if (leadership === undefined) return;
  state.leadership = undefined;
  // The lease earned as leader runs on: no newer leader grants anything before it ends.
  state.leaseFrom = later(state.leaseFrom, leadership.rounds.leaseFrom);
  for (const { from, requestId } of leadership.reads.drain()) refuse(state, from, requestId, 'NOT_LEADER');
}

/** Follows `leader`, or nobody yet, in a term not before the present one. */
export function becomeFollower(state: RaftState, to: Term, leader: NodeId | undefined, reason: StepDownReason | 'leader-known'): void {
  const previous = state.leader;
  setTerm(state, to);
  state.campaign = undefined;
  setLeader(state, leader);
  changeRole(state, 'follower', reason);
  endLeadership(state);
  if (leader !== previous) state.lostLink = undefined;
  state.leaderHeardAt = state.now;
  resetElectionDeadline(state);
}

/** The leader of this term was heard. */
export function heardLeader(state: RaftState, leader: NodeId): void {
  invariant(state.role !== 'leader', 'one leader in a term', { term: state.term, here: state.id, other: leader });
  invariant(state.leader === undefined || state.leader === leader, 'one leader in a term', {
    term: state.term,
    known: state.leader ?? '',
    other: leader,
  });
  if (state.role !== 'follower' || state.leader !== leader) becomeFollower(state, state.term, leader, 'leader-known');
  state.leaderHeardAt = state.now;
  state.lostLink = undefined;
  state.linksLost.delete(leader);
  resetElectionDeadline(state);
}

/**
 * Whether this member may ask for votes at all. One that leaves by a membership not yet known to be committed still may: its log can be
 * the only one that could win (Raft thesis, section 4.2.2).
 */
export function canCampaign(state: RaftState): boolean {
  const { index, membership } = state.configurations.latest;
  const leaving = index > state.commitIndex && canLead(state.configurations.at(logIndex(index - 1)), state.id);
  return (leaving || canLead(membership, state.id)) && !state.storageFailed && state.installing === undefined;
}

/** Polls the voters without touching anybody's term (Raft thesis, section 9.6). A member with an uncertain tail may poll, too. */
export function becomePreCandidate(state: RaftState, reason: CampaignReason): void {
  if (!canCampaign(state)) {
    // Whoever may not ask for votes forgets a silent leader all the same: nothing passed on to it would arrive.
    setLeader(state, undefined);
    resetElectionDeadline(state);
    return;
  }
  setLeader(state, undefined);
  changeRole(state, 'preCandidate', reason);
  endLeadership(state);
  resetElectionDeadline(state);
  if (reason === 'link-lost') state.electionDeadline = retryAt(state);
  state.polls += 1;
  state.campaign = {
    reason,
    ballots: new Map([[state.id, state.uncertain === undefined ? 'granted' : 'conditional']]),
    needsAll: false,
    selfVoteToken: undefined,
  };
  for (const to of allVoters(state.membership)) {
    if (to === state.id) continue;
    const last = state.log.last;
    state.out.messages.push({
      type: 'PREVOTE',
      from: state.id,
      to,
      term: term(state.term + 1),
      poll: state.polls,
      lastTerm: last.term,
      lastIndex: last.index,
      reason,
    });
  }
  countPoll(state);
}

const retryAt = (state: RaftState) => tick(state.now + retryTicks.least + state.random.nextInt(retryTicks.spread));

/**
 * Campaigns for real once a majority would vote so; or once every voter was heard and none has a longer log: then what an uncertain tail may
 * have held is nowhere. An answer to a poll is no promise, the voter may take and acknowledge entries after it: so then every one has to vote, too.
 */
export function countPoll(state: RaftState): void {
  const { campaign, membership } = state;
  if (campaign === undefined || state.role !== 'preCandidate') return;
  const { ballots, reason } = campaign;
  const complete = allVoters(membership).every((voter) => ballots.has(voter) && ballots.get(voter) !== 'refused');
  const result = countBallots(membership, (voter) => (ballots.get(voter) === 'granted' ? 'granted' : undefined));
  if (state.uncertain === undefined && result === 'won') becomeCandidate(state, reason, false);
  else if (complete) becomeCandidate(state, reason, true);
}

/** Asks for votes in a new term. */
export function becomeCandidate(state: RaftState, reason: CampaignReason, needsAll: boolean): void {
  if (!canCampaign(state)) {
    resetElectionDeadline(state);
    return;
  }
  setLeader(state, undefined);
  setTerm(state, term(state.term + 1));
  changeRole(state, 'candidate', reason);
  state.votedFor = state.id;
  resetElectionDeadline(state);
  state.campaign = { reason, ballots: new Map(), needsAll, selfVoteToken: undefined };
  for (const to of allVoters(state.membership)) {
    if (to === state.id) continue;
    const last = state.log.last;
    state.out.messagesAfterSave.push({
      type: 'VOTE',
      from: state.id,
      to,
      term: state.term,
      lastTerm: last.term,
      lastIndex: last.index,
      reason,
      complete: needsAll,
    });
  }
}

/** Becomes leader with a majority of votes, or with all where all are needed; follower when they cannot be had any more. */
export function countVotes(state: RaftState): void {
  const { campaign, membership } = state;
  if (campaign === undefined || state.role !== 'candidate') return;
  const { ballots, reason, needsAll } = campaign;
  // Whom a lost link keeps from answering does not vote in this term: a split vote is then known at once, not at the timeout.
  const result = countBallots(membership, (voter) => {
    const ballot = ballots.get(voter);
    if (ballot === undefined) return reason === 'link-lost' && state.linksLost.has(voter) ? 'refused' : undefined;
    return ballot === 'granted' ? 'granted' : 'refused';
  });
  const voters = allVoters(membership);
  const isWon = result === 'won' && (!needsAll || voters.every((voter) => ballots.get(voter) === 'granted'));
  const isLost = result === 'lost' || (needsAll && voters.some((voter) => ballots.get(voter) === 'refused'));
  if (isWon) becomeLeader(state);
  if (!isLost) return;
  const lostLink = state.lostLink;
  becomeFollower(state, state.term, undefined, 'lost-election');
  // The leader is gone for certain: the next attempt comes soon.
  if (lostLink !== undefined && state.now < lostLink.until) state.lostLink = { ...lostLink, campaignAt: retryAt(state) };
}

function becomeLeader(state: RaftState): void {
  changeRole(state, 'leader', 'elected');
  setLeader(state, state.id);
  state.campaign = undefined;
  state.lostLink = undefined;
  state.pace.led = 0;
  becomeCertain(state);
  state.incoming = undefined;
  const leadership = createLeadership(state);
  state.leadership = leadership;
  for (let index = state.commitIndex + 1; index <= state.log.lastIndex; index += 1) {
    const entry = state.log.entryAt(logIndex(index));
    if (entry !== undefined) leadership.uncommittedBytes += entryCost(entry.data);
  }
  state.out.touched.push(...state.touches.take());
  const noop = { term: state.term, index: leadership.noopIndex, kind: 'noop', origin: undefined, data: new Uint8Array(0) } as const;
  state.log.append([noop]);
  leadership.uncommittedBytes += entryCost(noop.data);
}

/** The link to the leader is gone: campaign by rank, `rankTicks` apart and a little jitter. */
export function leaderLinkLost(state: RaftState, leader: NodeId): void {
  if (!canLead(state.membership, state.id)) return;
  const rank = succession(state.membership, leader).indexOf(state.id);
  const { rankTicks } = state.timing;
  const wait = rank * rankTicks + state.random.nextInt(rankTicks);
  state.lostLink = { campaignAt: tick(state.now + wait), until: tick(state.now + electionTicksOf(state)) };
  if (wait === 0) becomePreCandidate(state, 'link-lost');
}

/** A member that lost the leader, too, polls already: leave it the time of one round. */
export function yieldTo(state: RaftState): void {
  if (state.lostLink === undefined) return;
  if (state.role === 'preCandidate' && state.campaign?.reason === 'link-lost') becomeFollower(state, state.term, undefined, 'yielded');
  state.lostLink.campaignAt = tick(Math.max(state.lostLink.campaignAt, retryAt(state)));
}

/**
 * Two members that noticed the leader's loss at the same moment would win each other's polls and split the vote. The earlier one by
 * name has precedence, unless its log is behind: then it could not win, and gives way.
 */
export function takesPrecedence(state: RaftState, message: PreVote): boolean {
  if (state.role !== 'preCandidate' || state.campaign?.reason !== 'link-lost' || message.reason !== 'link-lost') return false;
  return byName(state.id, message.from) < 0 && atLeastAsUpToDate(state.log.last, { term: message.lastTerm, index: message.lastIndex });
}

/**
 * How long this term's leader said its log is, in a message sent after this member was started. Whatever this member acknowledged before,
 * up to this term, and that may be committed is in that log: from earlier terms by leader completeness, from this one because a
 * leader only appends. The first such message asks the least. @param leaderLast 0 from a release that does not say it
 */
export function heardLeaderLast(state: RaftState, leaderLast: LogIndex): void {
  if (state.uncertain !== undefined && leaderLast > 0) state.leaderHolds ??= leaderLast;
}

/**
 * Clears the uncertain tail once this log, durably equal to the leader's, has passed it, or holds all that the leader had after this
 * member was started: often only an upper bound is known of what was lost.
 */
export function settleUncertain(state: RaftState): void {
  const { uncertain, leaderHolds } = state;
  if (uncertain === undefined) return;
  const index = durableMatch(state);
  const matchTerm = state.log.termAt(index);
  const isPassed = matchTerm !== undefined && atLeastAsUpToDate({ term: matchTerm, index }, uncertain);
  if (isPassed || (leaderHolds !== undefined && index >= leaderHolds)) becomeCertain(state);
}

function becomeCertain(state: RaftState): void {
  if (state.uncertain === undefined) return;
  state.uncertain = undefined;
  state.leaderHolds = undefined;
  state.out.events.push({ type: 'tail-certain' });
}
