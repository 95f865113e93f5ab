/** Columns that can be in a better plan than one that is known: of the others a proof need not know. */
import type { BoxBound } from './box-bound.ts';
import type { Deepened } from './deepen.ts';
import type { Flat } from './flat.ts';
import { at } from './model.ts';
import { headsOf } from './prices.ts';

/** What sums of many terms may be off by, in micro-seconds per hour; and what has to be looked at beyond a gap to tell that it is passed. */
const dust = 1;
const beyond = 4;

/** A bound, and what it rises by where a column is used. */
interface Rising {
  readonly bound: number;
  readonly rise: Float64Array;
}

export class Sieve {
  readonly #flat: Flat;
  readonly #known: BoxBound;
  #shallow: Rising | undefined;
  #deep: Deepened | undefined;
  /** As far as it rises by less than `#most`. */
  #deepRise: Rising | undefined;
  #most = Number.NEGATIVE_INFINITY;

  /** @param known a bound of all columns of `flat`. */
  constructor(flat: Flat, known: BoxBound) {
    this.#flat = flat;
    this.#known = known;
  }

  /** No plan that places every slot costs less: whole micro-seconds per hour. */
  get bound(): number {
    return Math.max(this.#known.bound, Math.ceil(this.#deep?.bound ?? Number.NEGATIVE_INFINITY));
  }

  /** Makes the bound higher, by all that boxes have room for. @param over told the nodes visited: true ends it. @returns how many were. */
  deepen(over: (nodes: number) => boolean): number {
    const { deepen, rises } = this.#known;
    // What was best at first is looked at first: the prices go on from there.
    this.#shallow ??= rises === undefined ? undefined : { bound: this.#known.bound, rise: rises() };
    const deeper = deepen?.(over);
    if (deeper !== undefined && deeper.bound > Number.NEGATIVE_INFINITY) this.#deep = deeper;
    return deeper?.nodes ?? 0;
  }

  /**
   * Leaves only columns that plans of less than a cost may use: whole micro-seconds per hour.
   * @param over told the nodes visited: true ends it, and more columns are left.
   */
  leave(most: number, over: (nodes: number) => boolean): Flat {
    const { slots, width, first, node, index, cost, demand, keeps } = this.#flat;
    const { rises } = this.#known;
    this.#shallow ??= rises === undefined ? undefined : { bound: this.#known.bound, rise: rises() };
    if (this.#deep !== undefined) {
      const { bound } = this.#deep;
      const gap = most - bound + beyond;
      if (gap > this.#most) {
        this.#deepRise = { bound, rise: this.#deep.rises(gap, over) };
        this.#most = gap;
      }
    }
    const known = [this.#shallow, this.#deepRise].filter((one) => one !== undefined);
    if (known.length === 0) return this.#flat;
    const heads = new Set(headsOf(this.#flat));
    const left: number[] = [];
    const firstLeft = new Int32Array(slots + 1);
    const keepsLeft = new Int32Array(slots).fill(-1);
    let head = 0;
    for (let slot = 0; slot < slots; slot += 1) {
      if (heads.has(slot)) head = at(first, slot);
      const start = at(first, slot);
      for (let column = start; column < at(first, slot + 1); column += 1) {
        // Of replicas without any difference only the first has been looked at.
        if (known.some(({ bound, rise }) => bound + at(rise, head + column - start) - dust >= most)) continue;
        if (column === at(keeps, slot)) keepsLeft[slot] = left.length;
        left.push(column);
      }
      firstLeft[slot + 1] = left.length;
    }
    const rows = new Float64Array(left.length * width);
    for (const [to, column] of left.entries()) rows.set(demand.subarray(column * width, (column + 1) * width), to * width);
    return {
      ...this.#flat,
      first: firstLeft,
      node: Int32Array.from(left, (column) => at(node, column)),
      index: Int32Array.from(left, (column) => at(index, column)),
      cost: Float64Array.from(left, (column) => at(cost, column)),
      demand: rows,
      keeps: keepsLeft,
    };
  }
}
