import type { RaftView } from '../../../consensus/core/raft.ts';
import type { CoreEvent } from '../../../consensus/core/ready.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

/**
 * A lease never begins after a newer leader was elected: that leader waits 1.1 leases from its election, so nothing it grants
 * overlaps with a lease of 0.9 that began before.
 */
export class LeaseSafety implements Observer {
  readonly #now: () => number;
  readonly #elected: { readonly term: number; readonly at: number }[] = [];
  readonly #leaseFrom = new Map<string, number>();
  #renewals = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Lease renewals checked so far. */
  get renewals(): number {
    return this.#renewals;
  }

  started(node: SimNode): void {
    this.#leaseFrom.delete(node.id);
  }

  event(_node: SimNode, event: CoreEvent): void {
    if (event.type === 'role' && event.to === 'leader') this.#elected.push({ term: event.term, at: this.#now() });
  }

  settled(node: SimNode, view: RaftView | undefined): void {
    if (view?.leaseFrom === undefined) return;
    const { clockOffset, clockRate = 1 } = node.options;
    // In the simulation's time, and not later than it was.
    const from = (view.leaseFrom - clockOffset) / clockRate;
    const before = this.#leaseFrom.get(node.id);
    if (before === from) return;
    if (from > this.#now() + 1) throw new Violation('Lease: it begins in the future', { node: node.id, from, now: this.#now() });
    if (before !== undefined && from < before) throw new Violation('Lease: it went back', { node: node.id, from, before });
    this.#leaseFrom.set(node.id, from);
    this.#renewals += 1;
    const newer = this.#elected.find(({ term, at }) => term > view.term && at < from);
    if (newer !== undefined) throw new Violation('Lease: it began under an older leader', { node: node.id, term: view.term, from, newer });
  }
}
