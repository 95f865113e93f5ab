/**
 * The boxes of a site, each for itself, where all that it has room for counts: what it would take of replicas that have a price, by branch
 * and bound. What the knapsack of its scarcest resource leaves to be had, all others at their prices, is the bound (as in `Boxes`). So copies
 * of data are counted as they are, and what must not meet does not. For small sites: of many replicas there are too many ways.
 */
import type { Boxes } from './boxes.ts';
import type { CopyShares } from './copies.ts';
import type { Flat } from './flat.ts';
import { at } from './model.ts';
import { discomfort } from './prices.ts';

/** Nodes between two checkpoints. */
const checkNodes = 512;
/** What sums may be off by, in micro-seconds per hour: no node is worth a visit for less. */
const dust = 1;

/** What a box may take. */
interface Offer {
  readonly head: number;
  readonly workload: number;
  readonly columns: Int32Array;
  readonly units: Int32Array;
  /** Sources it would bring to the box, numbered as they come. */
  readonly copies: Int32Array;
}

/** What is asked of a box besides: to take a column whatever it is worth, or none of an offer. */
interface Demanded {
  readonly offer: number;
  /** Of that offer; -1: none. */
  readonly column: number;
}

export class ExactBoxes {
  /** What each box comes to, and all together, at the least. */
  readonly values: Float64Array;
  value = 0;
  /** Boxes that took each head. */
  readonly taken: Int32Array;
  /** Nodes visited so far. */
  nodes = 0;
  /** Trees that were not looked at to the end. */
  cut = 0;
  /** Nodes of one tree at the most: what is left open then counts as its bound. */
  nodesMost = Number.POSITIVE_INFINITY;
  readonly #flat: Flat;
  readonly #boxes: Boxes;
  /** Of each column, with its shares of copies, for the bound. */
  readonly #shared: Float64Array;
  readonly #copyCost: number;
  readonly #offers: readonly (readonly Offer[])[];
  readonly #table: Float64Array;
  /** Of each box, at the prices there are: by units of its scarcest resource. */
  readonly #burdens: readonly Float64Array[];
  /** Of the tree that is grown. */
  #box = 0;
  #tree: {
    readonly offer: Offer;
    readonly columns: readonly number[];
    readonly gains: readonly number[];
    readonly units: readonly number[];
  }[] = [];
  #units = 0;
  #start = 0;
  #best = 0;
  #open = 0;
  #until = 0;
  #real = 0;
  readonly #load: Float64Array;
  readonly #copied: Int32Array;
  readonly #chosen: number[] = [];
  #found: readonly number[] = [];

  /** @param copies with the shares to use; undefined where copies cost nothing. */
  constructor(flat: Flat, boxes: Boxes, copies: CopyShares | undefined) {
    this.#flat = flat;
    this.#boxes = boxes;
    this.#shared = copies?.cost ?? flat.cost;
    this.#copyCost = copies?.copyCost ?? 0;
    this.taken = new Int32Array(boxes.heads.length);
    this.values = new Float64Array(flat.nodes);
    this.#load = new Float64Array(flat.width);
    let [offersMost, copiesMost] = [0, 0];
    this.#offers = Array.from({ length: flat.nodes }, (_, box) => {
      const numbers = new Map<number, number>();
      const offers = offersOf(flat, boxes, copies, box, numbers);
      offersMost = Math.max(offersMost, offers.length);
      copiesMost = Math.max(copiesMost, numbers.size);
      return offers;
    });
    this.#copied = new Int32Array(copiesMost);
    this.#burdens = Array.from({ length: flat.nodes }, (_, box) => boxes.burdens(box));
    this.#table = new Float64Array((offersMost + 1) * this.#burdens.reduce((most, { length }) => Math.max(most, length), 0));
  }

  /** Asked within trees, too: true ends them, and what is looked at then counts as its bound. */
  over: () => boolean = () => false;

  /**
   * Lets every box take what is worth most to it.
   * @param worth of each head, for one place of it. @returns false when it was ended before.
   */
  take(worth: Float64Array): boolean {
    this.value = 0;
    this.taken.fill(0);
    this.#boxes.domains?.clear();
    for (let box = 0; box < this.#flat.nodes; box += 1) {
      const least = this.#least(box, worth, undefined, Number.POSITIVE_INFINITY);
      this.values[box] = least;
      this.value += least;
      for (const head of this.#found) {
        this.taken[head] = at(this.taken, head) + 1;
        this.#boxes.domains?.take(head, box);
      }
      if (this.over()) return false;
    }
    return true;
  }

  /**
   * What the bound rises by at the least in plans that use a column: as `Boxes.rises`.
   * @param values of the boxes, as the bound has them: what is looked at again may be cut short, and come to less.
   * @param most beyond which it does not matter by how much. What is not looked at in time rises by nothing.
   */
  rises(worth: Float64Array, values: Float64Array, most: number): Float64Array {
    const { heads, need } = this.#boxes;
    const rise = new Float64Array(this.#flat.cost.length).fill(Number.POSITIVE_INFINITY);
    const without = this.#offers.map((offers) => new Float64Array(offers.length));
    const withoutAll = new Float64Array(heads.length);
    for (const offers of this.#offers) for (const { columns } of offers) for (const column of columns) rise[column] = 0;
    for (const [box, offers] of this.#offers.entries()) {
      if (this.over()) break;
      const least = at(values, box);
      this.#least(box, worth, undefined, Number.POSITIVE_INFINITY);
      const found = new Set(this.#found);
      for (const [number, { head, columns }] of offers.entries()) {
        if (this.over()) break;
        // Only what it takes is missed.
        if (found.has(head))
          at(without, box)[number] = Math.max(0, this.#least(box, worth, { offer: number, column: -1 }, least + most) - least);
        withoutAll[head] = at(withoutAll, head) + at(at(without, box), number);
        for (const column of columns) rise[column] = this.#least(box, worth, { offer: number, column }, least + most) - least;
      }
    }
    for (const [box, offers] of this.#offers.entries())
      for (const [number, { head, columns }] of offers.entries()) {
        if (at(need, head) > 1) continue;
        for (const column of columns) rise[column] = at(rise, column) + at(withoutAll, head) - at(at(without, box), number);
      }
    return rise;
  }

  /** The least a box can come to, or `most` if that is less; and what it takes for that. */
  #least(box: number, worth: Float64Array, demanded: Demanded | undefined, most: number): number {
    const { width, cost, demand } = this.#flat;
    const boxes = this.#boxes;
    const row = box * width;
    this.#box = box;
    this.#units = at(this.#burdens, box).length - 1;
    this.#chosen.length = 0;
    this.#found = [];
    this.#copied.fill(0);
    this.#load.fill(0);
    this.#real = 0;
    const gain = (head: number, column: number): number => {
      let sum = at(this.#shared, column) - at(worth, head) + (boxes.domains?.at(head, box) ?? 0);
      for (let r = 0; r < width; r += 1) sum += at(boxes.price, row + r) * at(demand, column * width + r);
      return sum;
    };
    const own = (head: number, column: number): number => at(cost, column) - at(worth, head) + (boxes.domains?.at(head, box) ?? 0);
    const offers = at(this.#offers, box);
    let [used, begun] = [0, boxes.beside(box)];
    const forced = demanded === undefined || demanded.column === -1 ? undefined : at(offers, demanded.offer);
    if (forced !== undefined && demanded !== undefined) {
      used = at(forced.units, forced.columns.indexOf(demanded.column));
      begun += gain(forced.head, demanded.column);
      this.#put(forced, demanded.column, own(forced.head, demanded.column));
    }
    this.#start = begun;
    this.#best = Math.min(most, this.#whole());
    this.#found = this.#chosen.slice();
    const others = demanded === undefined ? offers : offers.filter((_, number) => number !== demanded.offer);
    const grow = (below: number): void => {
      this.#tree = others.flatMap((offer) => {
        const kept = [...offer.columns.keys()].filter((index) => gain(offer.head, at(offer.columns, index)) < below);
        return kept.length === 0
          ? []
          : [
              {
                offer,
                columns: kept.map((index) => at(offer.columns, index)),
                gains: kept.map((index) => gain(offer.head, at(offer.columns, index))),
                units: kept.map((index) => at(offer.units, index)),
              },
            ];
      });
      this.#fill();
      this.#open = Number.POSITIVE_INFINITY;
      this.#until = this.nodes + this.nodesMost;
      this.#visit(0, used, 0, own);
    };
    // What gains nothing cannot be had for less than it loses: only what may still be in a better choice is looked at.
    grow(0);
    const slack = this.#best - (begun + at(this.#table, used));
    if (slack > dust) grow(slack);
    if (this.#open < this.#best) this.cut += 1;
    return Math.min(most, Math.min(this.#best, this.#open)) - dust;
  }

  /** By offers left and units used: what the rest comes to at the least, with what the load of the scarcest resource costs. */
  #fill(): void {
    const [table, size] = [this.#table, this.#units + 1];
    const burdens = at(this.#burdens, this.#box);
    const last = this.#tree.length * size;
    for (let used = 0; used < size; used += 1) table[last + used] = burdens[used] as number;
    for (let number = this.#tree.length - 1; number >= 0; number -= 1) {
      const { gains, units } = at(this.#tree, number);
      const [from, next] = [number * size, (number + 1) * size];
      table.copyWithin(from, next, next + size);
      for (let option = 0; option < gains.length; option += 1) {
        const [gain, needed] = [gains[option] as number, units[option] as number];
        for (let used = 0; used + needed < size; used += 1) {
          const sum = gain + (table[next + used + needed] as number);
          if (sum < (table[from + used] as number)) table[from + used] = sum;
        }
      }
    }
  }

  /** Tries the best first: to go on without this offer, or with one of its columns. */
  #visit(number: number, used: number, gained: number, own: (head: number, column: number) => number): void {
    const size = this.#units + 1;
    this.nodes += 1;
    if (this.nodes % checkNodes === 0) {
      this.#flat.instance.checkpoint();
      if (this.over()) this.#until = this.nodes;
    }
    const below = this.#start + gained + (this.#table[number * size + used] as number);
    if (below >= this.#best - dust) return;
    if (this.nodes > this.#until) {
      this.#open = Math.min(this.#open, below);
      return;
    }
    const branch = this.#tree[number];
    if (branch === undefined) {
      const whole = this.#whole();
      if (whole >= this.#best) return;
      this.#best = whole;
      this.#found = this.#chosen.slice();
      return;
    }
    const { offer, columns, gains, units } = branch;
    const next = (number + 1) * size;
    for (let tried = 0; ; ) {
      let least = Number.POSITIVE_INFINITY;
      let chosen = -1;
      if ((tried & 1) === 0) [least, chosen] = [this.#table[next + used] as number, columns.length];
      for (let option = 0; option < columns.length; option += 1) {
        if ((tried & (2 << option)) !== 0 || used + (units[option] as number) >= size) continue;
        const sum = (gains[option] as number) + (this.#table[next + used + (units[option] as number)] as number);
        if (sum < least) [least, chosen] = [sum, option];
      }
      if (chosen === -1 || this.#start + gained + least >= this.#best - dust) return;
      if (chosen === columns.length) {
        tried |= 1;
        this.#visit(number + 1, used, gained, own);
        continue;
      }
      tried |= 2 << chosen;
      const column = columns[chosen] as number;
      if (!this.#fits(offer, column)) continue;
      const cost = own(offer.head, column);
      const before = this.#real;
      this.#put(offer, column, cost);
      this.#visit(number + 1, used + (units[chosen] as number), gained + (gains[chosen] as number), own);
      this.#takeBack(offer, column);
      this.#real = before;
    }
  }

  #fits({ workload }: Offer, column: number): boolean {
    const { width, demand, instance } = this.#flat;
    const row = this.#box * width;
    for (let r = 0; r < width; r += 1)
      if ((this.#load[r] as number) + (demand[column * width + r] as number) > (this.#boxes.room[row + r] as number)) return false;
    const enemies = at(instance.apart, workload);
    if (enemies.size === 0) return true;
    return !this.#chosen.some((head) => enemies.has(at(instance.slots, at(this.#boxes.heads, head)).workload));
  }

  #put({ head, copies }: Offer, column: number, cost: number): void {
    const { width, demand } = this.#flat;
    for (let r = 0; r < width; r += 1) this.#load[r] = (this.#load[r] as number) + (demand[column * width + r] as number);
    this.#real += cost;
    for (let index = 0; index < copies.length; index += 1) {
      const source = copies[index] as number;
      if (this.#copied[source] === 0) this.#real += this.#copyCost;
      this.#copied[source] = (this.#copied[source] as number) + 1;
    }
    this.#chosen.push(head);
  }

  #takeBack({ copies }: Offer, column: number): void {
    const { width, demand } = this.#flat;
    for (let r = 0; r < width; r += 1) this.#load[r] = (this.#load[r] as number) - (demand[column * width + r] as number);
    for (let index = 0; index < copies.length; index += 1) {
      const source = copies[index] as number;
      this.#copied[source] = (this.#copied[source] as number) - 1;
    }
    this.#chosen.pop();
  }

  /** What the box comes to with what it has taken. */
  #whole(): number {
    const { width, fixedLoad } = this.#flat;
    let sum = this.#real;
    for (let r = 0; r < width; r += 1) {
      const index = this.#box * width + r;
      if (this.#boxes.feels[index] === 1) sum += discomfort(this.#flat, index, (fixedLoad[index] as number) + (this.#load[r] as number));
    }
    return sum;
  }
}

/** The largest first: they decide most. */
function offersOf(flat: Flat, boxes: Boxes, copies: CopyShares | undefined, box: number, numbers: Map<number, number>): readonly Offer[] {
  const { width, demand, instance } = flat;
  const { entryFirst, headOf, columnFirst, column } = boxes.byBox;
  const offers: Offer[] = [];
  const units = boxes.burdens(box).length - 1;
  for (let entry = at(entryFirst, box); entry < at(entryFirst, box + 1); entry += 1) {
    const head = at(headOf, entry);
    const columns = column.subarray(at(columnFirst, entry), at(columnFirst, entry + 1)).filter((one) => {
      for (let r = 0; r < width; r += 1) if (at(demand, one * width + r) > at(boxes.room, box * width + r)) return false;
      return true;
    });
    if (columns.length === 0) continue;
    const pairs = copies?.pairsOf(at(columns, 0)) ?? new Int32Array(0);
    offers.push({
      head,
      workload: at(instance.slots, at(boxes.heads, head)).workload,
      columns,
      units: columns.map((one) => Math.min(units, Math.floor(at(demand, one * width + at(boxes.scarcest, box)) / at(boxes.unit, box)))),
      copies: pairs.map((pair) => {
        const known = numbers.get(pair) ?? numbers.size;
        numbers.set(pair, known);
        return known;
      }),
    });
  }
  const largest = ({ units }: Offer): number => units.reduce((most, one) => Math.max(most, one), 0);
  return offers.sort((a, b) => largest(b) - largest(a) || a.head - b.head);
}
