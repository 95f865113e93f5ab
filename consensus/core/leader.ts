import { type Handlers, ignore, type MessageOf, type TickHandler } from './handlers.ts';
import { majorityReached } from './membership.ts';
import { electionTicksOf } from './pace.ts';
import { leftForGood } from './reconfigure.ts';
import { onLeaderAck } from './replication.ts';
import { onReply, onRequest, onRevalidate, onRevalidateReply } from './requests.ts';
import { becomeFollower, heardLeader } from './roles.ts';
import { onLeaderSnapshotAck } from './snapshot-sender.ts';
import type { RaftState } from './state.ts';
import { continueTransfer } from './transfer.ts';
import { onPreVote, onVote } from './voting.ts';

/** Another leader in the own term: heardLeader stops this member. */
const secondLeader = (state: RaftState, message: MessageOf<'PING' | 'APPEND' | 'SNAPSHOT'>): void => heardLeader(state, message.from);

export const leaderHandlers: Handlers = {
  PING: secondLeader,
  APPEND: secondLeader,
  SNAPSHOT: secondLeader,
  PREVOTE: onPreVote,
  VOTE: onVote,
  PREVOTE_REPLY: ignore, // Late: the election is won.
  VOTE_REPLY: ignore,
  ACK(state, message) {
    onLeaderAck(state, message);
    if (state.leadership?.transfer?.to === message.from) continueTransfer(state);
  },
  SNAPSHOT_ACK: onLeaderSnapshotAck,
  REQUEST: onRequest,
  REPLY: onReply,
  REVALIDATE: onRevalidate,
  REVALIDATE_REPLY: onRevalidateReply,
  TIMEOUT_NOW: ignore, // It leads already.
};

/** Newest time at which a majority of the voters, itself included, had been heard. */
export function majorityHeardAt(state: RaftState): number {
  const leadership = state.leadership;
  if (leadership === undefined) return state.now;
  return majorityReached(state.membership, (voter) => {
    if (voter === state.id) return state.now;
    const peer = leadership.progress.get(voter);
    return peer?.lastAckAt ?? peer?.since ?? leadership.since;
  });
}

/** When this leader steps down, unless more of the voters are heard (CheckQuorum). One that rested was not to be answered before. */
export const quorumLostAt = (state: RaftState): number =>
  Math.max(majorityHeardAt(state), state.leadership?.rousedAt ?? 0) + electionTicksOf(state);

/** CheckQuorum (Raft thesis, section 6.2), then PINGs. */
export const leaderTick: TickHandler = (state, now) => {
  if (now >= quorumLostAt(state)) return becomeFollower(state, state.term, undefined, 'quorum-lost');
  const { leadership } = state;
  if (leadership === undefined || leftForGood(state, leadership)) return;
  if (leadership.transfer !== undefined && now >= leadership.transfer.deadline) leadership.transfer = undefined;
  if (now >= leadership.nextPingAt) leadership.roundDue = true;
};
