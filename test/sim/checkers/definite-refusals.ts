import type { Entry } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

/** What was refused never happens, and nothing happens twice. */
export class DefiniteRefusals implements Observer {
  readonly #refused = new Set<number>();
  readonly #appliedAt = new Map<number, number>();

  refusedOperation(operation: number): void {
    this.#refused.add(operation);
    if (this.#appliedAt.has(operation)) throw new Violation('Definite refusals: refused after it was applied', { operation });
  }

  applied(node: SimNode, entry: Entry): void {
    if (entry.kind !== 'command' || entry.origin === undefined) return;
    const operation = entry.origin.requestId;
    if (this.#refused.has(operation)) throw new Violation('Definite refusals: applied after it was refused', { node: node.id, operation });
    const before = this.#appliedAt.get(operation);
    if (before !== undefined && before !== entry.index)
      throw new Violation('Requests: one request became two entries', { operation, before, now: entry.index });
    this.#appliedAt.set(operation, entry.index);
  }
}
