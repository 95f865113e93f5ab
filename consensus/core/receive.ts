import { ackStale, nudge } from './appending.ts';
import { candidateHandlers, preCandidateHandlers } from './candidate.ts';
import { followerHandlers } from './follower.ts';
import type { Handlers } from './handlers.ts';
import { leaderHandlers } from './leader.ts';
import type { Message } from './messages.ts';
import { rouse } from './pace.ts';
import { becomeFollower } from './roles.ts';
import type { RaftState } from './state.ts';
import type { Role } from './types.ts';
import { leaderStands, refuseVote } from './voting.ts';

const handlersOf: { readonly [R in Role]: Handlers } = {
  follower: followerHandlers,
  preCandidate: preCandidateHandlers,
  candidate: candidateHandlers,
  leader: leaderHandlers,
};

/**
 * Takes a message from another member: first its term, then by role. The transport keeps strangers out; who is a member can be newer
 * than what this log tells, so it is not asked here (Raft thesis, section 4.1): only leaders and candidates count, and they count voters.
 */
export function receive(state: RaftState, message: Message): void {
  if (message.to !== state.id || message.from === state.id) return;
  // The leader may not know that anybody is awake: unless it is told, its next PING comes too late for who is.
  if (rouses(message) && rouse(state) && message.from !== state.leader) nudge(state);
  if (message.term > state.term && !takeHigherTerm(state, message)) return;
  if (message.term < state.term && !takeLowerTerm(state, message)) return;
  dispatch(handlersOf[state.role], state, message);
}

/** Everything but PINGs, which say themselves whether to rest, and their bare answers. */
const rouses = (message: Message): boolean =>
  message.type !== 'PING' && (message.type !== 'ACK' || message.seq === 0 || message.reject !== undefined || message.touches.length > 0);

function dispatch(handlers: Handlers, state: RaftState, message: Message): void {
  // The table pairs each type with its handler; TypeScript cannot follow the pair through an index.
  const handle = handlers[message.type] as (state: RaftState, message: Message) => void;
  handle(state, message);
}

/** A newer term ends this one, but for polls, which are hypothetical, and votes that would disturb a working leader. False: drop it. */
function takeHigherTerm(state: RaftState, message: Message): boolean {
  switch (message.type) {
    case 'PREVOTE':
      return true;
    case 'PREVOTE_REPLY':
      if (message.granted || message.conditional) return true;
      break;
    case 'VOTE':
      if (leaderStands(state, message)) return false;
      break;
    case 'PING':
    case 'APPEND':
    case 'SNAPSHOT':
      becomeFollower(state, message.term, message.from, 'higher-term');
      return true;
    default:
      break;
  }
  const handedOver = message.type === 'VOTE' && state.leadership?.transfer?.to === message.from;
  becomeFollower(state, message.term, undefined, handedOver ? 'transfer' : 'higher-term');
  return true;
}

/** What comes from the past is answered with the present term, or true whenever it was said, or dropped (false). */
function takeLowerTerm(state: RaftState, message: Message): boolean {
  switch (message.type) {
    case 'PING':
    case 'APPEND':
    case 'SNAPSHOT':
      ackStale(state, message.from);
      return false;
    case 'VOTE':
      refuseVote(state, message);
      return false;
    case 'PREVOTE':
    case 'REQUEST':
    case 'REPLY':
    case 'REVALIDATE':
    case 'REVALIDATE_REPLY':
      return true;
    default:
      return false;
  }
}
