/** A plan whose boxes may be overfull at a price: load, value and penalty, kept up to date in the time one box takes. */
import type { Flat } from './flat.ts';
import { at } from './model.ts';
import { Penalty } from './penalty.ts';
import type { PlacementRandom } from './random.ts';
import { Rivals } from './rivals.ts';
import type { ShortLists } from './short-list.ts';
import { Ties } from './ties.ts';

/** Less than what the rest of the engine forgives. */
const slack = 1e-7;

export class SoftPlan {
  /** Column of each slot in the flat instance, -1 without. */
  readonly placed: Int32Array;
  /** Cost without penalties, micro-seconds per hour. */
  value = 0;
  /** Boxes' resources above capacity, and slots without a place. */
  overfull = 0;
  /** Columns weighed so far. */
  looks = 0;
  readonly #flat: Flat;
  /** Per box and resource. */
  readonly load: Float64Array;
  readonly penalty: Penalty;
  /** Share of what load costs that is counted when moves are weighed. */
  #eased = 1;
  readonly #ties: Ties | undefined;
  readonly #node: Int32Array;
  readonly #cost: Float64Array;
  readonly #demand: Float64Array;
  readonly #width: number;
  readonly #capacity: Float64Array;
  readonly #comfort: Float64Array;
  readonly #steepness: Float64Array;
  readonly #penalty: Float64Array;
  readonly #at: Int32Array[];
  readonly #count: Int32Array;
  readonly #position: Int32Array;
  readonly #rivals: Rivals;

  constructor(flat: Flat, price: Float64Array, spread: number) {
    const { slots, nodes, width, demand } = flat;
    this.#flat = flat;
    this.#ties = Ties.of(flat);
    this.#node = flat.node;
    this.penalty = new Penalty(flat, price, spread);
    this.#cost = this.penalty.cost;
    this.#penalty = this.penalty.perUnit;
    this.#demand = demand;
    this.#width = width;
    this.#capacity = flat.capacity;
    this.#comfort = flat.comfort;
    this.#steepness = flat.steepness;
    this.placed = new Int32Array(slots).fill(-1);
    this.overfull = slots;
    this.load = flat.fixedLoad.slice();
    this.#at = Array.from({ length: nodes }, () => new Int32Array(8));
    this.#count = new Int32Array(nodes);
    this.#position = new Int32Array(slots);
    this.#rivals = new Rivals(flat, this.placed);
  }

  /** Weighs what load costs by a share of it only (`Penalty.ease`). The value of the plan stays what it is. */
  ease(share: number): void {
    this.#eased = share;
    this.penalty.ease(share);
  }

  /** Makes overload of one box's overfull resources dearer. */
  pressBox(box: number, factor: number): void {
    const { width, capacity } = this.#flat;
    for (let index = box * width; index < (box + 1) * width; index += 1)
      if (at(this.load, index) > at(capacity, index) + slack) this.#penalty[index] = at(this.#penalty, index) * factor;
  }

  penalties(): Float64Array {
    return this.#penalty.slice();
  }

  setPenalties(penalties: Float64Array): void {
    this.#penalty.set(penalties);
  }

  /** Whether a slot that has a place may go there, whatever the load. */
  allows(slot: number, column: number): boolean {
    const now = at(this.placed, slot);
    this.placed[slot] = -1;
    const may = !this.conflicts(slot, column);
    this.placed[slot] = now;
    return may;
  }

  /** Goes over to a plan kept earlier. */
  restore(placed: Int32Array): void {
    for (let slot = 0; slot < placed.length; slot += 1) this.take(slot);
    for (let slot = 0; slot < placed.length; slot += 1) this.put(slot, at(placed, slot));
    this.settle();
  }

  /** Sums everything afresh: many small changes leave dust behind. */
  settle(): void {
    const { width, fixedLoad, cost, node, demand, capacity, slots } = this.#flat;
    this.load.set(fixedLoad);
    this.value = this.#ties?.total() ?? 0;
    this.overfull = 0;
    for (let slot = 0; slot < slots; slot += 1) {
      const column = at(this.placed, slot);
      if (column === -1) {
        this.overfull += 1;
        continue;
      }
      this.value += at(cost, column);
      const row = at(node, column) * width;
      for (let r = 0; r < width; r += 1) this.load[row + r] = at(this.load, row + r) + at(demand, column * width + r);
    }
    for (let index = 0; index < this.load.length; index += 1) {
      this.value += this.#discomfort(index, at(this.load, index));
      if (at(this.load, index) > at(capacity, index) + slack) this.overfull += 1;
    }
  }

  /** Puts a slot that has no place; -1 leaves it so. */
  put(slot: number, column: number): void {
    if (column === -1) return;
    const { node, cost } = this.#flat;
    this.overfull -= 1;
    const box = node[column] as number;
    this.placed[slot] = column;
    let here = this.#at[box] as Int32Array;
    const count = this.#count[box] as number;
    if (count === here.length) {
      const larger = new Int32Array(2 * count);
      larger.set(here);
      this.#at[box] = larger;
      here = larger;
    }
    here[count] = slot;
    this.#position[slot] = count;
    this.#count[box] = count + 1;
    this.value += (cost[column] as number) + (this.#ties?.change(slot, box, 1) ?? 0);
    this.#shift(column, 1);
  }

  take(slot: number): void {
    const column = this.placed[slot] as number;
    if (column === -1) return;
    const { node, cost } = this.#flat;
    const box = node[column] as number;
    this.placed[slot] = -1;
    this.overfull += 1;
    const here = this.#at[box] as Int32Array;
    const last = (this.#count[box] as number) - 1;
    const position = this.#position[slot] as number;
    const moved = here[last] as number;
    here[position] = moved;
    this.#position[moved] = position;
    this.#count[box] = last;
    this.value += (this.#ties?.change(slot, box, -1) ?? 0) - (cost[column] as number);
    this.#shift(column, -1);
  }

  isOverfull(box: number): boolean {
    const { width, capacity } = this.#flat;
    for (let index = box * width; index < (box + 1) * width; index += 1)
      if ((this.load[index] as number) > (capacity[index] as number) + slack) return true;
    return false;
  }

  /** Whether a slot that has no place now may not go there whatever the load: siblings or enemies are there. */
  conflicts(slot: number, column: number): boolean {
    return this.#rivals.conflicts(slot, column);
  }

  /** Whether capacity is left for one more in a column. */
  hasRoom(column: number): boolean {
    const width = this.#width;
    const row = (this.#node[column] as number) * width;
    this.looks += 1;
    for (let r = 0; r < width; r += 1) {
      const after = (this.load[row + r] as number) + (this.#demand[column * width + r] as number);
      if (after > (this.#capacity[row + r] as number) + slack) return false;
    }
    return true;
  }

  /** Number of replicas on a box now, and each of them: for loops that must not allocate. */
  countOn(box: number): number {
    return this.#count[box] as number;
  }

  slotAt(box: number, position: number): number {
    return (this.#at[box] as Int32Array)[position] as number;
  }

  /** What putting a slot there would add to value and penalty. */
  weigh(slot: number, column: number): number {
    const { node, demand, width } = this.#flat;
    this.looks += 1;
    let sum = (this.#cost[column] as number) + (this.#ties?.adds(slot, node[column] as number) ?? 0);
    const row = (node[column] as number) * width;
    for (let r = 0; r < width; r += 1) {
      const load = this.load[row + r] as number;
      const after = load + (demand[column * width + r] as number);
      sum += this.#burden(row + r, after) - this.#burden(row + r, load);
    }
    return sum;
  }

  /** Cheapest column of its list for a slot without a place, but not `except`; -1 when none is allowed. */
  bestColumn(slot: number, except: number, { first, column }: ShortLists): number {
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    const end = first[slot + 1] as number;
    for (let index = first[slot] as number; index < end; index += 1) {
      const option = column[index] as number;
      if (option === except) continue;
      const sum = this.weigh(slot, option);
      if (sum >= least || this.conflicts(slot, option)) continue;
      least = sum;
      best = option;
    }
    return best;
  }

  /** One of the replicas of a box; -1 when it is empty. */
  anyOf(box: number, random: PlacementRandom): number {
    const count = this.#count[box] as number;
    return count === 0 ? -1 : ((this.#at[box] as Int32Array)[random.nextInt(count)] as number);
  }

  /** What the box of a slot would be rid of without it: to be known where many columns are weighed for one slot. */
  weighLeaving(slot: number): number {
    const from = this.placed[slot] as number;
    return this.#exchange(this.#node[from] as number, from, -1);
  }

  /**
   * What value and penalty would change by if a slot that has a place went to another column. Conflicts are not looked at.
   * @param leaving of that slot, where it is known. @param most no more is looked at once it is known to be that or more: a box never gains
   *   by what comes.
   */
  weighShift(slot: number, to: number, leaving?: number, most = Number.POSITIVE_INFINITY): number {
    const node = this.#node;
    const from = this.placed[slot] as number;
    this.looks += 1;
    const change = (this.#cost[to] as number) - (this.#cost[from] as number);
    const here = node[from] as number;
    const there = node[to] as number;
    if (here === there) return change + this.#exchange(here, from, to);
    const left = change + (this.#ties?.moves(slot, here, there) ?? 0) + (leaving ?? this.#exchange(here, from, -1));
    return left > most ? left : left + this.#exchange(there, -1, to);
  }

  /** The same if two slots on different boxes went to columns on each other's boxes. */
  weighSwap(slot: number, to: number, other: number, back: number): number {
    const cost = this.#cost;
    const from = this.placed[slot] as number;
    const there = this.placed[other] as number;
    this.looks += 1;
    const here = this.#node[from] as number;
    const box = this.#node[to] as number;
    const tied = this.#ties === undefined ? 0 : this.#ties.moves(slot, here, box) + this.#ties.moves(other, box, here);
    return (
      (cost[to] as number) -
      (cost[from] as number) +
      (cost[back] as number) -
      (cost[there] as number) +
      tied +
      this.#exchange(here, from, back) +
      this.#exchange(box, there, to)
    );
  }

  /** The same if one pushed another off its box, and that went to a third box. */
  weighChain(slot: number, to: number, other: number, out: number): number {
    const cost = this.#cost;
    const node = this.#node;
    const from = this.placed[slot] as number;
    const was = this.placed[other] as number;
    this.looks += 1;
    const here = node[from] as number;
    const box = node[to] as number;
    const away = node[out] as number;
    const tied = this.#ties === undefined ? 0 : this.#ties.moves(slot, here, box) + this.#ties.moves(other, box, away);
    return (
      (cost[to] as number) -
      (cost[from] as number) +
      (cost[out] as number) -
      (cost[was] as number) +
      tied +
      this.#exchange(here, from, -1) +
      this.#exchange(box, was, to) +
      this.#exchange(away, -1, out)
    );
  }

  /** What the chain weighs more, or less, when somebody on the third box closes it: goes where the first one was. */
  weighClosing(first: number, out: number, third: number, back: number): number {
    const cost = this.#cost;
    const node = this.#node;
    const last = this.placed[third] as number;
    this.looks += 1;
    const here = node[back] as number;
    const away = node[out] as number;
    return (
      (cost[back] as number) -
      (cost[last] as number) +
      (this.#ties?.moves(third, away, here) ?? 0) +
      this.#exchange(here, this.placed[first] as number, back) -
      this.#exchange(here, this.placed[first] as number, -1) +
      this.#exchange(away, last, out) -
      this.#exchange(away, -1, out)
    );
  }

  /** Moves a slot that has a place. @returns false, with nothing changed, when it may not be there. */
  shift(slot: number, to: number): boolean {
    const from = this.placed[slot] as number;
    this.take(slot);
    const may = !this.conflicts(slot, to);
    this.put(slot, may ? to : from);
    return may;
  }

  /** Exchanges two slots. @returns false, with nothing changed, when one of them may not be there. */
  swap(slot: number, to: number, other: number, back: number): boolean {
    return this.cycle(slot, to, other, back, -1, -1);
  }

  /** Moves two slots or three (-1: no third) at once. @returns false, with nothing changed, when one of them may not be there. */
  cycle(slot: number, to: number, other: number, out: number, third: number, back: number): boolean {
    const from = this.placed[slot] as number;
    const was = this.placed[other] as number;
    const last = third === -1 ? -1 : (this.placed[third] as number);
    this.take(slot);
    this.take(other);
    if (third !== -1) this.take(third);
    if (!this.conflicts(slot, to)) {
      this.put(slot, to);
      if (!this.conflicts(other, out)) {
        this.put(other, out);
        if (third === -1) return true;
        if (!this.conflicts(third, back)) {
          this.put(third, back);
          return true;
        }
        this.take(other);
      }
      this.take(slot);
    }
    this.put(slot, from);
    this.put(other, was);
    if (third !== -1) this.put(third, last);
    return false;
  }

  /** Change of burden of a box when one column leaves and another comes; -1 for none. */
  #exchange(box: number, leaves: number, comes: number): number {
    const width = this.#width;
    const demand = this.#demand;
    let sum = 0;
    for (let r = 0; r < width; r += 1) {
      const less = leaves === -1 ? 0 : (demand[leaves * width + r] as number);
      const more = comes === -1 ? 0 : (demand[comes * width + r] as number);
      if (less === 0 && more === 0) continue;
      const index = box * width + r;
      const load = this.load[index] as number;
      sum += this.#burden(index, load - less + more) - this.#burden(index, load);
    }
    return sum;
  }

  #shift(column: number, sign: 1 | -1): void {
    const { node, demand, width, capacity } = this.#flat;
    const row = (node[column] as number) * width;
    for (let r = 0; r < width; r += 1) {
      const index = row + r;
      const load = this.load[index] as number;
      const after = load + sign * (demand[column * width + r] as number);
      this.load[index] = after;
      const limit = (capacity[index] as number) + slack;
      if (load > limit !== after > limit) this.overfull += sign;
      this.value += this.#discomfort(index, after) - this.#discomfort(index, load);
    }
  }

  #burden(index: number, load: number): number {
    const above = load - (this.#capacity[index] as number);
    return this.#eased * ((above > 0 ? above * (this.#penalty[index] as number) : 0) + this.#discomfort(index, load));
  }

  #discomfort(index: number, load: number): number {
    const above = load - (this.#comfort[index] as number);
    return above > 0 ? (this.#steepness[index] as number) * above * above : 0;
  }
}
