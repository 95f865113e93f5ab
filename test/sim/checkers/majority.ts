import type { Membership, NodeId } from '../../../consensus/core/types.ts';

/** Whether these are a majority of the voters and, during a change, of those before it (Raft paper, section 6). Counted here: the core's own count is what is checked. */
export function isMajority({ voters, votersBefore = [] }: Membership, members: ReadonlySet<NodeId>): boolean {
  const groups = votersBefore.length === 0 ? [voters] : [voters, votersBefore];
  return groups.every((group) => group.length > 0 && group.filter((id) => members.has(id)).length * 2 > group.length);
}
