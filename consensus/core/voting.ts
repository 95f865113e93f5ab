import { atLeastAsUpToDate } from './log-view.ts';
import type { PreVote, Vote } from './messages.ts';
import { electionTicksOf, resetElectionDeadline } from './pace.ts';
import { takesPrecedence, yieldTo } from './roles.ts';
import type { RaftState } from './state.ts';

/**
 * Whether a campaign is not listened to because a leader is at work: leadership that works is not disturbed (Raft thesis,
 * sections 4.2.3 and 9.6). A transfer is the leader's own wish; a lost link counts only where it was lost here, too.
 */
export function leaderStands(state: RaftState, message: PreVote | Vote): boolean {
  if (message.reason === 'transfer') return false;
  if (state.role === 'leader') return true;
  if (state.leader === undefined || state.now - state.leaderHeardAt >= electionTicksOf(state)) return false;
  return !(message.reason === 'link-lost' && state.linksLost.has(state.leader));
}

/** Whether the candidate's log reaches what this member may have acknowledged before its log was damaged. */
function reachesUncertain(state: RaftState, message: PreVote | Vote): boolean {
  return state.uncertain === undefined || atLeastAsUpToDate({ term: message.lastTerm, index: message.lastIndex }, state.uncertain);
}

const logSuffices = (state: RaftState, message: PreVote | Vote): boolean =>
  atLeastAsUpToDate({ term: message.lastTerm, index: message.lastIndex }, state.log.last);

/** PREVOTE, in every role. Promises nothing, so nothing is saved. */
export function onPreVote(state: RaftState, message: PreVote): void {
  if (state.storageFailed) return;
  const willing =
    message.term > state.term && !leaderStands(state, message) && logSuffices(state, message) && !takesPrecedence(state, message);
  const granted = willing && reachesUncertain(state, message);
  const conditional = willing && !granted;
  state.out.messages.push({
    type: 'PREVOTE_REPLY',
    from: state.id,
    to: message.from,
    term: willing ? message.term : state.term,
    poll: message.poll,
    granted,
    conditional,
  });
  if (granted) yieldTo(state);
}

/** VOTE of the present term. A grant leaves the box only after it is durable. */
export function onVote(state: RaftState, message: Vote): void {
  if (state.storageFailed) return;
  const free = state.votedFor === undefined ? state.role === 'follower' : state.votedFor === message.from;
  const granted = free && logSuffices(state, message) && (message.complete || reachesUncertain(state, message));
  if (!granted) {
    refuseVote(state, message);
    return;
  }
  state.votedFor = message.from;
  state.lostLink = undefined;
  resetElectionDeadline(state);
  state.out.messagesAfterSave.push({ type: 'VOTE_REPLY', from: state.id, to: message.from, term: state.term, granted });
}

/** Answers a VOTE with no; a stale candidate learns the term. */
export function refuseVote(state: RaftState, message: Vote): void {
  state.out.messages.push({ type: 'VOTE_REPLY', from: state.id, to: message.from, term: state.term, granted: false });
}
