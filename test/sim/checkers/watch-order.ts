import type { KvChange } from '../../../agent/status/watch-log.ts';
import type { Entry } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { Done } from '../replica.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

const prefix = 'kv/';
const textOf = (key: string, row: Uint8Array | undefined): string =>
  `${key} ${row === undefined ? 'deleted' : new TextDecoder().decode(row)}`;

/** Watchers see every change after the revision they know, in order, without a gap and without a repetition, whatever member they ask. */
export class WatchOrder implements Observer {
  /** What each entry changed. */
  readonly #changes = new Map<number, readonly string[]>();
  /** Revisions that changed a value, in order. */
  readonly #revisions: number[] = [];
  readonly #within = new Map<string, { readonly revision: number; readonly count: number }>();
  /** Changes told so far, and how often a watcher came too late. */
  changesTold = 0;
  late = 0;

  applied(_node: SimNode, entry: Entry, { changes }: Done): void {
    if (entry.index <= (this.#revisions.at(-1) ?? 0) || this.#changes.has(entry.index)) return;
    const ours = changes.filter(({ key }) => key.startsWith(prefix)).map(({ key, value }) => textOf(key.slice(prefix.length), value));
    if (ours.length === 0) return;
    this.#changes.set(entry.index, ours);
    this.#revisions.push(entry.index);
  }

  missed(): void {
    this.late += 1;
  }

  /** @param known up to which revision this watcher knows everything. */
  told(watcher: string, known: number, change: KvChange): void {
    this.changesTold += 1;
    const before = this.#within.get(watcher);
    const count = before?.revision === change.revision && known < change.revision ? before.count : 0;
    const next = this.#revisions[this.#after(known)];
    const expected = this.#changes.get(change.revision);
    const text = textOf(change.key, change.row);
    if (next !== change.revision || expected?.[count] !== text || change.last !== (count === expected.length - 1))
      throw new Violation('Watches: a change is missing, repeated or out of order', { watcher, known, next, told: change.revision, text });
    this.#within.set(watcher, { revision: change.revision, count: count + 1 });
  }

  /** Where the first revision above this one stands. */
  #after(revision: number): number {
    let [low, high] = [0, this.#revisions.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#revisions[middle] as number) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
