/** What must hold for boxes as a whole, whatever happens to them. */
import type { Entry, NodeId } from '../../../consensus/core/types.ts';
import type { NodeEvent } from '../../../consensus/driver/driver-event.ts';
import { Linearizability } from '../checkers/linearizability.ts';
import { Violation } from '../checkers/violation.ts';
import type { Box } from './box.ts';
import { decodeWrite } from './registers.ts';

export class Rules {
  readonly linearizability = new Linearizability();
  readonly #leaders = new Map<number, NodeId>();
  /** What was applied at each index, by whomever first. */
  readonly #applied = new Map<number, string>();
  readonly #placeOf = new Map<number, number>();
  readonly #refused = new Set<number>();
  readonly #bound = new Map<number, number>();

  get elections(): number {
    return this.#leaders.size;
  }

  get committed(): number {
    return this.#applied.size;
  }

  event({ id }: Box, event: NodeEvent): void {
    if (event.type === 'fatal') throw new Violation('Broken invariant', { box: id, message: event.error.message });
    if (event.type !== 'role' || event.to !== 'leader') return;
    const known = this.#leaders.get(event.term);
    if (known !== undefined && known !== id) throw new Violation('Election safety', { term: event.term, leaders: `${known} ${id}` });
    this.#leaders.set(event.term, id);
  }

  applied({ id }: Box, { index, term, data }: Entry): void {
    const write = decodeWrite(data);
    if (write === undefined) throw new Violation('An entry that nobody wrote', { box: id, index, bytes: data.length });
    const { key, operation } = write;
    const what = `${term} ${key} ${operation}`;
    const known = this.#applied.get(index) ?? what;
    if (known !== what) throw new Violation('State-machine safety', { box: id, index, known, what });
    this.#applied.set(index, what);
    if (this.#refused.has(operation)) throw new Violation('A definite refusal that happened', { box: id, operation });
    const bound = this.#bound.get(operation) ?? term;
    if (bound !== term) throw new Violation('What is meant for a term is done in it', { box: id, operation, term, bound });
    const place = this.#placeOf.get(operation) ?? index;
    if (place !== index) throw new Violation('Exactly once', { box: id, operation, places: `${place} ${index}` });
    this.#placeOf.set(operation, index);
  }

  /** Meant for one leadership alone. */
  bound(operation: number, term: number): void {
    this.#bound.set(operation, term);
  }

  /** A client was told that its operation certainly did not happen. */
  refused(operation: number): void {
    if (this.#placeOf.has(operation)) throw new Violation('A definite refusal that happened', { operation });
    this.#refused.add(operation);
  }

  /** In the quiet at the end. */
  equal(boxes: readonly Box[]): void {
    const states = new Map(boxes.map((box) => [box.machine.print(), box.id]));
    if (states.size > 1) throw new Violation('Members differ', { boxes: [...states.values()].join(' ') });
  }
}
