/**
 * A plan that keeps every rule at every step: changes that would break one are not made. What a change costs is known in the time two
 * boxes take, or less where it is too dear anyhow. Typed arrays, nothing allocated while it is searched.
 */
import { exclude, type Ground, includes, limitsOf } from './ground.ts';
import { GroupCounts, GroupMoves } from './groups.ts';
import { groupMoveCost, leavingCosts, loadPrices } from './merit.ts';
import { at } from './model.ts';
import type { PlacementRandom } from './random.ts';
import { Ties } from './ties.ts';

/** A proportion of what is left free, by position in `active`. */
interface Proportion {
  readonly of: number;
  readonly other: number;
  readonly ratio: number;
  /** Micro-seconds per hour. */
  readonly price: number;
}

const infinite = Number.POSITIVE_INFINITY;

export class HardPlan {
  /** Box and variant of each slot, -1 without a place. */
  readonly node: Int32Array;
  readonly variant: Int32Array;
  /** Micro-seconds per hour, but for what draws partners to each other. */
  value = 0;
  unplaced: number;
  /** Part of the value that is for overload, and boxes that have any. */
  overload = 0;
  overfull = 0;
  readonly ground: Ground;
  /** Replicas on each box, for loops that must not allocate. */
  readonly count: Int32Array;
  readonly #at: Int32Array[];
  readonly #position: Int32Array;
  readonly #nodes: number;
  readonly #width: number;
  readonly #workload: Int32Array;
  readonly #demand: Float64Array;
  readonly #boxes: readonly Uint32Array[];
  readonly #own: Float64Array;
  readonly #ownRow: readonly (Float64Array | undefined)[];
  readonly #home: Int32Array;
  readonly #homeClass: Uint8Array;
  readonly #variantClass: Uint8Array;
  readonly #leaving: readonly (Float64Array | undefined)[];
  readonly #load: Float64Array;
  readonly #capacity: Float64Array;
  readonly #fixedLoad: Float64Array;
  readonly #easy: Float64Array;
  readonly #price: Float64Array;
  readonly #comfort: Float64Array;
  readonly #steepness: Float64Array;
  readonly #hasSquares: boolean;
  /** What the load of a box costs now, and the part of it that is for what is left free out of proportion. */
  readonly #burden: Float64Array;
  readonly #strandedNow: Float64Array;
  readonly #overNow: Float64Array;
  readonly #overPrice: Float64Array;
  /** Changes of a box so far: what was worked out for it before is worth nothing after. */
  readonly #version: Int32Array;
  readonly #relief: Float64Array;
  readonly #reliefMost: Float64Array;
  readonly #reliefVersion: Int32Array;
  readonly #places: Int32Array;
  readonly #size: Float64Array;
  readonly #groups: GroupCounts | undefined;
  readonly #groupMoves: GroupMoves | undefined;
  readonly #ties: Ties | undefined;
  readonly #siblings: readonly Int32Array[];
  readonly #enemies: readonly Int32Array[];
  readonly #byDomain: Uint8Array;
  readonly #domain: Int32Array;
  readonly #tied: boolean;
  readonly #proportions: readonly Proportion[];
  readonly #available: Float64Array;
  /** Positions in `active` of what is held; per box, and per slot at its home. */
  readonly #heldAt: Int32Array;
  readonly #heldLoad: Float64Array;
  readonly #heldBase: Float64Array;
  readonly #heldCapacity: Float64Array;
  readonly #homeAmount: Float64Array;

  constructor(ground: Ground) {
    const { instance, slots, nodes, active, variants } = ground;
    const { site, apart, slotsOf } = instance;
    this.ground = ground;
    this.unplaced = slots;
    this.node = new Int32Array(slots).fill(-1);
    this.variant = new Int32Array(slots).fill(-1);
    this.count = new Int32Array(nodes);
    this.#at = Array.from({ length: nodes }, () => new Int32Array(8));
    this.#position = new Int32Array(slots);
    this.#nodes = nodes;
    const width = active.length;
    this.#width = width;
    this.#workload = Int32Array.from(instance.slots, ({ workload }) => workload);
    this.#demand = Float64Array.from(variants.flatMap(({ demand }) => active.map((resource) => at(demand, resource))));
    this.#own = Float64Array.from(variants, ({ cost }) => (typeof cost === 'number' ? cost : 0));
    this.#ownRow = variants.map(({ cost }) => (typeof cost === 'number' ? undefined : cost));
    this.#home = Int32Array.from(instance.slots, ({ currentNode, mayStay }) => (mayStay ? currentNode : -1));
    const classes = ['hot', 'warm', 'cold'];
    this.#variantClass = Uint8Array.from(variants, (variant) => classes.indexOf(variant.class));
    this.#homeClass = Uint8Array.from(instance.slots, ({ columns, currentColumn }) => {
      const column = columns[currentColumn];
      return column === undefined ? 255 : classes.indexOf(column.class);
    });
    this.#leaving = site.nodes.map((_, node) => {
      const costs = leavingCosts(site, node);
      if (costs === undefined) return undefined;
      const row = new Float64Array(nodes);
      for (const [to, cost] of costs) row[to] = cost;
      return row;
    });
    const limits = limitsOf(ground);
    this.#capacity = limits.capacity;
    this.#fixedLoad = limits.fixedLoad;
    this.#easy = limits.easy;
    this.#price = limits.price;
    this.#comfort = limits.comfort;
    this.#steepness = limits.steepness;
    this.#hasSquares = limits.steepness.some((steep) => steep > 0);
    this.#load = limits.fixedLoad.slice();
    this.#burden = new Float64Array(nodes);
    this.#strandedNow = new Float64Array(nodes);
    this.#overNow = new Float64Array(nodes);
    this.#overPrice = new Float64Array(width).fill(infinite);
    this.#version = new Int32Array(nodes);
    this.#relief = new Float64Array(slots);
    this.#reliefMost = new Float64Array(slots);
    this.#reliefVersion = new Int32Array(slots).fill(-1);
    const fixedCount = new Int32Array(nodes);
    for (const { node } of instance.fixed) if (node >= 0) fixedCount[node] = at(fixedCount, node) + 1;
    this.#places = Int32Array.from(site.nodes, ({ maxWorkloads = 1e9 }, node) => Math.max(0, maxWorkloads - at(fixedCount, node)));
    this.#groups = instance.groups && new GroupCounts(instance.groups);
    this.#groupMoves = GroupMoves.of(site, groupMoveCost(site.problem));
    this.#ties = Ties.of({ instance, nodes });
    this.#siblings = instance.slots.map(({ workload }, slot) => Int32Array.from(at(slotsOf, workload).filter((other) => other !== slot)));
    this.#enemies = instance.slots.map(({ workload }) =>
      Int32Array.from([...at(apart, workload)].flatMap((other) => [...at(slotsOf, other)])),
    );
    this.#tied = this.#siblings.some(({ length }) => length > 0) || this.#enemies.some(({ length }) => length > 0);
    this.#byDomain = Uint8Array.from(instance.slots, ({ workload }) => (at(site.workloads, workload).spread === 'domain' ? 1 : 0));
    const domains = new Map<string, number>();
    this.#domain = Int32Array.from(site.nodes, ({ domain }) => {
      const known = domains.get(domain) ?? domains.size;
      domains.set(domain, known);
      return known;
    });
    const { balance } = site.problem.weights;
    const position = (name: string): number => active.indexOf(site.resources.indexOf(name));
    this.#proportions = loadPrices(site.problem).proportions.map(({ of, other, ratio, price }) => ({
      of: position(of),
      other: position(other),
      ratio,
      price: balance * price * 1e6,
    }));
    // How large a replica is: the largest share of a mean box that it takes of any resource.
    this.#size = new Float64Array(slots);
    for (let r = 0; r < width; r += 1) {
      let room = 0;
      for (let node = 0; node < nodes; node += 1) room += at(this.#capacity, node * width + r) / nodes;
      for (let slot = 0; slot < slots; slot += 1)
        for (let variant = at(ground.first, slot); variant < at(ground.first, slot + 1); variant += 1)
          this.#size[slot] = Math.max(at(this.#size, slot), at(this.#demand, variant * width + r) / Math.max(1e-9, room));
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
    this.#boxes = this.#possible(ground);
    this.#choiceFirst = new Int32Array(variants.length + 1);
    const choices: number[][] = this.#boxes.map((boxes) =>
      Array.from({ length: nodes }, (_, node) => node).filter((node) => includes(boxes, node)),
    );
    choices.forEach((list, variant) => {
      this.#choiceFirst[variant + 1] = at(this.#choiceFirst, variant) + list.length;
    });
    this.#choice = new Uint16Array(at(this.#choiceFirst, variants.length));
    choices.forEach((list, variant) => {
      this.#choice.set(list, at(this.#choiceFirst, variant));
    });
    this.settle();
  }

  /** The boxes of each variant, without those that never have room: what fixed replicas take, and what is held until the end, stays. */
  #possible({ first, variants, slots, nodes }: Ground): readonly Uint32Array[] {
    const width = this.#width;
    const possible = variants.map(({ boxes }) => boxes);
    for (let slot = 0; slot < slots; slot += 1)
      for (let variant = at(first, slot); variant < at(first, slot + 1); variant += 1) {
        let boxes: Uint32Array | undefined;
        for (let node = 0; node < nodes; node += 1) {
          if (!includes(at(possible, variant), node)) continue;
          let fits = this.#heldOver(node, -1, -1, slot, variant) === 0;
          for (let r = 0; fits && r < width; r += 1)
            fits = at(this.#fixedLoad, node * width + r) + at(this.#demand, variant * width + r) <= at(this.#capacity, node * width + r);
          if (fits) continue;
          boxes ??= at(possible, variant).slice();
          exclude(boxes, node);
        }
        if (boxes !== undefined) possible[variant] = boxes;
      }
    return possible;
  }

  /** One of the boxes that a variant may be on; -1 when there is none. */
  drawBox(variant: number, random: PlacementRandom): number {
    const start = this.#choiceFirst[variant] as number;
    const count = (this.#choiceFirst[variant + 1] as number) - start;
    return count === 0 ? -1 : (this.#choice[start + random.nextInt(count)] as number);
  }

  readonly #heldHome: Int32Array;
  /** Boxes that variants may be on, one after the other. */
  readonly #choiceFirst: Int32Array;
  readonly #choice: Uint16Array;

  /** Sums everything afresh: many small changes leave dust behind. */
  settle(): void {
    const { slots } = this.ground;
    const width = this.#width;
    const held = this.#heldAt.length;
    this.#load.set(this.#fixedLoad);
    this.#heldLoad.set(this.#heldBase);
    this.overload = 0;
    this.overfull = 0;
    this.#overNow.fill(0);
    let value = (this.#ties?.total() ?? 0) + (this.#groupMoves?.cost ?? 0);
    for (let slot = 0; slot < slots; slot += 1) {
      const node = this.node[slot] as number;
      if (node === -1) continue;
      const variant = this.variant[slot] as number;
      value += this.#costAt(slot, variant, node);
      for (let r = 0; r < width; r += 1)
        this.#load[node * width + r] = at(this.#load, node * width + r) + at(this.#demand, variant * width + r);
      for (let h = 0; h < held; h += 1)
        this.#heldLoad[node * held + h] = at(this.#heldLoad, node * held + h) + this.#addsHeld(slot, variant, node, h);
    }
    for (let node = 0; node < this.#nodes; node += 1) {
      this.#weighBox(node);
      this.#version[node] = at(this.#version, node) + 1;
      value += at(this.#burden, node);
    }
    this.value = value;
  }

  #weighBox(node: number): void {
    const overload = this.#overloadOf(node);
    this.overload += overload - (this.#overNow[node] as number);
    if (overload === 0 && this.#overNow[node] !== 0) this.overfull -= 1;
    if (overload !== 0 && this.#overNow[node] === 0) this.overfull += 1;
    this.#overNow[node] = overload;
    this.#strandedNow[node] = this.#stranded(node, -1, -1);
    this.#burden[node] = this.#after(node, -1, -1, -1, -1, infinite);
  }

  slotAt(node: number, position: number): number {
    return (this.#at[node] as Int32Array)[position] as number;
  }

  /** A variant of a slot, of the wanted class, that may be on a box; -1 when there is none. */
  variantAt(slot: number, node: number, workClass: number): number {
    const { first } = this.ground;
    const end = first[slot + 1] as number;
    for (let variant = first[slot] as number; variant < end; variant += 1)
      if (this.#variantClass[variant] === workClass && includes(this.#boxes[variant] as Uint32Array, node)) return variant;
    return -1;
  }

  classOf(variant: number): number {
    return this.#variantClass[variant] as number;
  }

  /** What a slot costs by itself on a box: its own terms, and moving there. */
  #costAt(slot: number, variant: number, node: number): number {
    const row = this.#ownRow[variant];
    const own = row === undefined ? (this.#own[variant] as number) : (row[node] as number);
    const home = this.#home[slot] as number;
    if (home === -1) return own;
    if (home === node) return this.#homeClass[slot] === this.#variantClass[variant] ? own : own + (this.ground.reclass[slot] as number);
    const leaving = this.#leaving[home];
    return own + (this.ground.moving[slot] as number) + (leaving === undefined ? 0 : (leaving[node] as number));
  }

  #addsHeld(slot: number, variant: number, node: number, h: number): number {
    const need = this.#demand[variant * this.#width + (this.#heldAt[h] as number)] as number;
    if (this.#heldHome[slot] !== node) return need;
    return Math.max(0, need - (this.#homeAmount[slot * this.#heldAt.length + h] as number));
  }

  /**
   * What the load of a box would cost if one left and another came (-1: nobody).
   * @param most beyond it the exact cost does not matter.
   * @returns infinite when there is no room, or it costs more than `most`.
   */
  #after(node: number, leaving: number, left: number, coming: number, came: number, most: number): number {
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
    let cost = 0;
    for (let r = 0; r < width; r += 1) {
      const index = row + r;
      let after = load[index] as number;
      if (leaving !== -1) after -= demand[minus + r] as number;
      if (coming !== -1) after += demand[plus + r] as number;
      const over = after - (capacity[index] as number);
      if (over > 0) cost += over * (overPrice[r] as number);
      const above = after - (easy[index] as number);
      if (above > 0) {
        cost += above * (price[index] as number);
        if (cost > most) return infinite;
      } else if (over > 0 && cost > most) return infinite;
    }
    if (this.#heldAt.length > 0) {
      cost += this.#heldOver(node, leaving, left, coming, came);
      if (cost > most) return infinite;
    }
    if (this.#hasSquares) cost += this.#squares(node, left, came);
    if (this.#proportions.length > 0) cost += this.#stranded(node, left, came);
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

  #stranded(node: number, left: number, came: number): number {
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
  #heldOver(node: number, leaving: number, left: number, coming: number, came: number): number {
    const held = this.#heldAt.length;
    let cost = 0;
    for (let h = 0; h < held; h += 1) {
      let over = (this.#heldLoad[node * held + h] as number) - (this.#heldCapacity[node * held + h] as number);
      if (coming !== -1) over += this.#addsHeld(coming, came, node, h);
      if (leaving !== -1) over -= this.#addsHeld(leaving, left, node, h);
      if (over > 0) cost += over * (this.#overPrice[this.#heldAt[h] as number] as number);
    }
    return cost;
  }

  /** What overload costs now. */
  #overloadOf(node: number): number {
    const width = this.#width;
    let cost = this.#heldOver(node, -1, -1, -1, -1);
    for (let r = 0; r < width; r += 1) {
      const over = (this.#load[node * width + r] as number) - (this.#capacity[node * width + r] as number);
      if (over > 0) cost += over * (this.#overPrice[r] as number);
    }
    return cost;
  }

  /** Lets boxes be overfull at a price for each unit of each resource, in the order of `active`; infinite: not at all. */
  soften(prices: Float64Array): void {
    this.#overPrice.set(prices);
    this.settle();
  }

  /** What the load of its box costs less without a slot. */
  reliefOf(slot: number): number {
    const node = this.node[slot] as number;
    if (this.#reliefVersion[slot] === this.#version[node]) return this.#relief[slot] as number;
    const left = this.variant[slot] as number;
    const relief = (this.#burden[node] as number) - this.#after(node, slot, left, -1, -1, infinite);
    this.#relief[slot] = relief;
    // What comes instead may make up for all that is left free then.
    this.#reliefMost[slot] = this.#proportions.length === 0 ? relief : relief + this.#stranded(node, left, -1);
    this.#reliefVersion[slot] = this.#version[node] as number;
    return relief;
  }

  /** The most its box could cost less without a slot, whatever comes instead. */
  #reliefAtMost(slot: number): number {
    this.reliefOf(slot);
    return this.#reliefMost[slot] as number;
  }

  /** Puts a slot somewhere else if that is allowed and costs at most `limit` more. @returns whether it did. */
  shift(slot: number, to: number, came: number, limit: number): boolean {
    const from = this.node[slot] as number;
    const left = this.variant[slot] as number;
    if (from === to) return left !== came && this.#reclass(slot, came, limit);
    const own = this.#costAt(slot, came, to) - this.#costAt(slot, left, from);
    const saved = this.reliefOf(slot) - own - (this.#ties?.moves(slot, from, to) ?? 0);
    const burden = this.#burden[to] as number;
    if (saved + (this.#strandedNow[to] as number) < -limit) return false;
    if ((this.count[to] as number) >= (this.#places[to] as number) || !includes(this.#boxes[came] as Uint32Array, to)) return false;
    const after = this.#after(to, -1, -1, slot, came, limit + saved + burden);
    if (after === infinite) return false;
    const workload = this.#workload[slot] as number;
    if (this.#groups !== undefined && !this.#groups.allowsMove(workload, from, to)) return false;
    if (this.#tied && this.#conflicts(slot, to, -1)) return false;
    if (this.#groupMoves !== undefined && this.#movesGroup(slot, to) + after - burden - saved > limit) return false;
    this.#change(slot, to, came);
    return true;
  }

  #reclass(slot: number, came: number, limit: number): boolean {
    const node = this.node[slot] as number;
    const left = this.variant[slot] as number;
    if (!includes(this.#boxes[came] as Uint32Array, node)) return false;
    const own = this.#costAt(slot, came, node) - this.#costAt(slot, left, node);
    const after = this.#after(node, slot, left, slot, came, limit - own + (this.#burden[node] as number));
    if (after === infinite) return false;
    this.#change(slot, node, came);
    return true;
  }

  /** Exchanges the boxes of two slots if that is allowed and costs at most `limit` more. @returns whether it did. */
  swap(slot: number, other: number, limit: number): boolean {
    const from = this.node[slot] as number;
    const to = this.node[other] as number;
    if (from === to) return false;
    const left = this.variant[slot] as number;
    const was = this.variant[other] as number;
    const came = this.variantAt(slot, to, this.#variantClass[left] as number);
    const back = this.variantAt(other, from, this.#variantClass[was] as number);
    if (came === -1 || back === -1) return false;
    let change =
      this.#costAt(slot, came, to) - this.#costAt(slot, left, from) + this.#costAt(other, back, from) - this.#costAt(other, was, to);
    if (this.#ties !== undefined) change += this.#ties.moves(slot, from, to) + this.#ties.moves(other, to, from);
    if (change - this.#reliefAtMost(slot) - this.#reliefAtMost(other) > limit) return false;
    const before = (this.#burden[from] as number) + (this.#burden[to] as number);
    const here = this.#after(from, slot, left, other, back, limit - change + before);
    if (here === infinite) return false;
    const there = this.#after(to, other, was, slot, came, limit - change + before - here);
    if (there === infinite) return false;
    const workload = this.#workload[slot] as number;
    if (this.#groups !== undefined && !this.#groups.allowsSwap(workload, from, this.#workload[other] as number, to)) return false;
    if (this.#tied && (this.#conflicts(slot, to, other) || this.#conflicts(other, from, slot))) return false;
    if (this.#groupMoves !== undefined && this.#swapsGroup(slot, to, other, from) + change + here + there - before > limit) return false;
    this.take(slot);
    this.take(other);
    this.put(slot, to, came);
    this.put(other, from, back);
    return true;
  }

  /** What a slot without a place would cost on a box; infinite when there is no room, or it is more than `most`. */
  weighPut(slot: number, to: number, came: number, most: number): number {
    if ((this.count[to] as number) >= (this.#places[to] as number) || !includes(this.#boxes[came] as Uint32Array, to)) return infinite;
    let own = this.#costAt(slot, came, to) + (this.#ties?.adds(slot, to) ?? 0);
    if (this.#groupMoves !== undefined) own += this.#movesGroup(slot, to);
    const burden = this.#burden[to] as number;
    return own + this.#after(to, -1, -1, slot, came, most - own + burden) - burden;
  }

  /** Whether the rules let a slot without a place on a box. */
  allows(slot: number, to: number): boolean {
    if (this.#groups !== undefined && !this.#groups.allows(this.#workload[slot] as number, to)) return false;
    return !this.#tied || !this.#conflicts(slot, to, -1);
  }

  /** The largest share of a mean box that a slot takes of any resource. */
  sizeOf(slot: number): number {
    return this.#size[slot] as number;
  }

  /** Puts a slot without a place on a box, whatever it costs, if that is allowed. */
  insert(slot: number, to: number, came: number): boolean {
    if ((this.count[to] as number) >= (this.#places[to] as number) || !includes(this.#boxes[came] as Uint32Array, to)) return false;
    if (this.#after(to, -1, -1, slot, came, infinite) === infinite) return false;
    if (this.#groups !== undefined && !this.#groups.allows(this.#workload[slot] as number, to)) return false;
    if (this.#tied && this.#conflicts(slot, to, -1)) return false;
    this.put(slot, to, came);
    return true;
  }

  /** What single moves that cost something cost on average: the scale of temperatures. */
  scale(random: PlacementRandom, probes: number): number {
    const { slots, first } = this.ground;
    let sum = 0;
    let count = 0;
    for (let probe = 0; probe < probes; probe += 1) {
      const slot = random.nextInt(slots);
      const from = this.node[slot] as number;
      const variants = (first[slot + 1] as number) - (first[slot] as number);
      if (from === -1 || variants === 0) continue;
      const came = (first[slot] as number) + random.nextInt(variants);
      const to = random.nextInt(this.#nodes);
      if (from === to || !includes(this.#boxes[came] as Uint32Array, to)) continue;
      const after = this.#after(to, -1, -1, slot, came, infinite);
      if (after === infinite) continue;
      const own = this.#costAt(slot, came, to) - this.#costAt(slot, this.variant[slot] as number, from);
      const change = after - (this.#burden[to] as number) - this.reliefOf(slot) + own;
      if (change <= 0) continue;
      sum += change;
      count += 1;
    }
    return count === 0 ? 1 : sum / count;
  }

  /** What a unit of each resource is worth beside the scale: what its price says, or its share of a mean replica. */
  unitWorth(scale: number): Float64Array {
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

  /** Goes over to a plan kept earlier, which must be one that was within the rules. */
  restore(node: Int32Array, variant: Int32Array): void {
    for (let slot = 0; slot < node.length; slot += 1)
      if (this.node[slot] !== -1 && (this.node[slot] !== node[slot] || this.variant[slot] !== variant[slot])) this.take(slot);
    for (let slot = 0; slot < node.length; slot += 1)
      if (this.node[slot] === -1 && node[slot] !== -1) this.put(slot, node[slot] as number, variant[slot] as number);
    this.settle();
  }

  /** Siblings or enemies on a box; `except` is about to leave. */
  #conflicts(slot: number, to: number, except: number): boolean {
    const siblings = this.#siblings[slot] as Int32Array;
    for (let index = 0; index < siblings.length; index += 1) {
      const other = siblings[index] as number;
      const there = this.node[other] as number;
      if (there === -1 || other === except) continue;
      if (there === to || (this.#byDomain[slot] === 1 && this.#domain[there] === this.#domain[to])) return true;
    }
    const enemies = this.#enemies[slot] as Int32Array;
    for (let index = 0; index < enemies.length; index += 1) {
      const other = enemies[index] as number;
      if (other !== except && this.node[other] === to) return true;
    }
    return false;
  }

  /** What is added to the cost of moves of groups. */
  #movesGroup(slot: number, to: number): number {
    const moves = this.#groupMoves as GroupMoves;
    const sign = this.#moveSign(slot, to);
    if (sign === 0) return 0;
    const before = moves.cost;
    moves.change(this.#workload[slot] as number, sign);
    const after = moves.cost;
    moves.change(this.#workload[slot] as number, sign === 1 ? -1 : 1);
    return after - before;
  }

  #swapsGroup(slot: number, to: number, other: number, from: number): number {
    const moves = this.#groupMoves as GroupMoves;
    const before = moves.cost;
    const one = this.#moveSign(slot, to);
    const two = this.#moveSign(other, from);
    if (one !== 0) moves.change(this.#workload[slot] as number, one);
    if (two !== 0) moves.change(this.#workload[other] as number, two);
    const after = moves.cost;
    if (one !== 0) moves.change(this.#workload[slot] as number, one === 1 ? -1 : 1);
    if (two !== 0) moves.change(this.#workload[other] as number, two === 1 ? -1 : 1);
    return after - before;
  }

  /** 1 when it leaves its home, -1 when it comes back, 0 when neither. */
  #moveSign(slot: number, to: number): 1 | -1 | 0 {
    const home = this.#home[slot] as number;
    if (home === -1) return 0;
    const from = this.node[slot] as number;
    const was = from !== -1 && from !== home;
    const is = to !== -1 && to !== home;
    return was === is ? 0 : is ? 1 : -1;
  }

  #change(slot: number, to: number, came: number): void {
    this.take(slot);
    this.put(slot, to, came);
  }

  put(slot: number, node: number, variant: number): void {
    const sign = this.#groupMoves === undefined ? 0 : this.#moveSign(slot, node);
    if (sign !== 0) this.#moveGroup(slot, sign);
    this.node[slot] = node;
    this.variant[slot] = variant;
    this.unplaced -= 1;
    let here = this.#at[node] as Int32Array;
    const count = this.count[node] as number;
    if (count === here.length) {
      const larger = new Int32Array(2 * count);
      larger.set(here);
      this.#at[node] = larger;
      here = larger;
    }
    here[count] = slot;
    this.#position[slot] = count;
    this.count[node] = count + 1;
    this.#groups?.change(this.#workload[slot] as number, node, 1);
    this.value += this.#costAt(slot, variant, node) + (this.#ties?.change(slot, node, 1) ?? 0);
    this.#weigh(slot, node, variant, 1);
  }

  take(slot: number): void {
    const node = this.node[slot] as number;
    const variant = this.variant[slot] as number;
    const sign = this.#groupMoves === undefined ? 0 : this.#moveSign(slot, -1);
    if (sign !== 0) this.#moveGroup(slot, sign);
    this.node[slot] = -1;
    this.variant[slot] = -1;
    this.unplaced += 1;
    const here = this.#at[node] as Int32Array;
    const last = (this.count[node] as number) - 1;
    const position = this.#position[slot] as number;
    const moved = here[last] as number;
    here[position] = moved;
    this.#position[moved] = position;
    this.count[node] = last;
    this.#groups?.change(this.#workload[slot] as number, node, -1);
    this.value += (this.#ties?.change(slot, node, -1) ?? 0) - this.#costAt(slot, variant, node);
    this.#weigh(slot, node, variant, -1);
  }

  #moveGroup(slot: number, sign: 1 | -1): void {
    const moves = this.#groupMoves as GroupMoves;
    const before = moves.cost;
    moves.change(this.#workload[slot] as number, sign);
    this.value += moves.cost - before;
  }

  #weigh(slot: number, node: number, variant: number, sign: 1 | -1): void {
    const width = this.#width;
    for (let r = 0; r < width; r += 1) {
      const index = node * width + r;
      this.#load[index] = (this.#load[index] as number) + sign * (this.#demand[variant * width + r] as number);
    }
    const held = this.#heldAt.length;
    for (let h = 0; h < held; h += 1) {
      const index = node * held + h;
      this.#heldLoad[index] = (this.#heldLoad[index] as number) + sign * this.#addsHeld(slot, variant, node, h);
    }
    this.value -= this.#burden[node] as number;
    this.#weighBox(node);
    this.value += this.#burden[node] as number;
    this.#version[node] = (this.#version[node] as number) + 1;
  }
}
