/**
 * What the copies of shared data cost at least, for a bound: each box that has any of a source's readers pays for one copy, and its readers
 * share in that. Whatever the shares are, together they are never more than the copy; whoever is there at the prices of now takes more.
 */
import type { Flat } from './flat.ts';
import { rates } from './merit.ts';
import { at, toMicros } from './model.ts';
import type { Instance } from './slots.ts';

/** Slots, or readers, between two checkpoints. */
const checkEvery = 256;
/** What sums of shares may be off by, as a part of the copy. */
const sumError = 1e-9;
/** A reader more weighs as much as such a part of a box's capacity. */
export const readerWeight = 1 / 3;

/** Whether copies of shared data cost anything. */
export function hasCopies(instance: Instance): boolean {
  return instance.sharedCount > 0 && copyCostOf(instance) > 0;
}

function copyCostOf({ site }: Instance): number {
  return toMicros(site.problem.weights.colocation * rates.copySeconds);
}

export class CopyShares {
  /** Of each column, with its part of the copies of what it reads. */
  readonly cost: Float64Array;
  /** What a plan costs less than its columns then say: one copy of each source is free. */
  readonly free: number;
  readonly #flat: Flat;
  readonly #copyCost: number;
  /** What the readers of one copy pay together at the most: less than it costs, by more than what sums are off by. */
  readonly #most: number;
  /** A place is a slot on a box where it reads what is not there anyhow: columns of place p are columnFirst[p] .. columnFirst[p + 1] - 1. */
  readonly #placeOf: Int32Array;
  readonly #columnFirst: Int32Array;
  readonly #column: Int32Array;
  /** What is read at a place, and who reads one source on one box. */
  readonly #readerFirst: Int32Array;
  readonly #pairOf: Int32Array;
  readonly #pairFirst: Int32Array;
  readonly #reader: Int32Array;
  readonly #placeOfReader: Int32Array;
  /** Of each reader, in micro-seconds per hour. */
  readonly #share: Float64Array;
  readonly #best: Float64Array;
  readonly #touched: Int32Array;
  readonly #isTouched: Uint8Array;

  private constructor(flat: Flat, copyCost: number, heads: readonly number[]) {
    const { instance, nodes, first, node } = flat;
    const { shared, sharedCount, fixed } = instance;
    this.#flat = flat;
    this.#copyCost = copyCost;
    this.#most = copyCost * (1 - sumError);
    this.cost = flat.cost.slice();
    this.#placeOf = new Int32Array(flat.cost.length).fill(-1);
    const copied = new Uint8Array(nodes * sharedCount);
    let copies = 0;
    for (const { workload, node: box } of fixed) {
      for (const source of box < 0 ? [] : at(shared, workload)) {
        copies += 1 - at(copied, source * nodes + box);
        copied[source * nodes + box] = 1;
      }
    }
    this.free = copyCost * (sharedCount - copies);
    const columns: number[] = [];
    const columnFirst: number[] = [];
    const readerFirst: number[] = [];
    const pairOf: number[] = [];
    const placeOfReader: number[] = [];
    const size = new Int32Array(nodes * sharedCount + 1);
    const known = new Int32Array(nodes);
    for (const [turn, slot] of heads.entries()) {
      if (turn % checkEvery === 0) instance.checkpoint();
      const sources = at(shared, at(instance.slots, slot).workload);
      if (sources.length === 0) continue;
      const [start, end] = [at(first, slot), at(first, slot + 1)];
      const order = Int32Array.from({ length: end - start }, (_, index) => start + index).sort(
        (a, b) => at(node, a) - at(node, b) || a - b,
      );
      let box = -1;
      for (const column of order) {
        if (at(node, column) !== box) {
          box = at(node, column);
          if (sources.some((source) => at(copied, source * nodes + box) === 0)) {
            known[box] = columnFirst.length;
            columnFirst.push(columns.length);
            readerFirst.push(pairOf.length);
            for (const source of sources) {
              const pair = source * nodes + box;
              if (at(copied, pair) === 1) continue;
              pairOf.push(pair);
              placeOfReader.push(at(known, box));
              size[pair + 1] = at(size, pair + 1) + 1;
            }
          } else known[box] = -1;
        }
        if (at(known, box) === -1) continue;
        this.#placeOf[column] = at(known, box);
        columns.push(column);
      }
    }
    columnFirst.push(columns.length);
    readerFirst.push(pairOf.length);
    this.#columnFirst = Int32Array.from(columnFirst);
    this.#column = Int32Array.from(columns);
    this.#readerFirst = Int32Array.from(readerFirst);
    this.#pairOf = Int32Array.from(pairOf);
    this.#placeOfReader = Int32Array.from(placeOfReader);
    for (let pair = 1; pair < size.length; pair += 1) size[pair] = at(size, pair) + at(size, pair - 1);
    this.#pairFirst = size;
    this.#reader = new Int32Array(pairOf.length);
    const filled = size.slice();
    for (const [reader, pair] of pairOf.entries()) {
      this.#reader[at(filled, pair)] = reader;
      filled[pair] = at(filled, pair) + 1;
    }
    this.#share = new Float64Array(pairOf.length);
    this.#best = new Float64Array(pairOf.length);
    this.#touched = new Int32Array(nodes * sharedCount);
    this.#isTouched = new Uint8Array(nodes * sharedCount);
  }

  /** Undefined where copies cost nothing. @param heads one slot of each group of replicas without any difference. */
  static of(flat: Flat, heads: readonly number[]): CopyShares | undefined {
    return hasCopies(flat.instance) ? new CopyShares(flat, copyCostOf(flat.instance), heads) : undefined;
  }

  /** How many sources a slot would read in a column that are not on its box anyhow. */
  readsAt(column: number): number {
    const place = this.#placeOf[column] as number;
    return place === -1 ? 0 : (this.#readerFirst[place + 1] as number) - (this.#readerFirst[place] as number);
  }

  /** Those who are there pay more, by so much each; where that is more than the copy, all readers pay less. */
  pay(chosen: Int32Array, count: number, more: number): void {
    let touched = 0;
    for (let index = 0; index < count; index += 1) {
      const place = this.#placeOf[chosen[index] as number] as number;
      if (place === -1) continue;
      for (let reader = this.#readerFirst[place] as number; reader < (this.#readerFirst[place + 1] as number); reader += 1) {
        this.#share[reader] = (this.#share[reader] as number) + more;
        const pair = this.#pairOf[reader] as number;
        if (this.#isTouched[pair] === 1) continue;
        this.#isTouched[pair] = 1;
        this.#touched[touched] = pair;
        touched += 1;
      }
    }
    for (let index = 0; index < touched; index += 1) {
      const pair = this.#touched[index] as number;
      this.#isTouched[pair] = 0;
      this.#limit(pair);
    }
  }

  keep(): void {
    this.#best.set(this.#share);
  }

  back(): void {
    this.#share.set(this.#best);
    for (let place = 0; place + 1 < this.#columnFirst.length; place += 1) this.#price(place);
  }

  /** Brings the shares of one copy down to what it costs: each by the same, none below nothing. */
  #limit(pair: number): void {
    const [begin, end] = [this.#pairFirst[pair] as number, this.#pairFirst[pair + 1] as number];
    let sum = 0;
    let payers = 0;
    for (let index = begin; index < end; index += 1) {
      const share = this.#share[this.#reader[index] as number] as number;
      sum += share;
      if (share > 0) payers += 1;
    }
    while (sum > this.#most) {
      const less = (sum - this.#most + sumError * this.#copyCost) / payers;
      sum = 0;
      payers = 0;
      for (let index = begin; index < end; index += 1) {
        const reader = this.#reader[index] as number;
        const share = this.#share[reader] as number;
        if (share === 0) continue;
        const left = Math.max(0, share - less);
        this.#share[reader] = left;
        sum += left;
        if (left > 0) payers += 1;
        else this.#price(this.#placeOfReader[reader] as number);
      }
    }
    for (let index = begin; index < end; index += 1) {
      const reader = this.#reader[index] as number;
      if ((this.#share[reader] as number) > 0) this.#price(this.#placeOfReader[reader] as number);
    }
  }

  #price(place: number): void {
    let share = 0;
    for (let reader = this.#readerFirst[place] as number; reader < (this.#readerFirst[place + 1] as number); reader += 1)
      share += this.#share[reader] as number;
    for (let index = this.#columnFirst[place] as number; index < (this.#columnFirst[place + 1] as number); index += 1) {
      const column = this.#column[index] as number;
      this.cost[column] = (this.#flat.cost[column] as number) + share;
    }
  }
}
