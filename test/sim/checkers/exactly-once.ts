import type { Entry } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { Done } from '../replica.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

/** A numbered change takes effect once, however often it is sent, and every attempt has the outcome of the first. */
export class ExactlyOnce implements Observer {
  readonly #outcomes = new Map<string, { readonly index: number; readonly text: string }>();
  #highest = 0;
  /** Attempts that were answered from memory. */
  repeated = 0;

  applied(_node: SimNode, entry: Entry, { envelope, outcome, changes }: Done): void {
    if (entry.index <= this.#highest || envelope?.request === undefined || outcome === undefined) return;
    this.#highest = entry.index;
    const { session, sequence } = envelope.request;
    const id = `${session}/${sequence}`;
    // Refusals of the session itself decide nothing: the change may come again.
    if (!outcome.ok && ['SESSION_EXPIRED', 'SESSION_MOVED', 'SEQUENCE_FORGOTTEN', 'WINDOW_FULL'].includes(outcome.code)) return;
    const [text, first] = [JSON.stringify(outcome), this.#outcomes.get(id)];
    if (first === undefined) {
      this.#outcomes.set(id, { index: entry.index, text });
      return;
    }
    this.repeated += 1;
    if (changes.some(({ key }) => key.startsWith('kv/')))
      throw new Violation('Exactly once: a change took effect again', { id, first: first.index, again: entry.index });
    if (first.text !== text)
      throw new Violation('Exactly once: another outcome than the first time', { id, first: first.text, again: text });
  }
}
