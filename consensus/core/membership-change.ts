import { byName, isMember, isWitness } from './membership.ts';
import { limits, type Membership, type NodeId, type RoleChange } from './types.ts';

/** Why no membership comes of the changes: it could not work, or it is the present one. */
export type ChangeRefusal = 'BAD_CHANGE' | 'NO_CHANGE';

/**
 * The membership that the changes make of one without a change under way. Refused is what has no voter with the data, more than
 * one witness that votes (two of them could commit what a single box holds), a voter that was no learner first, or a change of
 * what a member keeps.
 */
export function changedMembership(before: Membership, changes: readonly RoleChange[]): Membership | ChangeRefusal {
  const voters = new Set(before.voters);
  const learners = new Set(before.learners);
  const witnesses = new Set(before.witnesses ?? []);
  if (new Set(changes.map(({ id }) => id)).size !== changes.length) return 'BAD_CHANGE';
  for (const { id, role } of changes) {
    const wasMember = isMember(before, id);
    if (role === 'voter' && !wasMember) return 'BAD_CHANGE';
    if (wasMember && (role === 'learner' || role === 'witness-learner') && isWitness(before, id) !== (role === 'witness-learner'))
      return 'BAD_CHANGE';
    voters.delete(id);
    learners.delete(id);
    if (role === 'voter') voters.add(id);
    else if (role !== 'none') learners.add(id);
    if (role === 'none') witnesses.delete(id);
    else if (role === 'witness-learner') witnesses.add(id);
  }
  const votingWitnesses = [...voters].filter((id) => witnesses.has(id)).length;
  const isSound =
    voters.size > votingWitnesses &&
    votingWitnesses <= 1 &&
    voters.size <= limits.votersMax &&
    voters.size + learners.size <= limits.membersMax;
  if (!isSound) return 'BAD_CHANGE';
  const after = { voters: sorted(voters), votersBefore: [], learners: sorted(learners), witnesses: sorted(witnesses) };
  const isSame =
    sameIds(after.voters, before.voters) && sameIds(after.learners, before.learners) && sameIds(after.witnesses, before.witnesses ?? []);
  return isSame ? 'NO_CHANGE' : after;
}

/** The two steps of a change of voters, or the one that is enough when the voters stay the same. */
export function firstStep(before: Membership, after: Membership): Membership {
  if (sameIds(before.voters, after.voters)) return after;
  const witnesses = sorted(new Set([...(before.witnesses ?? []).filter((id) => before.voters.includes(id)), ...(after.witnesses ?? [])]));
  return { ...after, votersBefore: sorted(before.voters), witnesses };
}

/** The membership after the change is done. */
export function lastStep(joint: Membership): Membership {
  const after = { ...joint, votersBefore: [] };
  return { ...after, witnesses: (joint.witnesses ?? []).filter((id) => isMember(after, id)) };
}

const sorted = (ids: Iterable<NodeId>): readonly NodeId[] => [...ids].sort(byName);

function sameIds(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  const left = sorted(a);
  const right = sorted(b);
  return left.length === right.length && left.every((id, position) => id === right[position]);
}
