import type { RaftView } from '../../../consensus/core/raft.ts';
import type { NodeId } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import { isMajority } from './majority.ts';
import { Violation } from './violation.ts';

interface Known {
  readonly term: number;
  readonly index: number;
  /** Since when it has nothing to excuse it: its term and the membership began before, and it does not rest. */
  readonly at: number;
  readonly isResting: boolean;
  /** When the core was told the time last, and the longest patience it had since. */
  readonly toldAt: number;
  readonly patience: number;
}

/** Who leads is heard by a majority, or stops leading within an election timeout (Raft thesis, section 6.2). */
export class LeaderInTouch implements Observer {
  /** By their own clocks. */
  readonly #known = new Map<NodeId, Known>();

  settled(node: SimNode, view: RaftView | undefined): void {
    if (view?.role !== 'leader') return;
    const { toldAt } = node;
    const before = this.#known.get(node.id);
    // After a pause it hears what piled up before it looks at the clock. A rest may be agreed on between two looks, and end with the next.
    if (toldAt !== node.localNow) {
      if (before?.term === view.term && view.pace.rest > 0) this.#known.set(node.id, { ...before, isResting: true });
      return;
    }
    // A shorter timeout counts from the next look at the clock on.
    const patience = Math.max(view.electionTicks, before?.toldAt === toldAt ? before.patience : 0);
    const isExcused = before?.term !== view.term || before.index !== view.membershipIndex || before.isResting;
    const at = isExcused ? toldAt : before.at;
    this.#known.set(node.id, { term: view.term, index: view.membershipIndex, at, isResting: view.pace.rest > 0, toldAt, patience });
    if (toldAt - at <= patience) return;
    const heard = view.peers.filter(({ lastAckAt }) => toldAt - (lastAckAt ?? at) <= patience).map(({ id }) => id);
    if (isMajority(view.membership, new Set([node.id, ...heard]))) return;
    throw new Violation('Check quorum: a leader that no majority answers leads on', {
      leader: node.id,
      term: view.term,
      heard,
      at,
      toldAt,
      patience,
    });
  }
}
