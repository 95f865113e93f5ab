import { majorityValue, type Tally, tally } from './quorum.ts';
import type { Membership, NodeId } from './types.ts';

/** Order by code units, the same on every machine. */
export const byName = (a: NodeId, b: NodeId): number => (a < b ? -1 : a > b ? 1 : 0);

/** Whether a change of voters is under way: two majorities count. */
export const isJoint = ({ votersBefore }: Membership): boolean => votersBefore !== undefined && votersBefore.length > 0;

/** Groups of voters; what is decided needs a majority of each. */
function voterGroups({ voters, votersBefore }: Membership): readonly (readonly NodeId[])[] {
  return votersBefore === undefined || votersBefore.length === 0 ? [voters] : [voters, votersBefore];
}

/** Everybody whose vote counts, each once. */
export function allVoters({ voters, votersBefore }: Membership): readonly NodeId[] {
  return votersBefore === undefined || votersBefore.length === 0 ? voters : [...new Set([...voters, ...votersBefore])];
}

export const isVoter = ({ voters, votersBefore }: Membership, id: NodeId): boolean =>
  voters.includes(id) || votersBefore?.includes(id) === true;

export const isWitness = ({ witnesses }: Membership, id: NodeId): boolean => witnesses?.includes(id) === true;

/** A voter with the data: may campaign and lead. */
export const canLead = (membership: Membership, id: NodeId): boolean => isVoter(membership, id) && !isWitness(membership, id);

export const isMember = (membership: Membership, id: NodeId): boolean => isVoter(membership, id) || membership.learners.includes(id);

/** Voters and learners but `id`, in a fixed order. */
export function peersOf(membership: Membership, id: NodeId): readonly NodeId[] {
  return [...new Set([...allVoters(membership), ...membership.learners])].filter((member) => member !== id).sort(byName);
}

/** Who campaigns first, second, … when the leader's link is lost: who can lead, by name, without the leader. */
export function succession(membership: Membership, leader: NodeId | undefined): readonly NodeId[] {
  return allVoters(membership)
    .filter((voter) => voter !== leader && !isWitness(membership, voter))
    .sort(byName);
}

/** The highest value that a majority of the voters has reached; during a change, of both groups (Raft paper, section 6). */
export function majorityReached(membership: Membership, reached: (voter: NodeId) => number): number {
  return Math.min(...voterGroups(membership).map((group) => majorityValue(group.map(reached))));
}

/** Where a vote stands; during a change both groups have to grant it. */
export function countBallots(membership: Membership, ballotOf: (voter: NodeId) => 'granted' | 'refused' | undefined): Tally {
  const tallies = voterGroups(membership).map((group) => {
    const ballots = group.map(ballotOf);
    const count = (word: string) => ballots.filter((ballot) => ballot === word).length;
    return tally(group.length, count('granted'), count('refused'));
  });
  if (tallies.includes('lost')) return 'lost';
  return tallies.every((one) => one === 'won') ? 'won' : 'open';
}
