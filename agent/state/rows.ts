/** The state as flat rows: what is written behind, hashed, and put in a snapshot. Reads see the typed values. */
import type { RowChange } from '../../consensus/driver/ports.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Typed rows under one prefix. Every change is noted for the write-behind store. */
export class Table<Value> {
  readonly prefix: string;
  readonly #rows = new Map<string, Value>();
  readonly #changes: RowChange[];

  constructor(prefix: string, changes: RowChange[]) {
    this.prefix = prefix;
    this.#changes = changes;
  }

  get size(): number {
    return this.#rows.size;
  }

  get(key: string): Value | undefined {
    return this.#rows.get(key);
  }

  /** In the order of insertion, which is the same on every replica that applied the same log; sort by key where it shows. */
  entries(): IterableIterator<[string, Value]> {
    return this.#rows.entries();
  }

  values(): IterableIterator<Value> {
    return this.#rows.values();
  }

  set(key: string, value: Value): void {
    this.#rows.set(key, value);
    this.#changes.push({ key: this.prefix + key, value: encoder.encode(JSON.stringify(value)) });
  }

  delete(key: string): boolean {
    const had = this.#rows.delete(key);
    if (had) this.#changes.push({ key: this.prefix + key, value: undefined });
    return had;
  }

  *rows(): Iterable<readonly [string, Uint8Array]> {
    for (const [key, value] of this.#rows) yield [this.prefix + key, encoder.encode(JSON.stringify(value))];
  }

  /** Takes rows from a snapshot, without noting changes. */
  load(key: string, value: Uint8Array): void {
    this.#rows.set(key.slice(this.prefix.length), JSON.parse(decoder.decode(value)) as Value);
  }

  clear(): void {
    this.#rows.clear();
  }
}

/** Orders strings by code unit: the same on every machine and in every locale. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
