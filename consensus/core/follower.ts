import { onLeaderAppend, onLeaderPing } from './appending.ts';
import { type Handlers, ignore, type MessageOf, type TickHandler } from './handlers.ts';
import { follow, resetElectionDeadline } from './pace.ts';
import { onReply, onRequest, onRevalidate, onRevalidateReply } from './requests.ts';
import { becomeCandidate, becomePreCandidate, heardLeader } from './roles.ts';
import { onLeaderSnapshot } from './snapshot-receiver.ts';
import type { RaftState } from './state.ts';
import { onPreVote, onVote } from './voting.ts';

/** PING, APPEND and SNAPSHOT make a follower of every role but leader. */
export const leaderHandlersOfOthers = {
  PING(state: RaftState, message: MessageOf<'PING'>): void {
    heardLeader(state, message.from);
    if (follow(state, message)) resetElectionDeadline(state);
    onLeaderPing(state, message);
  },
  APPEND(state: RaftState, message: MessageOf<'APPEND'>): void {
    heardLeader(state, message.from);
    onLeaderAppend(state, message);
  },
  SNAPSHOT(state: RaftState, message: MessageOf<'SNAPSHOT'>): void {
    heardLeader(state, message.from);
    onLeaderSnapshot(state, message);
  },
} as const;

export const followerHandlers: Handlers = {
  ...leaderHandlersOfOthers,
  PREVOTE: onPreVote,
  VOTE: onVote,
  PREVOTE_REPLY: ignore, // The poll is over.
  VOTE_REPLY: ignore, // The election is over.
  ACK: ignore, // Only leaders count acknowledgements.
  SNAPSHOT_ACK: ignore,
  REQUEST: onRequest,
  REPLY: onReply,
  REVALIDATE: onRevalidate,
  REVALIDATE_REPLY: onRevalidateReply,
  TIMEOUT_NOW(state, message) {
    // With an uncertain tail the log may lack what this member once acknowledged.
    if (message.from === state.leader && state.uncertain === undefined) becomeCandidate(state, 'transfer', false);
  },
};

export const followerTick: TickHandler = (state, now) => {
  const { lostLink } = state;
  if (lostLink !== undefined && now >= lostLink.until) state.lostLink = undefined;
  else if (lostLink !== undefined && now >= lostLink.campaignAt) return becomePreCandidate(state, 'link-lost');
  if (now >= state.electionDeadline) becomePreCandidate(state, 'timeout');
};
