import type { Message } from '../../../consensus/core/messages.ts';
import type { Entry } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

/** What was refused never happens, nothing happens twice, and what is passed on happens in the term it was sent in or not at all: who waits knows by the next term. */
export class DefiniteRefusals implements Observer {
  readonly #refused = new Set<number>();
  readonly #appliedAt = new Map<number, number>();
  /** By request: the term it was passed on in. */
  readonly #sentIn = new Map<number, number>();

  sent(message: Message): void {
    if (message.type === 'REQUEST') this.#sentIn.set(message.requestId, message.term);
  }

  refusedOperation(operation: number): void {
    this.#refused.add(operation);
    if (this.#appliedAt.has(operation)) throw new Violation('Definite refusals: refused after it was applied', { operation });
  }

  applied(node: SimNode, entry: Entry): void {
    if (entry.kind !== 'command' || entry.origin === undefined) return;
    const operation = entry.origin.requestId;
    if (this.#refused.has(operation)) throw new Violation('Definite refusals: applied after it was refused', { node: node.id, operation });
    const sentIn = this.#sentIn.get(operation) ?? entry.term;
    if (sentIn !== entry.term)
      throw new Violation('Requests: taken in another term than it was sent in', { operation, sentIn, takenIn: entry.term });
    const before = this.#appliedAt.get(operation);
    if (before !== undefined && before !== entry.index)
      throw new Violation('Requests: one request became two entries', { operation, before, now: entry.index });
    this.#appliedAt.set(operation, entry.index);
  }
}
