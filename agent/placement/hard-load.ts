/**
 * The load of each box, for a plan that is changed one replica at a time: what it costs, what would change, and whether there is room, also
 * for what is held until all moves are over. While capacity is soft, what is above it has a price.
 */
import { type Ground, limitsOf } from './ground.ts';
import { loadPrices } from './merit.ts';
import { at } from './model.ts';

/** A proportion of what is left free, by position in `active`. */
interface Proportion {
  readonly of: number;
  readonly other: number;
  readonly ratio: number;
  /** Micro-seconds per hour. */
  readonly price: number;
}

const infinite = Number.POSITIVE_INFINITY;

export class HardLoad {
  /** Part of the cost that is for overload, and boxes that have any. */
  overload = 0;
  overfull = 0;
  /** What the load of a box costs now, and the part of it that is for what is left free out of proportion. */
  readonly burden: Float64Array;
  readonly strandedNow: Float64Array;
  /** Another number after each change of a box, and never that of another box: what was worked out before is worth nothing after. */
  readonly version: Int32Array;
  #changes = 0;
  /** How large a slot is: the largest share of a mean box that it takes of any resource. */
  readonly size: Float64Array;
  readonly #nodes: number;
  readonly #width: number;
  readonly #demand: Float64Array;
  readonly #load: Float64Array;
  readonly #capacity: Float64Array;
  readonly #fixedLoad: Float64Array;
  readonly #easy: Float64Array;
  readonly #price: Float64Array;
  readonly #comfort: Float64Array;
  readonly #steepness: Float64Array;
  readonly #hasSquares: boolean;
  readonly #overNow: Float64Array;
  readonly #overPrice: Float64Array;
  #isSoft = false;
  readonly #proportions: readonly Proportion[];
  readonly #available: Float64Array;
  /** Positions in `active` of what is held; per box, and per slot at its home. */
  readonly #heldAt: Int32Array;
  readonly #heldLoad: Float64Array;
  readonly #heldBase: Float64Array;
  readonly #heldCapacity: Float64Array;
  readonly #heldHome: Int32Array;
  readonly #homeAmount: Float64Array;

  constructor(ground: Ground) {
    const { instance, slots, nodes, active, variants } = ground;
    const { site } = instance;
    this.#nodes = nodes;
    const width = active.length;
    this.#width = width;
    this.#demand = Float64Array.from(variants.flatMap(({ demand }) => active.map((resource) => at(demand, resource))));
    const limits = limitsOf(ground);
    this.#capacity = limits.capacity;
    this.#fixedLoad = limits.fixedLoad;
    this.#easy = limits.easy;
    this.#price = limits.price;
    this.#comfort = limits.comfort;
    this.#steepness = limits.steepness;
    this.#hasSquares = limits.steepness.some((steep) => steep > 0);
    this.#load = limits.fixedLoad.slice();
    this.burden = new Float64Array(nodes);
    this.strandedNow = new Float64Array(nodes);
    this.#overNow = new Float64Array(nodes);
    this.#overPrice = new Float64Array(width).fill(infinite);
    this.version = new Int32Array(nodes);
    const { balance } = site.problem.weights;
    const position = (name: string): number => active.indexOf(site.resources.indexOf(name));
    this.#proportions = loadPrices(site.problem).proportions.map(({ of, other, ratio, price }) => ({
      of: position(of),
      other: position(other),
      ratio,
      price: balance * price * 1e6,
    }));
    // How large a replica is: the largest share of a mean box that it takes of any resource.
    this.size = new Float64Array(slots);
    for (let r = 0; r < width; r += 1) {
      let room = 0;
      for (let node = 0; node < nodes; node += 1) room += at(this.#capacity, node * width + r) / nodes;
      for (let slot = 0; slot < slots; slot += 1)
        for (let variant = at(ground.first, slot); variant < at(ground.first, slot + 1); variant += 1)
          this.size[slot] = Math.max(at(this.size, slot), at(this.#demand, variant * width + r) / Math.max(1e-9, room));
    }
    this.#available = Float64Array.from(site.nodes.flatMap((_, node) => active.map((resource) => at(at(site.available, node), resource))));
    const { held } = instance;
    const heldHere = (held?.resources ?? []).flatMap((resource, index) => (active.includes(resource) ? [{ resource, index }] : []));
    const heldWidth = heldHere.length;
    this.#heldAt = Int32Array.from(heldHere, ({ resource }) => active.indexOf(resource));
    this.#heldLoad = new Float64Array(nodes * heldWidth);
    this.#heldCapacity = new Float64Array(nodes * heldWidth);
    this.#homeAmount = new Float64Array(slots * heldWidth);
    heldHere.forEach(({ resource, index }, h) => {
      for (let node = 0; node < nodes; node += 1) {
        const base = at(held?.base ?? [], node * (held?.resources.length ?? 0) + index);
        // What is there now may be too much already: that is nobody's choice, but nobody else finds room then.
        this.#heldCapacity[node * heldWidth + h] = Math.max(at(at(site.available, node), resource), base) + 1e-7;
        this.#heldLoad[node * heldWidth + h] = base;
      }
      for (const { workload, replica, node, demand } of instance.fixed) {
        if (node < 0) continue;
        const cell = node * heldWidth + h;
        this.#heldLoad[cell] = at(this.#heldLoad, cell) + (held?.adds(held.homeOf(workload, replica), node, demand, index) ?? 0);
      }
      instance.slots.forEach(({ workload, replica }, slot) => {
        this.#homeAmount[slot * heldWidth + h] = held?.homeOf(workload, replica)?.amounts[index] ?? 0;
      });
    });
    this.#heldBase = this.#heldLoad.slice();
    this.#heldHome = Int32Array.from(instance.slots, ({ workload, replica }) => held?.homeOf(workload, replica)?.node ?? -1);
  }

  get hasProportions(): boolean {
    return this.#proportions.length > 0;
  }

  /** Whether room is held while moving. */
  get holds(): boolean {
    return this.#heldAt.length > 0;
  }

  /** Whether a slot fits on a box at all: beside what is fixed, and what is held until the end. */
  fitsAlone(slot: number, variant: number, node: number): boolean {
    const width = this.#width;
    const held = this.#heldAt.length;
    for (let r = 0; r < width; r += 1) {
      const index = node * width + r;
      if (at(this.#fixedLoad, index) + at(this.#demand, variant * width + r) > at(this.#capacity, index)) return false;
    }
    for (let h = 0; h < held; h += 1) {
      const index = node * held + h;
      if (at(this.#heldBase, index) + this.addsHeld(slot, variant, node, h) > at(this.#heldCapacity, index)) return false;
    }
    return true;
  }

  /** Sums everything afresh. @returns what the load of all boxes costs. */
  settle(node: Int32Array, variant: Int32Array): number {
    const width = this.#width;
    const held = this.#heldAt.length;
    this.#load.set(this.#fixedLoad);
    this.#heldLoad.set(this.#heldBase);
    this.overload = 0;
    this.overfull = 0;
    this.#overNow.fill(0);
    for (let slot = 0; slot < node.length; slot += 1) {
      const box = node[slot] as number;
      if (box === -1) continue;
      const own = variant[slot] as number;
      for (let r = 0; r < width; r += 1) this.#load[box * width + r] = at(this.#load, box * width + r) + at(this.#demand, own * width + r);
      for (let h = 0; h < held; h += 1)
        this.#heldLoad[box * held + h] = at(this.#heldLoad, box * held + h) + this.addsHeld(slot, own, box, h);
    }
    let cost = 0;
    for (let box = 0; box < this.#nodes; box += 1) {
      this.#weighBox(box);
      cost += at(this.burden, box);
    }
    return cost;
  }

  /** Lets boxes be overfull, each unit at so many times what it is worth beside `scale`; infinite: not at all. */
  soften(scale: number, times: number): void {
    this.#isSoft = times < infinite;
    this.#overPrice.set(this.#isSoft ? this.#unitWorth(scale).map((worth) => worth * times) : this.#overPrice.fill(infinite));
  }

  #weighBox(node: number): void {
    const overload = this.#overloadOf(node);
    this.overload += overload - (this.#overNow[node] as number);
    if (overload === 0 && this.#overNow[node] !== 0) this.overfull -= 1;
    if (overload !== 0 && this.#overNow[node] === 0) this.overfull += 1;
    this.#overNow[node] = overload;
    this.strandedNow[node] = this.stranded(node, -1, -1);
    this.burden[node] = this.after(node, -1, -1, -1, -1, infinite);
    this.#changes += 1;
    this.version[node] = this.#changes;
  }

  addsHeld(slot: number, variant: number, node: number, h: number): number {
    const need = this.#demand[variant * this.#width + (this.#heldAt[h] as number)] as number;
    if (this.#heldHome[slot] !== node) return need;
    return Math.max(0, need - (this.#homeAmount[slot * this.#heldAt.length + h] as number));
  }

  /**
   * What the load of a box would cost if one left and another came (-1: nobody).
   * @param most beyond it the exact cost does not matter.
   * @returns infinite when there is no room, or it costs more than `most`.
   */
  after(node: number, leaving: number, left: number, coming: number, came: number, most: number): number {
    const width = this.#width;
    const load = this.#load;
    const demand = this.#demand;
    const capacity = this.#capacity;
    const easy = this.#easy;
    const price = this.#price;
    const row = node * width;
    const minus = left * width;
    const plus = came * width;
    const overPrice = this.#overPrice;
    // What is there was allowed: sums of fractions may be off by dust, and that must not count as too much.
    const counts = coming !== -1 || this.#isSoft;
    let cost = 0;
    for (let r = 0; r < width; r += 1) {
      const index = row + r;
      let after = load[index] as number;
      if (leaving !== -1) after -= demand[minus + r] as number;
      if (coming !== -1) after += demand[plus + r] as number;
      const over = after - (capacity[index] as number);
      if (over > 0 && counts) cost += over * (overPrice[r] as number);
      const above = after - (easy[index] as number);
      if (above > 0) {
        cost += above * (price[index] as number);
        if (cost > most) return infinite;
      } else if (over > 0 && cost > most) return infinite;
    }
    if (this.#heldAt.length > 0) {
      if (counts) cost += this.heldOver(node, leaving, left, coming, came);
      if (cost > most) return infinite;
    }
    if (this.#hasSquares) cost += this.#squares(node, left, came);
    if (this.#proportions.length > 0) cost += this.stranded(node, left, came);
    return cost > most ? infinite : cost;
  }

  #squares(node: number, left: number, came: number): number {
    const width = this.#width;
    let cost = 0;
    for (let r = 0; r < width; r += 1) {
      const index = node * width + r;
      let after = this.#load[index] as number;
      if (left !== -1) after -= this.#demand[left * width + r] as number;
      if (came !== -1) after += this.#demand[came * width + r] as number;
      const above = after - (this.#comfort[index] as number);
      if (above > 0) cost += (this.#steepness[index] as number) * above * above;
    }
    return cost;
  }

  stranded(node: number, left: number, came: number): number {
    let cost = 0;
    for (let index = 0; index < this.#proportions.length; index += 1) {
      const proportion = this.#proportions[index] as Proportion;
      const missing = proportion.ratio * this.#free(node, proportion.of, left, came) - this.#free(node, proportion.other, left, came);
      if (missing > 0) cost += missing * proportion.price;
    }
    return cost;
  }

  #free(node: number, r: number, left: number, came: number): number {
    const index = node * this.#width + r;
    let free = (this.#available[index] as number) - (this.#load[index] as number);
    if (left !== -1) free += this.#demand[left * this.#width + r] as number;
    if (came !== -1) free -= this.#demand[came * this.#width + r] as number;
    return free;
  }

  /** What it costs that more is held than there is room for. */
  heldOver(node: number, leaving: number, left: number, coming: number, came: number): number {
    const held = this.#heldAt.length;
    let cost = 0;
    for (let h = 0; h < held; h += 1) {
      let over = (this.#heldLoad[node * held + h] as number) - (this.#heldCapacity[node * held + h] as number);
      if (coming !== -1) over += this.addsHeld(coming, came, node, h);
      if (leaving !== -1) over -= this.addsHeld(leaving, left, node, h);
      if (over > 0) cost += over * (this.#overPrice[this.#heldAt[h] as number] as number);
    }
    return cost;
  }

  /** What overload costs now. */
  #overloadOf(node: number): number {
    if (!this.#isSoft) return 0;
    const width = this.#width;
    let cost = this.heldOver(node, -1, -1, -1, -1);
    for (let r = 0; r < width; r += 1) {
      const over = (this.#load[node * width + r] as number) - (this.#capacity[node * width + r] as number);
      if (over > 0) cost += over * (this.#overPrice[r] as number);
    }
    return cost;
  }

  /** What a unit of each resource is worth beside the scale: what its price says, or its share of a mean replica. */
  #unitWorth(scale: number): Float64Array {
    const width = this.#width;
    const worth = new Float64Array(width);
    const rows = this.#demand.length / Math.max(1, width);
    for (let r = 0; r < width; r += 1) {
      let sum = 0;
      for (let row = 0; row < rows; row += 1) sum += at(this.#demand, row * width + r);
      let price = 0;
      for (let node = 0; node < this.#nodes; node += 1) price = Math.max(price, at(this.#price, node * width + r));
      worth[r] = price > 0 ? price : sum > 0 ? (scale * rows) / sum : 1;
    }
    return worth;
  }

  /** Puts a slot on a box, or takes it away. @returns the change of cost. */
  change(slot: number, node: number, variant: number, sign: 1 | -1): number {
    const width = this.#width;
    for (let r = 0; r < width; r += 1) {
      const index = node * width + r;
      this.#load[index] = (this.#load[index] as number) + sign * (this.#demand[variant * width + r] as number);
    }
    const held = this.#heldAt.length;
    for (let h = 0; h < held; h += 1) {
      const index = node * held + h;
      this.#heldLoad[index] = (this.#heldLoad[index] as number) + sign * this.addsHeld(slot, variant, node, h);
    }
    const before = this.burden[node] as number;
    this.#weighBox(node);
    return (this.burden[node] as number) - before;
  }
}
