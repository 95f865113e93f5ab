import type { RaftView } from '../../../consensus/core/raft.ts';
import type { NodeId } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import type { LogMirror } from './log-matching.ts';
import { Violation } from './violation.ts';

/** What a leader believes its peers hold lies on their disks: `matchIndex` of the Raft paper, figure 2. */
export class LeaderBelief implements Observer {
  readonly #nodes: () => ReadonlyMap<NodeId, SimNode>;
  readonly #mirror: LogMirror;
  /** Per leader and peer: what was found true already. */
  readonly #seen = new Map<string, string>();

  constructor(nodes: () => ReadonlyMap<NodeId, SimNode>, mirror: LogMirror) {
    this.#nodes = nodes;
    this.#mirror = mirror;
  }

  settled(node: SimNode, view: RaftView | undefined): void {
    if (view?.role !== 'leader') return;
    for (const { id, match } of view.peers) {
      const belief = `${view.term} ${match}`;
      const about = `${node.id} ${id}`;
      if (match === 0 || this.#seen.get(about) === belief) continue;
      this.#seen.set(about, belief);
      const disk = this.#nodes().get(id)?.disk;
      const term = this.#mirror.termAt(node.id, match);
      // Who follows a newer leader may have replaced it since; a flipped disk lost what it held.
      if (disk === undefined || term === undefined || disk.hardState.term > view.term || disk.everFlipped) continue;
      if (!disk.holds({ term, index: match } as Parameters<typeof disk.holds>[0]))
        throw new Violation('Match index: a leader believes in an entry that its peer does not hold', {
          leader: node.id,
          peer: id,
          match,
          term,
        });
    }
  }
}
