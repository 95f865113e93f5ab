import type { Membership, NodeId } from './types.ts';

/** Order by code units, the same on every machine. */
export const byName = (a: NodeId, b: NodeId): number => (a < b ? -1 : a > b ? 1 : 0);

export const isVoter = (membership: Membership, id: NodeId): boolean => membership.voters.includes(id);

export const isMember = (membership: Membership, id: NodeId): boolean => isVoter(membership, id) || membership.learners.includes(id);

/** Voters and learners but `id`, in a fixed order. */
export function peersOf(membership: Membership, id: NodeId): readonly NodeId[] {
  return [...membership.voters, ...membership.learners].filter((member) => member !== id).sort(byName);
}

/** Who campaigns first, second, … when the leader's link is lost: the voters by name, without the leader. */
export function succession(membership: Membership, leader: NodeId | undefined): readonly NodeId[] {
  return membership.voters.filter((voter) => voter !== leader).sort(byName);
}
