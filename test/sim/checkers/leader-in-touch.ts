import type { RaftView } from '../../../consensus/core/raft.ts';
import type { NodeId } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import { isMajority } from './majority.ts';
import { Violation } from './violation.ts';

/** Who leads is heard by a majority, or stops leading within an election timeout (Raft thesis, section 6.2). */
export class LeaderInTouch implements Observer {
  /** Since when each leader has nothing to excuse it, by its clock: its term and the membership began before, and it does not rest. */
  readonly #since = new Map<NodeId, { readonly term: number; readonly index: number; readonly at: number }>();

  readonly #patience = new Map<NodeId, number>();

  settled(node: SimNode, view: RaftView | undefined): void {
    // After a pause it hears what piled up before it looks at the clock.
    if (view?.role !== 'leader' || node.toldAt !== node.localNow) return;
    const now = node.localNow;
    const known = this.#since.get(node.id);
    // One that rests is not to be answered before its rest is over.
    if (known?.term !== view.term || known.index !== view.membershipIndex || view.pace.rest > 0) {
      this.#since.set(node.id, { term: view.term, index: view.membershipIndex, at: now });
      return;
    }
    // A shorter timeout counts from the next look at the clock on.
    const patience = Math.max(view.electionTicks, this.#patience.get(node.id) ?? 0) + 2;
    this.#patience.set(node.id, view.electionTicks);
    const heard = view.peers.filter(({ lastAckAt }) => now - (lastAckAt ?? known.at) <= patience).map(({ id }) => id);
    if (now - known.at <= patience || isMajority(view.membership, new Set([node.id, ...heard]))) return;
    throw new Violation('Check quorum: a leader that no majority answers leads on', { leader: node.id, term: view.term, heard, now });
  }
}
