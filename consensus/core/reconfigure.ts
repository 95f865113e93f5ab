/** Changes of membership by joint consensus (Raft paper, section 6; thesis, chapter 4). */
import { type Leadership, progressOf } from './leadership.ts';
import { canLead, isJoint, isMember, isVoter, isWitness, peersOf } from './membership.ts';
import { decodeChanges, encodeMembership } from './membership-bytes.ts';
import { changedMembership, firstStep, lastStep } from './membership-change.ts';
import type { RefusalCode } from './messages.ts';
import { entryCost } from './requests.ts';
import { becomeFollower } from './roles.ts';
import type { RaftState } from './state.ts';
import { transferLeadership } from './transfer.ts';
import { type EntryId, limits, logIndex, type Membership, type Origin } from './types.ts';

/**
 * Begins a change as leader. One at a time, and not before an entry of the own term is committed: an earlier leader's change might
 * otherwise be half forgotten (the flaw of the thesis' single-server change, found in 2015).
 */
export function reconfigure(state: RaftState, origin: Origin, data: Uint8Array): EntryId | RefusalCode {
  const { leadership, configurations, commitIndex } = state;
  if (leadership === undefined) return 'NOT_LEADER';
  const { index, membership } = configurations.latest;
  if (!leadership.started || index > commitIndex || isJoint(membership)) return 'CHANGE_UNDER_WAY';
  const changes = decodeChanges(data);
  if (changes === undefined) return 'BAD_CHANGE';
  const after = changedMembership(membership, changes);
  if (typeof after === 'string') return after;
  const isBehind = after.voters.some((id) => !membership.voters.includes(id) && !hasCaughtUp(state, leadership, id));
  return isBehind ? 'NOT_CAUGHT_UP' : appendConfiguration(state, leadership, firstStep(membership, after), origin);
}

/** A new voter must not hold up commits: it takes entries as they come, and lacks fewer than one APPEND carries. */
function hasCaughtUp({ log }: RaftState, { progress }: Leadership, id: string): boolean {
  const peer = progress.get(id);
  return peer !== undefined && peer.mode === 'replicate' && peer.match + limits.appendEntriesMax > log.lastIndex;
}

function appendConfiguration(state: RaftState, leadership: Leadership, membership: Membership, origin: Origin | undefined): EntryId {
  const id = { term: state.term, index: logIndex(state.log.lastIndex + 1) };
  const entry = { ...id, kind: 'configuration', origin, data: encodeMembership(membership) } as const;
  state.log.append([entry]);
  state.configurations.append([entry]);
  leadership.uncommittedBytes += entryCost(entry.data);
  leadership.replicationDue = true;
  membershipChanged(state);
  return id;
}

/** The last membership in the log is another one: it counts from now on. Who left is told until that is committed. */
export function membershipChanged(state: RaftState): void {
  const { index, membership } = state.configurations.latest;
  state.membership = membership;
  state.out.events.push({ type: 'membership', index, membership });
  const { leadership } = state;
  if (leadership === undefined) return;
  for (const peer of peersOf(membership, state.id)) {
    const known = leadership.progress.get(peer);
    if (known === undefined) leadership.progress.set(peer, progressOf(state, peer, logIndex(state.log.lastIndex + 1)));
    else {
      known.leaving = false;
      known.isWitness = isWitness(membership, peer);
    }
  }
}

/** The commit index moved: ends the two-majority phase, and after the last step lets go of those who left, oneself included. */
export function configurationCommitted(state: RaftState, leadership: Leadership): void {
  const { index, membership } = state.configurations.latest;
  if (index > state.commitIndex) return;
  if (isJoint(membership)) {
    appendConfiguration(state, leadership, lastStep(membership), undefined);
    return;
  }
  for (const peer of leadership.progress.values()) peer.leaving = !isMember(membership, peer.id);
  if (canLead(membership, state.id) || leadership.transfer !== undefined) return;
  transferLeadership(state);
}

/** A leader that is no voter any more and found no successor ends its leadership (Raft thesis, section 4.2.2). */
export function leftForGood(state: RaftState, leadership: Leadership): boolean {
  const { index, membership } = state.configurations.latest;
  if (index > state.commitIndex || isVoter(membership, state.id)) return false;
  if (leadership.transfer !== undefined && state.now < leadership.transfer.deadline) return false;
  becomeFollower(state, state.term, undefined, 'removed');
  return true;
}
