/**
 * What a plan that is begun costs at least when all that is left is placed. Two floors, the higher one counts: each slot in the cheapest
 * of its columns that still has room; and the same at prices of capacity, less what capacity is worth at these prices (Lagrangian
 * relaxation), where each box takes as much load as is worth its discomfort. Prices are made better a little wherever one looks.
 */
import type { Candidate } from './candidate.ts';
import type { Flat } from './flat.ts';
import { at, tolerance } from './model.ts';
import { discomfort, easyLoad, feelsLoad } from './prices.ts';

/** Times the prices are made better at each look. */
const rounds = 2;
/** Share of the way to the cost that would end the search, for one change of prices. */
const reach = 0.7;
/** Columns looked at for the work of one evaluation. */
const columnsPerStep = 16;

/** What can be said of a plan that is begun. */
export interface Look {
  /** Slot to be placed next: the one that loses most when it does not get the cheapest column that has room. */
  readonly slot: number;
  /** Its columns that can still lead to a better plan, by position, as they are listed. */
  readonly columns: readonly number[];
}

export class Floor {
  readonly #candidate: Candidate;
  readonly #flat: Flat;
  /** By depth, box and resource: the prices that the looks at this depth and below begin with. */
  readonly #prices: Float64Array[];
  readonly #load: Float64Array;
  readonly #feels: Uint8Array;
  readonly #open: Uint8Array;
  readonly #excess: Float64Array;
  /** Columns of open slots that have room, one slot after the other; the end of each slot. */
  readonly #roomy: Int32Array;
  readonly #end: Int32Array;
  readonly #least: Float64Array;

  /** @param price to begin with: those of the problem, or nothing. */
  constructor(candidate: Candidate, flat: Flat, price: Float64Array | undefined) {
    const size = flat.nodes * flat.width;
    this.#candidate = candidate;
    this.#flat = flat;
    this.#prices = Array.from({ length: flat.slots + 2 }, () => new Float64Array(size));
    if (price !== undefined) at(this.#prices, 0).set(price);
    this.#load = new Float64Array(size);
    this.#feels = Uint8Array.from(this.#load, (_, index) => (feelsLoad(flat, index) ? 1 : 0));
    this.#open = new Uint8Array(flat.slots).fill(1);
    this.#excess = new Float64Array(size);
    this.#roomy = new Int32Array(at(flat.first, flat.slots));
    this.#end = new Int32Array(flat.slots);
    this.#least = new Float64Array(flat.slots);
    for (let node = 0; node < flat.nodes; node += 1) this.changed(node);
  }

  /** A slot that is not open is placed, or left without a place. */
  open(slot: number, isOpen: boolean): void {
    this.#open[slot] = isOpen ? 1 : 0;
  }

  /** To be called when the load of a box is another. */
  changed(node: number): void {
    const { width, active } = this.#flat;
    for (let r = 0; r < width; r += 1) {
      const resource = active[r];
      this.#load[node * width + r] = resource === undefined ? this.#candidate.countAt(node) : this.#candidate.loadOf(node, resource);
    }
  }

  /** Undefined when no plan from here on that places all that is left costs less than `most`. */
  look(depth: number, most: number): Look | undefined {
    const price = at(this.#prices, depth + 1).fill(0);
    price.set(at(this.#prices, depth));
    const next = this.#cheapest(most);
    if (next === -1) return undefined;
    // Something has no place yet in the best plan known: whatever it costs, more places are better.
    if (most === Number.POSITIVE_INFINITY) return { slot: next, columns: this.#columnsOf(next, price, most) };
    let value = this.#value(price);
    for (let round = 0; round < rounds && value <= most - 1; round += 1) {
      if (!this.#move(price, reach * (most - value))) break;
      value = this.#value(price);
    }
    if (value > most - 1) return undefined;
    return { slot: next, columns: this.#columnsOf(next, price, most - 1 - value + at(this.#least, next)) };
  }

  /** Finds the columns that have room, and the slot to be placed next; -1 when already their own costs are too much. */
  #cheapest(most: number): number {
    const { slots, first, cost, node, width, demand, capacity } = this.#flat;
    let sum = this.#candidate.risingCost;
    let next = -1;
    let regret = -1;
    let count = 0;
    let looked = 0;
    for (let slot = 0; slot < slots; slot += 1) {
      if (this.#open[slot] === 1) {
        let least = Number.POSITIVE_INFINITY;
        let second = Number.POSITIVE_INFINITY;
        const end = first[slot + 1] as number;
        for (let column = first[slot] as number; column < end; column += 1) {
          const row = (node[column] as number) * width;
          let fits = true;
          for (let r = 0; fits && r < width; r += 1) {
            const need = demand[column * width + r] as number;
            fits = need <= 0 || (this.#load[row + r] as number) + need <= (capacity[row + r] as number) + tolerance;
          }
          if (!fits) continue;
          this.#roomy[count] = column;
          count += 1;
          const own = cost[column] as number;
          if (own < least) {
            second = least;
            least = own;
          } else if (own < second) second = own;
        }
        looked += end - (first[slot] as number);
        const loses = least === Number.POSITIVE_INFINITY ? least : second - least;
        if (loses > regret) {
          regret = loses;
          next = slot;
        }
        sum += least;
      }
      this.#end[slot] = count;
    }
    this.#candidate.steps += Math.ceil(looked / columnsPerStep);
    return sum > most - 1 && most < Number.POSITIVE_INFINITY ? -1 : next;
  }

  /** The floor at these prices; leaves in `#excess` by how much more is asked for than is offered. */
  #value(price: Float64Array): number {
    const flat = this.#flat;
    const { slots, nodes, width, cost, node, demand, capacity } = flat;
    const excess = this.#excess;
    // What load costs is rounded for each box.
    let value = this.#candidate.risingCost - nodes;
    let magnitude = value;
    for (let index = 0; index < excess.length; index += 1) {
      const load = this.#load[index] as number;
      const worth = price[index] as number;
      if (this.#feels[index] === 1) {
        const more = easyLoad(flat, index, worth, load);
        const costs = discomfort(flat, index, load + more) - discomfort(flat, index, load);
        value += costs - worth * more;
        magnitude += costs + worth * more;
        excess[index] = -more;
      } else {
        const more = Math.max(0, (capacity[index] as number) + 2 * tolerance - load);
        value -= worth * more;
        magnitude += worth * more;
        excess[index] = -more;
      }
    }
    let begin = 0;
    for (let slot = 0; slot < slots; slot += 1) {
      const end = this.#end[slot] as number;
      if (this.#open[slot] === 1) {
        let least = Number.POSITIVE_INFINITY;
        let chosen = -1;
        for (let position = begin; position < end; position += 1) {
          const column = this.#roomy[position] as number;
          let sum = cost[column] as number;
          if (sum >= least) continue;
          const row = (node[column] as number) * width;
          for (let r = 0; r < width; r += 1) sum += (price[row + r] as number) * (demand[column * width + r] as number);
          if (sum < least) {
            least = sum;
            chosen = column;
          }
        }
        this.#least[slot] = least;
        value += least;
        if (chosen === -1) return value;
        magnitude += least;
        const row = (node[chosen] as number) * width;
        for (let r = 0; r < width; r += 1) excess[row + r] = (excess[row + r] as number) + (demand[chosen * width + r] as number);
      }
      begin = end;
    }
    this.#candidate.steps += Math.ceil(begin / columnsPerStep);
    return value - magnitude * 1e-12 - 1e-3;
  }

  /** Raises the price of what is asked for too much, lowers that of what is left; false when nothing is to be changed. */
  #move(price: Float64Array, gain: number): boolean {
    const { capacity, fixedLoad } = this.#flat;
    let norm = 0;
    for (let index = 0; index < price.length; index += 1) {
      const scale = (capacity[index] as number) - (fixedLoad[index] as number) + 1e-9;
      let step = (this.#excess[index] as number) / scale;
      if (step < 0 && price[index] === 0) step = 0;
      this.#excess[index] = step / scale;
      norm += step * step;
    }
    if (norm < 1e-18) return false;
    for (let index = 0; index < price.length; index += 1)
      price[index] = Math.max(0, (price[index] as number) + ((this.#excess[index] as number) * gain) / norm);
    return true;
  }

  /** Columns of a slot that have room, at most so dear at these prices. */
  #columnsOf(slot: number, price: Float64Array, dearest: number): readonly number[] {
    const { width, cost, node, demand, index } = this.#flat;
    const found: number[] = [];
    for (let position = slot === 0 ? 0 : at(this.#end, slot - 1); position < at(this.#end, slot); position += 1) {
      const column = at(this.#roomy, position);
      let sum = at(cost, column);
      for (let r = 0; r < width; r += 1) sum += at(price, at(node, column) * width + r) * at(demand, column * width + r);
      if (sum <= dearest) found.push(at(index, column));
    }
    return found;
  }
}
