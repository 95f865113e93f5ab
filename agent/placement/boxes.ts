/** The boxes of a site, each for itself: what it would take of replicas that have a price, whole ones only. */
import { type ByBox, byBox } from './by-box.ts';
import { DomainPrices } from './domain-prices.ts';
import type { Flat } from './flat.ts';
import { Knapsack, unitsMost } from './knapsack.ts';
import { at, tolerance } from './model.ts';
import { discomfort, easyLoad, feelsLoad, headsOf, twinsOf } from './prices.ts';

/** Shares of the price of the scarcest resource that may be left at the beginning: that whole replicas have to fit does some of its work. */
const keptShares = [0, 0.15, 0.3, 0.45, 0.6, 0.8, 1] as const;
/** Units that the room of a box is cut into where demands are no whole numbers of anything: the more, the less is lost by rounding. */
const unitsUsual = 512;
/** Units of a knapsack that take about as long as a column. */
const unitsPerStep = 16;
/** What a column takes to begin with, at the most, in columns looked at. */
export const easeSteps = keptShares.length * (1 + unitsUsual / unitsPerStep);
/** The same in a round at prices that are nearly right, where few columns gain anything. */
export const columnStepsUsual = 3;

export class Boxes {
  /** First slots of those that are all the same, and on how many boxes each is needed. */
  readonly heads: Int32Array;
  readonly need: Int32Array;
  /** Of capacity. */
  readonly price: Float64Array;
  /** Capacity that fixed replicas leave. */
  readonly room: Float64Array;
  /** What the boxes come to together, and the sum of what that was summed up from. */
  value = 0;
  magnitude = 0;
  /** Boxes that took each, load beyond what is easy, and the columns. */
  readonly taken: Int32Array;
  readonly excess: Float64Array;
  readonly picked: Int32Array;
  /** Undefined where nothing is spread over failure domains. */
  readonly domains: DomainPrices | undefined;
  count = 0;
  steps = 0;
  readonly #flat: Flat;
  readonly #cost: Float64Array;
  /** 1 where load of a resource of a box costs what its formula says. */
  readonly feels: Uint8Array;
  /** Resource of each box that what it takes has to fit. */
  readonly scarcest: Int32Array;
  /** What one unit of that is. */
  readonly unit: Float64Array;
  readonly byBox: ByBox;
  readonly #knapsack: Knapsack;
  /** Of the box that is looked at: the column of each option, and the first option and the head of each entry that is worth anything. */
  readonly #optionColumn: Int32Array;
  readonly #optionFirst: Int32Array;
  readonly #entryHead: Int32Array;

  constructor(flat: Flat, cost: Float64Array, price: Float64Array) {
    const { nodes, width, first, capacity, fixedLoad } = flat;
    const twins = twinsOf(flat);
    this.#flat = flat;
    this.#cost = cost;
    // What has no place at all is no part of any bound.
    const placed = headsOf(flat).filter((slot) => at(first, slot) < at(first, slot + 1));
    this.heads = Int32Array.from(placed);
    this.room = capacity.map((most, index) => Math.max(0, most - at(fixedLoad, index) + 2 * tolerance));
    this.feels = Uint8Array.from(capacity, (_, index) => (feelsLoad(flat, index) ? 1 : 0));
    this.price = price.slice();
    this.scarcest = scarcestOf(flat, price, this.room);
    this.unit = unitsOf(flat, this.scarcest, this.room);
    this.excess = new Float64Array(nodes * width);
    this.taken = new Int32Array(placed.length);
    this.domains = DomainPrices.of(flat, this.heads, twins);
    this.byBox = byBox(flat, this.heads);
    const { entryFirst, headOf, columnFirst } = this.byBox;
    const placesOf = new Int32Array(placed.length);
    const seenDomain = new Uint8Array(placed.length * (this.domains?.count ?? 0));
    let [entriesMost, optionsMost] = [0, 0];
    for (let box = 0; box < nodes; box += 1) {
      const [from, to] = [at(entryFirst, box), at(entryFirst, box + 1)];
      entriesMost = Math.max(entriesMost, to - from);
      optionsMost = Math.max(optionsMost, at(columnFirst, to) - at(columnFirst, from));
      for (let entry = from; entry < to; entry += 1) {
        const head = at(headOf, entry);
        const { domains } = this;
        if (domains?.isSpread(head) === true) {
          const index = head * domains.count + at(domains.domain, box);
          if (seenDomain[index] === 1) continue;
          seenDomain[index] = 1;
        }
        placesOf[head] = at(placesOf, head) + 1;
      }
    }
    this.need = Int32Array.from(placed, (slot, head) => Math.min(at(twins, slot), at(placesOf, head)));
    this.picked = new Int32Array(headOf.length);
    this.#knapsack = new Knapsack(entriesMost, optionsMost);
    this.#optionColumn = new Int32Array(optionsMost);
    this.#optionFirst = new Int32Array(entriesMost + 1);
    this.#entryHead = new Int32Array(entriesMost);
  }

  /**
   * Begins with the share of the price of each box's scarcest resource that lets the bound be highest.
   * @param over told the columns looked at. @returns false when that ended it.
   */
  ease(worth: Float64Array, over: (steps: number) => boolean): boolean {
    for (const [box, r] of this.scarcest.entries()) {
      if (over(this.steps)) return false;
      const index = box * this.#flat.width + r;
      const price = at(this.price, index);
      let most = Number.NEGATIVE_INFINITY;
      let best = price;
      for (const share of keptShares) {
        this.#flat.instance.checkpoint();
        this.price[index] = price * share;
        this.value = 0;
        this.count = 0;
        this.#offer(box, worth);
        this.#settle(box);
        if (this.value <= most) continue;
        most = this.value;
        best = price * share;
      }
      this.price[index] = best;
    }
    return true;
  }

  /** Lets every box take what is worth most to it. @param worth of each head, micro-seconds per hour for one place of it. */
  take(worth: Float64Array): void {
    this.value = 0;
    this.magnitude = 0;
    this.count = 0;
    this.taken.fill(0);
    this.domains?.clear();
    for (let box = 0; box < this.#flat.nodes; box += 1) {
      this.#flat.instance.checkpoint();
      this.#offer(box, worth);
      this.#settle(box);
    }
  }

  /**
   * What the bound rises by at the least in plans that use a column (variable fixing: Martello and Toth 1990, section 2.5): its box takes it
   * whatever it is worth there, and where only one place is needed, no other box takes another. Infinite where it does not fit.
   * @param worth as for `take`.
   */
  rises(worth: Float64Array): Float64Array {
    const { cost, nodes, width, demand, instance } = this.#flat;
    const { entryFirst, headOf, columnFirst, column } = this.byBox;
    const rise = new Float64Array(cost.length).fill(Number.POSITIVE_INFINITY);
    /** What the bound rises by when a box takes none of an entry; and of each head all boxes together. */
    const without = new Float64Array(headOf.length);
    const withoutAll = new Float64Array(this.heads.length);
    for (let box = 0; box < nodes; box += 1) {
      const row = box * width;
      const [from, to] = [at(entryFirst, box), at(entryFirst, box + 1)];
      const room = at(this.room, row + at(this.scarcest, box));
      const unit = at(this.unit, box);
      const burdens = this.burdens(box);
      this.#offer(box, worth);
      const least = leastOf(this.#knapsack, burdens, 0);
      for (let entry = from; entry < to; entry += 1) {
        instance.checkpoint();
        const head = at(headOf, entry);
        this.#offer(box, worth, entry);
        without[entry] = leastOf(this.#knapsack, burdens, 0) - least;
        withoutAll[head] = at(withoutAll, head) + at(without, entry);
        for (let index = at(columnFirst, entry); index < at(columnFirst, entry + 1); index += 1) {
          const one = at(column, index);
          const needed = at(demand, one * width + at(this.scarcest, box));
          if (needed > room) continue;
          let gain = at(this.#cost, one) - at(worth, head) + (this.domains?.at(head, box) ?? 0);
          for (let r = 0; r < width; r += 1) gain += at(this.price, row + r) * at(demand, one * width + r);
          rise[one] = gain + leastOf(this.#knapsack, burdens, Math.min(burdens.length - 1, Math.floor(needed / unit))) - least;
        }
      }
    }
    for (let entry = 0; entry < without.length; entry += 1) {
      const head = at(headOf, entry);
      if (at(this.need, head) > 1) continue;
      for (let index = at(columnFirst, entry); index < at(columnFirst, entry + 1); index += 1) {
        const one = at(column, index);
        rise[one] = at(rise, one) + at(withoutAll, head) - at(without, entry);
      }
    }
    return rise;
  }

  /** What a box's load of its scarcest resource costs beyond its price, by units taken. */
  burdens(box: number): Float64Array {
    const index = box * this.#flat.width + at(this.scarcest, box);
    const unit = at(this.unit, box);
    return Float64Array.from({ length: unitsIn(at(this.room, index), unit) + 1 }, (_, used) => {
      const [load, paid] = this.#burden(index, used * unit + this.#easy(index, used * unit));
      return load - paid;
    });
  }

  /** Fills the knapsack of a box with all that gains anything there, but for one entry. */
  #offer(box: number, worth: Float64Array, except = -1): void {
    const { width, demand } = this.#flat;
    const row = box * width;
    const scarcest = this.scarcest[box] as number;
    const room = this.room[row + scarcest] as number;
    const unit = this.unit[box] as number;
    const units = unitsIn(room, unit);
    const knapsack = this.#knapsack;
    const { entryFirst, headOf, columnFirst, column } = this.byBox;
    const end = entryFirst[box + 1] as number;
    let options = 0;
    knapsack.clear(units);
    for (let entry = entryFirst[box] as number; entry < end; entry += 1) {
      if (entry === except) continue;
      const head = headOf[entry] as number;
      const own = (worth[head] as number) - (this.domains?.at(head, box) ?? 0);
      const before = options;
      for (let index = columnFirst[entry] as number; index < (columnFirst[entry + 1] as number); index += 1) {
        const one = column[index] as number;
        let gain = (this.#cost[one] as number) - own;
        for (let r = 0; gain < 0 && r < width; r += 1) gain += (this.price[row + r] as number) * (demand[one * width + r] as number);
        if (gain >= 0) continue;
        const needed = demand[one * width + scarcest] as number;
        if (needed > room) continue;
        knapsack.option(gain, Math.min(units, Math.floor(needed / unit)));
        this.#optionColumn[options] = one;
        options += 1;
      }
      if (options === before) continue;
      this.#optionFirst[knapsack.entries] = before;
      this.#entryHead[knapsack.entries] = head;
      knapsack.add();
    }
    this.steps += (columnFirst[end] as number) - (columnFirst[entryFirst[box] as number] as number);
    this.steps += (options * units) / unitsPerStep;
  }

  /** Takes the best of it, and as much load of each resource as is worth its discomfort at its price. */
  #settle(box: number): void {
    const { width, demand } = this.#flat;
    const row = box * width;
    const scarcest = this.scarcest[box] as number;
    for (let r = 0; r < width; r += 1) {
      const index = row + r;
      if (r === scarcest) continue;
      const easy = this.#easy(index, 0);
      const [load, paid] = this.#burden(index, easy);
      this.value += load - paid;
      this.magnitude += load + paid;
      this.excess[index] = -easy;
    }
    // Of the scarcest there is at least what was taken, in whole units.
    const knapsack = this.#knapsack;
    const index = row + scarcest;
    const unit = this.unit[box] as number;
    const units = unitsIn(this.room[index] as number, unit);
    let least = Number.POSITIVE_INFINITY;
    let most = 0;
    let chosen = 0;
    for (let used = 0; used <= units; used += 1) {
      const own = knapsack.least(used);
      if (own === Number.POSITIVE_INFINITY) continue;
      const all = used * unit + this.#easy(index, used * unit);
      const [load, paid] = this.#burden(index, all);
      if (own + load - paid >= least) continue;
      least = own + load - paid;
      most = all;
      chosen = used;
    }
    this.value += least;
    this.magnitude += Math.abs(least) + (this.price[index] as number) * most;
    this.excess[index] = -most;
    knapsack.takenWith(chosen, (entry, option) => {
      const column = this.#optionColumn[(this.#optionFirst[entry] as number) + option] as number;
      const head = this.#entryHead[entry] as number;
      this.taken[head] = (this.taken[head] as number) + 1;
      this.domains?.take(head, box);
      this.picked[this.count] = column;
      this.count += 1;
      for (let r = 0; r < width; r += 1) this.excess[row + r] = (this.excess[row + r] as number) + (demand[column * width + r] as number);
    });
  }

  /** What the load of a box's other resources costs beyond their prices, as much as is worth it. */
  beside(box: number): number {
    const { width } = this.#flat;
    let sum = 0;
    for (let index = box * width; index < (box + 1) * width; index += 1) {
      if (index - box * width === this.scarcest[box]) continue;
      const [load, paid] = this.#burden(index, this.#easy(index, 0));
      sum += load - paid;
    }
    return sum;
  }

  /** What of a resource should be used beyond `load`, at its price. */
  #easy(index: number, load: number): number {
    const left = Math.max(0, (this.room[index] as number) - load);
    if (this.feels[index] === 0) return left;
    return Math.min(left, easyLoad(this.#flat, index, this.price[index] as number, (this.#flat.fixedLoad[index] as number) + load));
  }

  /** What so much load costs, and what it is worth. */
  #burden(index: number, load: number): [number, number] {
    const cost = this.feels[index] === 0 ? 0 : discomfort(this.#flat, index, (this.#flat.fixedLoad[index] as number) + load);
    return [cost, (this.price[index] as number) * load];
  }
}

/** The least that a knapsack comes to beside what load costs, when so many units are taken already. */
function leastOf(knapsack: Knapsack, burdens: Float64Array, taken: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let used = taken; used < burdens.length; used += 1)
    least = Math.min(least, knapsack.least(used - taken) + (burdens[used] as number));
  return least;
}

/** The resource of each box whose room is worth most; where none is worth anything, the one that is asked for most. */
function scarcestOf({ nodes, width, node, demand }: Flat, price: Float64Array, room: Float64Array): Int32Array {
  const asked = new Float64Array(nodes * width);
  for (let column = 0; column < node.length; column += 1) {
    const row = (node[column] as number) * width;
    for (let r = 0; r < width; r += 1) asked[row + r] = (asked[row + r] as number) + (demand[column * width + r] as number);
  }
  return Int32Array.from({ length: nodes }, (_, box) => {
    let most = 0;
    for (let r = 1; r < width; r += 1) {
      const [one, other] = [box * width + r, box * width + most];
      const more = at(price, one) * at(room, one) - at(price, other) * at(room, other);
      if (more > 0 || (more === 0 && at(asked, one) * at(room, other) > at(asked, other) * at(room, one))) most = r;
    }
    return most;
  });
}

/** What one unit of each box's scarcest resource is: what all demands are whole multiples of, where that is not too small. */
function unitsOf({ nodes, width, node, demand }: Flat, scarcest: Int32Array, room: Float64Array): Float64Array {
  const common = new Float64Array(nodes);
  for (let column = 0; column < node.length; column += 1) {
    const box = node[column] as number;
    let [a, b] = [common[box] as number, demand[column * width + (scarcest[box] as number)] as number];
    // Fractions have nothing in common with anything.
    if (Number.isNaN(a) || !Number.isSafeInteger(b)) a = Number.NaN;
    else while (b !== 0) [a, b] = [b, a % b];
    common[box] = a;
  }
  return common.map((unit, box) => {
    const most = at(room, box * width + at(scarcest, box));
    return unit > 0 && unitsIn(most, unit) <= unitsMost ? unit : Math.max(most, tolerance) / unitsUsual;
  });
}

/** Whole units of room. */
function unitsIn(room: number, unit: number): number {
  return Math.floor(room / unit + 1e-9);
}
