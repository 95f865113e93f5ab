import { countBallots } from '../../../consensus/core/membership.ts';
import type { Entry, Membership, NodeId } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

const isHeld = (membership: Membership, holders: ReadonlySet<NodeId>): boolean =>
  countBallots(membership, (voter) => (holders.has(voter) ? 'granted' : 'refused')) === 'won';

/** What is applied for the first time lies on the disks of a majority, whatever loses power next. */
export class DurableAcks implements Observer {
  readonly #nodes: () => Iterable<SimNode>;
  #highest = 0;

  constructor(nodes: () => Iterable<SimNode>) {
    this.#nodes = nodes;
  }

  applied(node: SimNode, entry: Entry): void {
    if (entry.index <= this.#highest) return;
    this.#highest = entry.index;
    const { term, index } = entry;
    const holders = new Set<NodeId>();
    for (const { id, disk } of this.#nodes()) {
      // A flipped disk lost what it held: the one failure of a minority that a run may have.
      if (disk.holds({ term, index }) || disk.uncertain !== undefined) holders.add(id);
    }
    // The membership that counted when it was committed is that of the entry itself or, while it waited, a later one.
    const { raft } = node;
    if (raft === undefined || [raft.membershipAt(index), raft.view().membership].some((membership) => isHeld(membership, holders))) return;
    throw new Violation('Durable acknowledgement: committed without a durable majority', {
      node: node.id,
      index,
      term,
      holders: [...holders],
    });
  }
}
