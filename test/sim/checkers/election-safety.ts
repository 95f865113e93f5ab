import type { CoreEvent } from '../../../consensus/core/ready.ts';
import type { NodeId } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

/** At most one leader in a term (Raft paper, figure 3). */
export class ElectionSafety implements Observer {
  readonly #leaders = new Map<number, NodeId>();

  /** Elections seen so far. */
  get elections(): number {
    return this.#leaders.size;
  }

  event(node: SimNode, event: CoreEvent): void {
    if (event.type !== 'role' || event.to !== 'leader') return;
    const other = this.#leaders.get(event.term);
    // Even the same node twice is wrong: it would have forgotten a term it led.
    if (other !== undefined)
      throw new Violation('Election safety: two leaders in a term', { term: event.term, first: other, second: node.id });
    this.#leaders.set(event.term, node.id);
  }
}
