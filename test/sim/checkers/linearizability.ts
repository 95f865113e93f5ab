import { Violation } from './violation.ts';

/** One operation on a register. */
export interface Operation {
  readonly key: string;
  /** Newest version of the register that some finished operation had shown when this one began. */
  readonly floor: number;
}

/**
 * Registers are linearizable when operations that do not overlap agree with the order of the log: a read shows at least
 * what any operation finished before it showed, and a write comes after all of that. The version of a register is the index
 * of the entry that wrote it, so the order to compare with is known and no search is needed.
 */
export class Linearizability {
  readonly #shown = new Map<string, number>();
  #operations = 0;

  /** Operations checked so far. */
  get operations(): number {
    return this.#operations;
  }

  begin(key: string): Operation {
    return { key, floor: this.#shown.get(key) ?? 0 };
  }

  read({ key, floor }: Operation, version: number, node: string): void {
    if (version < floor) throw new Violation('Linearizability: a stale read', { node, key, version, alreadyShown: floor });
    this.#show(key, version);
  }

  written({ key, floor }: Operation, version: number, node: string): void {
    if (version <= floor) throw new Violation('Linearizability: a write before its time', { node, key, version, alreadyShown: floor });
    this.#show(key, version);
  }

  #show(key: string, version: number): void {
    this.#operations += 1;
    this.#shown.set(key, Math.max(this.#shown.get(key) ?? 0, version));
  }
}
