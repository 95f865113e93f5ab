import { nudge } from './appending.ts';
import type { LocalEvent } from './messages.ts';
import { rouse } from './pace.ts';
import { advanceCommit } from './replication.ts';
import { becomeFollower, countVotes, leaderLinkLost, settleUncertain } from './roles.ts';
import { onInstalled } from './snapshot-receiver.ts';
import type { RaftState } from './state.ts';
import { logIndex, type NodeId } from './types.ts';

type EventOf<Type extends LocalEvent['type']> = Extract<LocalEvent, { readonly type: Type }>;
type LocalHandlers = { readonly [Type in LocalEvent['type']]: (state: RaftState, event: EventOf<Type>) => void };

const localHandlers: LocalHandlers = {
  SAVED(state, { token }) {
    state.durability.saved(token);
    const { campaign } = state;
    if (state.role === 'candidate' && campaign?.selfVoteToken !== undefined && campaign.selfVoteToken <= token) {
      campaign.ballots.set(state.id, 'granted');
      countVotes(state);
    }
    advanceCommit(state);
    // A witness is told of what is durable only.
    const { leadership } = state;
    if (leadership !== undefined && [...leadership.progress.values()].some(({ isWitness }) => isWitness)) leadership.replicationDue = true;
    // Though the leader of this term may have been given up meanwhile.
    settleUncertain(state);
  },
  INSTALLED: (state, { index }) => onInstalled(state, index),
  LINK_LOST: (state, { peer }) => linkLost(state, peer),
  LINK_UP: (state, { peer }) => linkUp(state, peer),
  PACE(state, { electionTicks }) {
    state.pace.measured = electionTicks;
  },
  STORAGE_FAILED(state) {
    state.storageFailed = true;
    if (state.role !== 'follower') becomeFollower(state, state.term, undefined, 'storage');
  },
  STORAGE_OK(state) {
    state.storageFailed = false;
  },
};

function linkLost(state: RaftState, peer: NodeId): void {
  state.linksLost.add(peer);
  if (state.leadership !== undefined || state.leader === peer) rouse(state);
  const progress = state.leadership?.progress.get(peer);
  if (progress !== undefined) progress.linkUp = false;
  if (state.role === 'follower' && state.leader === peer) leaderLinkLost(state, peer);
  countVotes(state);
}

/** What was on its way over the old connection is lost: a leader asks at once how far the peer is. */
function linkUp(state: RaftState, peer: NodeId): void {
  state.linksLost.delete(peer);
  if ((state.leadership !== undefined || state.leader === peer) && rouse(state)) nudge(state);
  if (state.leader === peer) state.lostLink = undefined;
  const { leadership } = state;
  const progress = leadership?.progress.get(peer);
  if (leadership === undefined || progress === undefined) return;
  progress.linkUp = true;
  progress.restless = false;
  if (progress.mode === 'replicate' && progress.match < progress.next - 1) progress.becomeProbe(logIndex(progress.match + 1));
  if (progress.mode === 'probe') progress.probing = false;
  leadership.roundDue = true;
  leadership.replicationDue = true;
}

/** Takes an event of the own driver. */
export function localEvent(state: RaftState, event: LocalEvent): void {
  // The table pairs each type with its handler; TypeScript cannot follow the pair through an index.
  const handle = localHandlers[event.type] as (state: RaftState, event: LocalEvent) => void;
  handle(state, event);
}
