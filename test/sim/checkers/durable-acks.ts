import { majority } from '../../../consensus/core/quorum.ts';
import type { Entry, NodeId } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

/** What is applied for the first time lies on the disks of a majority, whatever loses power next. */
export class DurableAcks implements Observer {
  readonly #nodes: () => Iterable<SimNode>;
  readonly #voters: readonly NodeId[];
  #highest = 0;

  constructor(nodes: () => Iterable<SimNode>, voters: readonly NodeId[]) {
    this.#nodes = nodes;
    this.#voters = voters;
  }

  applied(node: SimNode, entry: Entry): void {
    if (entry.index <= this.#highest) return;
    this.#highest = entry.index;
    const { term, index } = entry;
    let holders = 0;
    for (const { id, disk } of this.#nodes()) {
      // A flipped disk lost what it held: the one failure of a minority that a run may have.
      if (this.#voters.includes(id) && (disk.holds({ term, index }) || disk.uncertain !== undefined)) holders += 1;
    }
    if (holders < majority(this.#voters.length))
      throw new Violation('Durable acknowledgement: committed without a durable majority', { node: node.id, index, term, holders });
  }
}
