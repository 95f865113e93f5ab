import { leaderHandlersOfOthers } from './follower.ts';
import { type Handlers, ignore, type TickHandler } from './handlers.ts';
import { isVoter } from './membership.ts';
import { onReply, onRequest, onRevalidate, onRevalidateReply } from './requests.ts';
import { becomePreCandidate, countPoll, countVotes } from './roles.ts';
import { onPreVote, onVote } from './voting.ts';

const commonHandlers = {
  ...leaderHandlersOfOthers,
  PREVOTE: onPreVote,
  VOTE: onVote,
  ACK: ignore, // Only leaders count acknowledgements.
  SNAPSHOT_ACK: ignore,
  REQUEST: onRequest,
  REPLY: onReply,
  REVALIDATE: onRevalidate,
  REVALIDATE_REPLY: onRevalidateReply,
  TIMEOUT_NOW: ignore, // It campaigns already.
} as const;

export const preCandidateHandlers: Handlers = {
  ...commonHandlers,
  PREVOTE_REPLY(state, message) {
    if (message.poll !== state.polls || !isVoter(state.membership, message.from)) return;
    state.campaign?.ballots.set(message.from, message.granted ? 'granted' : message.conditional ? 'conditional' : 'refused');
    countPoll(state);
  },
  VOTE_REPLY: ignore, // Of an election that was given up.
};

export const candidateHandlers: Handlers = {
  ...commonHandlers,
  PREVOTE_REPLY: ignore, // The poll was won without it.
  VOTE_REPLY(state, message) {
    if (!isVoter(state.membership, message.from)) return;
    state.campaign?.ballots.set(message.from, message.granted ? 'granted' : 'refused');
    countVotes(state);
  },
};

/** Polls again when the time is up: quickly while the leader's link was lost a moment ago. */
export const candidateTick: TickHandler = (state, now) => {
  if (now < state.electionDeadline) return;
  const quick = state.lostLink !== undefined && now < state.lostLink.until;
  if (!quick) state.lostLink = undefined;
  becomePreCandidate(state, quick ? 'link-lost' : 'timeout');
};
