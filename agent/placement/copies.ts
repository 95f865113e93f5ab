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
/** What a box is dearer for a reader than its best one, in copies, that makes it twice as far from being there. */
const likely = 0.1;
/** A reader more weighs as much as such a part of a box's capacity. */
export const readerWeight = 1 / 3;

/** Whether copies of shared data cost anything. */
function hasCopies(instance: Instance): boolean {
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
  readonly #places: number;
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

  private constructor(flat: Flat, copyCost: number, heads: readonly number[], price: Float64Array) {
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
    const reading = heads.filter((slot) => at(shared, at(instance.slots, slot).workload).length > 0);
    const placesMost = reading.reduce((sum, slot) => sum + Math.min(nodes, at(first, slot + 1) - at(first, slot)), 0);
    const readersMost = reading.reduce(
      (sum, slot) => sum + Math.min(nodes, at(first, slot + 1) - at(first, slot)) * at(shared, at(instance.slots, slot).workload).length,
      0,
    );
    this.#readerFirst = new Int32Array(placesMost + 1);
    this.#columnFirst = new Int32Array(placesMost + 1);
    this.#pairOf = new Int32Array(readersMost);
    this.#placeOfReader = new Int32Array(readersMost);
    this.#pairFirst = new Int32Array(nodes * sharedCount + 1);
    const seenBy = new Int32Array(nodes).fill(-1);
    const known = new Int32Array(nodes);
    let places = 0;
    let readers = 0;
    for (const [turn, slot] of reading.entries()) {
      if (turn % checkEvery === 0) instance.checkpoint();
      const sources = at(shared, at(instance.slots, slot).workload);
      for (let column = first[slot] as number; column < (first[slot + 1] as number); column += 1) {
        const box = node[column] as number;
        if (seenBy[box] !== slot) {
          seenBy[box] = slot;
          const before = readers;
          for (const source of sources) {
            const pair = source * nodes + box;
            if (copied[pair] === 1) continue;
            this.#pairOf[readers] = pair;
            this.#placeOfReader[readers] = places;
            this.#pairFirst[pair + 1] = (this.#pairFirst[pair + 1] as number) + 1;
            readers += 1;
          }
          known[box] = readers > before ? places : -1;
          if (readers > before) places += 1;
          this.#readerFirst[places] = readers;
        }
        const place = known[box] as number;
        if (place === -1) continue;
        this.#placeOf[column] = place;
        this.#columnFirst[place + 1] = (this.#columnFirst[place + 1] as number) + 1;
      }
    }
    this.#places = places;
    this.#column = new Int32Array(sumUp(this.#columnFirst, places));
    const filled = this.#columnFirst.slice();
    for (let column = 0; column < this.#placeOf.length; column += 1) {
      const place = this.#placeOf[column] as number;
      if (place === -1) continue;
      const index = filled[place] as number;
      this.#column[index] = column;
      filled[place] = index + 1;
    }
    this.#reader = new Int32Array(sumUp(this.#pairFirst, nodes * sharedCount));
    const used = this.#pairFirst.slice();
    for (let reader = 0; reader < readers; reader += 1) {
      const pair = this.#pairOf[reader] as number;
      const index = used[pair] as number;
      this.#reader[index] = reader;
      used[pair] = index + 1;
    }
    this.#share = new Float64Array(readers);
    this.#best = new Float64Array(readers);
    this.#touched = new Int32Array(nodes * sharedCount);
    this.#isTouched = new Uint8Array(nodes * sharedCount);
    this.#guess(reading, price);
  }

  /**
   * Undefined where copies cost nothing.
   * @param heads one slot of each group of replicas without any difference.
   * @param price of capacity: shares begin with who is likely to be where at these.
   */
  static of(flat: Flat, heads: readonly number[], price: Float64Array): CopyShares | undefined {
    return hasCopies(flat.instance) ? new CopyShares(flat, copyCostOf(flat.instance), heads, price) : undefined;
  }

  /** Each copy is shared by how little a box is dearer to its readers than their best one. */
  #guess(slots: readonly number[], price: Float64Array): void {
    const { instance, width, first, node, cost, demand } = this.#flat;
    const near = new Float64Array(this.#places).fill(Number.POSITIVE_INFINITY);
    for (const [turn, slot] of slots.entries()) {
      if (turn % checkEvery === 0) instance.checkpoint();
      let least = Number.POSITIVE_INFINITY;
      for (let column = first[slot] as number; column < (first[slot + 1] as number); column += 1) {
        let own = cost[column] as number;
        const row = (node[column] as number) * width;
        for (let r = 0; r < width; r += 1) own += (price[row + r] as number) * (demand[column * width + r] as number);
        if (own < least) least = own;
        const place = this.#placeOf[column] as number;
        if (place !== -1 && own < (near[place] as number)) near[place] = own;
      }
      for (let column = first[slot] as number; column < (first[slot + 1] as number); column += 1) {
        const place = this.#placeOf[column] as number;
        // A place is met once for each class: what was made a weight already is not above 0.
        if (place === -1 || (near[place] as number) < 0) continue;
        const far = 1 + ((near[place] as number) - least) / (likely * this.#copyCost);
        near[place] = -1 / (far * far * far * far);
      }
    }
    for (let pair = 0; pair + 1 < this.#pairFirst.length; pair += 1) {
      const [begin, end] = [this.#pairFirst[pair] as number, this.#pairFirst[pair + 1] as number];
      let sum = 0;
      for (let index = begin; index < end; index += 1) sum -= near[this.#placeOfReader[this.#reader[index] as number] as number] as number;
      for (let index = begin; index < end; index += 1) {
        const reader = this.#reader[index] as number;
        this.#share[reader] = (-this.#most * (near[this.#placeOfReader[reader] as number] as number)) / sum;
      }
    }
    this.keep();
    this.back();
  }

  /** What a copy costs, in micro-seconds per hour. */
  get copyCost(): number {
    return this.#copyCost;
  }

  /** What a slot would read in a column that is not on its box anyhow: a number for each source and box. */
  pairsOf(column: number): Int32Array {
    const place = at(this.#placeOf, column);
    return place === -1 ? new Int32Array(0) : this.#pairOf.subarray(at(this.#readerFirst, place), at(this.#readerFirst, place + 1));
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
    for (let place = 0; place < this.#places; place += 1) this.#price(place);
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

/** Makes places to begin at of counts, each one place further on. @returns the sum. */
function sumUp(counts: Int32Array, size: number): number {
  for (let index = 1; index <= size; index += 1) counts[index] = (counts[index] as number) + (counts[index - 1] as number);
  return counts[size] as number;
}
