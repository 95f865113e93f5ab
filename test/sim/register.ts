import type { Entry } from '../../consensus/core/types.ts';

export interface Write {
  /** Unique in a run. */
  readonly operation: number;
  readonly key: string;
  readonly value: string;
}

export interface Cell {
  readonly value: string;
  /** Index of the entry that wrote it. */
  readonly version: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const encodeWrite = (write: Write): Uint8Array => encoder.encode(JSON.stringify(write));
export const decodeWrite = (data: Uint8Array): Write => JSON.parse(decoder.decode(data)) as Write;

/** The replicated state of the simulation: a few registers that remember which entry wrote them. */
export class Register {
  #cells = new Map<string, Cell>();

  apply(entry: Entry): Write | undefined {
    if (entry.kind !== 'command') return undefined;
    const write = decodeWrite(entry.data);
    this.#cells.set(write.key, { value: write.value, version: entry.index });
    return write;
  }

  get(key: string): Cell {
    return this.#cells.get(key) ?? { value: '', version: 0 };
  }

  save(): Uint8Array {
    return encoder.encode(JSON.stringify([...this.#cells].sort(([a], [b]) => (a < b ? -1 : 1))));
  }

  load(data: Uint8Array): void {
    this.#cells = new Map(data.length === 0 ? [] : (JSON.parse(decoder.decode(data)) as [string, Cell][]));
  }
}
