/** One candidate plan while it is being built: loads, who is where, and its cost, kept up to date move by move. */
import type { Misfit } from '../../schemas/generated/types.ts';
import type { Column } from './columns.ts';
import { GroupCounts, GroupMoves } from './groups.ts';
import type { Held, Home } from './held.ts';
import { balanceCost, groupMoveCost, hardwareCost, idleCost, OwnCosts, partnerCost, rates, strandedCost, usedCost } from './merit.ts';
import { heldShort, shortOf } from './misfit.ts';
import { at, ownTerms, type TermName, tolerance, toMicros } from './model.ts';
import type { Instance, Slot } from './slots.ts';

/** Evaluations between two checkpoints: of a few microseconds each. */
const checkSteps = 512;

export class Candidate {
  readonly instance: Instance;
  /** Column of each slot, -1 while it has none. */
  readonly placed: Int32Array;
  /** Slots without a place, per level of criticality. */
  readonly unplaced: Int32Array;
  /** Evaluations so far: places tried. */
  steps = 0;
  readonly #width: number;
  readonly #available: readonly (readonly number[])[];
  readonly #load: Float64Array;
  readonly #groups: GroupCounts | undefined;
  readonly #groupMoves: GroupMoves | undefined;
  readonly #held: Held | undefined;
  /** Per slot, what it has now; per box and held resource, what is held there. */
  readonly #homes: readonly (Home | undefined)[];
  readonly #heldLoad: Float64Array;
  readonly #slotsAt: number[][];
  readonly #fixedAt: number[][];
  readonly #balance: Float64Array;
  /** Part of the balance that more load may make less. */
  readonly #stranded: Float64Array;
  #strandedCost = 0;
  readonly #affinity: Float64Array;
  readonly #readers: Int32Array;
  readonly #copies: Int32Array;
  readonly #copyMicros: number;
  /** Per box: what it costs when it has any work, and whether it has. */
  readonly #usedMicros: readonly number[];
  readonly #used: Uint8Array;
  readonly #mayRest: boolean;
  /** Micro-seconds per hour, whole numbers. */
  #cost = 0;

  constructor(instance: Instance) {
    this.instance = instance;
    const { site, slots, fixed, levels, sharedCount } = instance;
    const nodes = site.nodes.length;
    this.placed = new Int32Array(slots.length).fill(-1);
    this.unplaced = new Int32Array(levels);
    for (const { level } of slots) this.unplaced[level] = at(this.unplaced, level) + 1;
    const width = site.resources.length;
    this.#width = width;
    this.#available = site.available;
    this.#load = new Float64Array(nodes * width);
    this.#groups = instance.groups && new GroupCounts(instance.groups);
    this.#groupMoves = GroupMoves.of(site, groupMoveCost(site.problem));
    this.#held = instance.held;
    this.#homes = instance.held === undefined ? [] : slots.map(({ workload, replica }) => instance.held?.homeOf(workload, replica));
    this.#heldLoad = instance.held?.base.slice() ?? new Float64Array(0);
    this.#slotsAt = site.nodes.map(() => []);
    this.#fixedAt = site.nodes.map(() => []);
    this.#balance = new Float64Array(nodes);
    this.#stranded = new Float64Array(nodes);
    this.#affinity = new Float64Array(site.workloads.length);
    this.#readers = new Int32Array(sharedCount * nodes);
    this.#copies = new Int32Array(sharedCount);
    this.#usedMicros = site.nodes.map((node) => usedCost(site.problem, node));
    this.#mayRest = this.#usedMicros.some((cost) => cost > 0);
    this.#used = new Uint8Array(nodes);
    this.#copyMicros = toMicros(site.problem.weights.colocation * rates.copySeconds);
    for (const { workload, replica, node, demand } of fixed) {
      if (node < 0) continue;
      at(this.#fixedAt, node).push(workload);
      this.#occupy(workload, node, demand, 1);
      if (this.#held !== undefined) this.#hold(this.#held.homeOf(workload, replica), node, demand, 1);
    }
    for (let node = 0; node < nodes; node += 1) this.#recount(node);
  }

  /** Micro-seconds per hour of what is placed. */
  get cost(): number {
    return this.#cost;
  }

  /** The part of the cost that placing more can only raise: partners placed later may be nearer, load may come beside what is left free. */
  get risingCost(): number {
    return this.#affinity.reduce((left, cost) => left - cost, this.#cost - this.#strandedCost);
  }

  column(slot: number): Column | undefined {
    return at(this.instance.slots, slot).columns[at(this.placed, slot)];
  }

  /** Slots placed at a box; changes as they move. */
  slotsAt(node: number): readonly number[] {
    return at(this.#slotsAt, node);
  }

  /** Boxes with work that is free to go and that would cost less without any; most often none. */
  restable(): readonly number[] {
    if (!this.#mayRest) return [];
    return this.#usedMicros.flatMap((cost, node) =>
      cost > 0 && at(this.#slotsAt, node).length > 0 && at(this.#fixedAt, node).length === 0 ? [node] : [],
    );
  }

  /** Whether the slot, not placed now, may be put in that column with what else is placed. */
  fits(slot: number, column: Column): boolean {
    this.steps += 1;
    if (this.steps % checkSteps === 0) this.instance.checkpoint();
    const width = this.#width;
    const available = at(this.#available, column.node);
    for (let resource = 0; resource < width; resource += 1) {
      const need = at(column.demand, resource);
      if (need > 0 && at(this.#load, column.node * width + resource) + need > at(available, resource) + tolerance) return false;
    }
    const { workload } = at(this.instance.slots, slot);
    if (this.#held !== undefined && !this.#findsHeld(this.#held, slot, column)) return false;
    if (this.#groups !== undefined && !this.#groups.allows(workload, column.node)) return false;
    return this.#conflicts(at(this.instance.slots, slot), column.node, undefined);
  }

  /** Every reason why the slot, not placed now, does not fit. */
  misfits(slot: number, column: Column): readonly Misfit[] {
    const misfits: Misfit[] = [];
    const available = at(this.#available, column.node);
    const { site, slots } = this.instance;
    site.resources.forEach((resource, index) => {
      const free = at(available, index) - at(this.#load, column.node * this.#width + index);
      const need = at(column.demand, index);
      if (need > 0 && need > free + tolerance) misfits.push(shortOf(resource, need, free));
    });
    this.#held?.resources.forEach((resource, index) => {
      const need = this.#held?.adds(this.#homes[slot], column.node, column.demand, index) ?? 0;
      const free = at(available, resource) - this.#heldAt(column.node, index);
      if (need > 0 && need > free + tolerance) misfits.push(heldShort(at(site.resources, resource), need, free));
    });
    if (this.#groups !== undefined) misfits.push(...this.#groups.misfits(at(slots, slot).workload, column.node));
    this.#conflicts(at(this.instance.slots, slot), column.node, misfits);
    return misfits;
  }

  put(slot: number, columnIndex: number): void {
    const { columns, moving, level, workload } = at(this.instance.slots, slot);
    const column = at(columns, columnIndex);
    this.placed[slot] = columnIndex;
    this.unplaced[level] = at(this.unplaced, level) - 1;
    at(this.#slotsAt, column.node).push(slot);
    this.#cost += column.cost + at(moving, columnIndex);
    this.#occupy(workload, column.node, column.demand, 1);
    this.#groups?.change(workload, column.node, 1);
    if (this.#held !== undefined) this.#hold(this.#homes[slot], column.node, column.demand, 1);
    if (this.#groupMoves !== undefined && this.#isMoved(slot, column.node)) this.#moveGroup(workload, 1);
  }

  take(slot: number): void {
    const { columns, moving, level, workload } = at(this.instance.slots, slot);
    const columnIndex = at(this.placed, slot);
    const column = at(columns, columnIndex);
    this.placed[slot] = -1;
    this.unplaced[level] = at(this.unplaced, level) + 1;
    const here = at(this.#slotsAt, column.node);
    here.splice(here.indexOf(slot), 1);
    this.#cost -= column.cost + at(moving, columnIndex);
    this.#occupy(workload, column.node, column.demand, -1);
    this.#groups?.change(workload, column.node, -1);
    if (this.#held !== undefined) this.#hold(this.#homes[slot], column.node, column.demand, -1);
    if (this.#groupMoves !== undefined && this.#isMoved(slot, column.node)) this.#moveGroup(workload, -1);
  }

  /** Goes back (or over) to a plan kept earlier. */
  restore(placed: Int32Array): void {
    for (let slot = 0; slot < placed.length; slot += 1)
      if (at(this.placed, slot) !== -1 && at(this.placed, slot) !== at(placed, slot)) this.take(slot);
    for (let slot = 0; slot < placed.length; slot += 1)
      if (at(this.placed, slot) === -1 && at(placed, slot) !== -1) this.put(slot, at(placed, slot));
  }

  /** Load of one resource of a box, in the order of `Site.resources`. */
  loadOf(node: number, resource: number): number {
    return at(this.#load, node * this.#width + resource);
  }

  /** Replicas on a box. */
  countAt(node: number): number {
    return at(this.#slotsAt, node).length + at(this.#fixedAt, node).length;
  }

  /** Load of the fullest resource of a box, 0..1. */
  fullness(node: number): number {
    const width = this.#width;
    let most = 0;
    for (let resource = 0; resource < width; resource += 1) {
      const capacity = at(at(this.#available, node), resource);
      if (capacity > 0) most = Math.max(most, at(this.#load, node * width + resource) / capacity);
    }
    return most;
  }

  /** The cost by term; its sum is `cost`. */
  terms(): Record<TermName, number> {
    const sums: Record<TermName, number> = {
      startup: 0,
      staging: 0,
      transfer: 0,
      hops: 0,
      balance: 0,
      robustness: 0,
      minimumSize: 0,
      affinity: 0,
      colocation: 0,
      migration: 0,
      energy: 0,
      hardware: 0,
    };
    const { site } = this.instance;
    this.instance.slots.forEach((slot, index) => {
      if (index % checkSteps === 0) this.instance.checkpoint();
      const column = this.column(index);
      if (column === undefined) return;
      const terms = new OwnCosts(site, at(site.workloads, slot.workload)).terms(column.node, column.class);
      ownTerms.forEach((name, term) => {
        sums[name] += at(terms, term);
      });
      sums.migration += at(slot.moving, at(this.placed, index));
    });
    for (const cost of this.#balance) sums.balance += cost;
    for (const cost of this.#stranded) sums.balance += cost;
    sums.migration += this.#groupMoves?.cost ?? 0;
    for (const cost of this.#affinity) sums.affinity += cost;
    const { problem, nodes } = site;
    this.#used.forEach((used, node) => {
      sums.energy += used * idleCost(problem, at(nodes, node));
      sums.hardware += used * hardwareCost(problem);
    });
    for (const copies of this.#copies) sums.colocation += Math.max(0, copies - 1) * this.#copyMicros;
    return sums;
  }

  /** Less than 0 when this plan is better than (unplaced, cost): critical work first, then cost. */
  compare(unplaced: Int32Array, cost: number): number {
    for (let level = 0; level < unplaced.length; level += 1) {
      const difference = at(this.unplaced, level) - at(unplaced, level);
      if (difference !== 0) return difference;
    }
    return this.#cost - cost;
  }

  /** True when nothing conflicts; with a list, every conflict is added to it. */
  #conflicts(slot: Slot, node: number, misfits: Misfit[] | undefined): boolean {
    const { site, slotsOf, fixedOf, apart } = this.instance;
    const box = at(site.nodes, node);
    const workload = at(site.workloads, slot.workload);
    let fits = true;
    const count = at(this.#slotsAt, node).length + at(this.#fixedAt, node).length;
    if (box.maxWorkloads !== undefined && count >= box.maxWorkloads) {
      fits = false;
      misfits?.push({ code: 'MAX_WORKLOADS', limit: box.maxWorkloads, actual: count + 1 });
    }
    const checkSibling = (other: number, replica: number): void => {
      const sameNode = other === node;
      const sameDomain = workload.spread === 'domain' && at(site.nodes, other).domain === box.domain;
      if (!sameNode && !sameDomain) return;
      fits = false;
      misfits?.push({
        code: sameNode ? 'REPLICA_HERE' : 'DOMAIN_TAKEN',
        names: [`${workload.id}/${replica} at ${at(site.nodes, other).id}`],
      });
    };
    for (const sibling of at(slotsOf, slot.workload)) {
      const column = this.column(sibling);
      if (column !== undefined) checkSibling(column.node, at(this.instance.slots, sibling).replica);
    }
    for (const sibling of at(fixedOf, slot.workload)) if (sibling.node >= 0) checkSibling(sibling.node, sibling.replica);
    const enemies = at(apart, slot.workload);
    if (enemies.size > 0) {
      const here = [...at(this.#slotsAt, node).map((other) => at(this.instance.slots, other).workload), ...at(this.#fixedAt, node)];
      const present = [...new Set(here.filter((other) => enemies.has(other)))];
      if (present.length > 0) {
        fits = false;
        misfits?.push({ code: 'ANTI_AFFINITY', names: present.map((other) => at(site.workloads, other).id) });
      }
    }
    return fits;
  }

  #occupy(workload: number, node: number, demand: readonly number[], sign: 1 | -1): void {
    const { shared, watchedBy } = this.instance;
    const width = this.#width;
    for (let resource = 0; resource < width; resource += 1) {
      const index = node * width + resource;
      // Adding and taking away fractions leaves dust behind; it must not grow into a load.
      const load = at(this.#load, index) + sign * at(demand, resource);
      this.#load[index] = Math.round(load * 1e9) / 1e9;
    }
    this.#recount(node);
    const used = at(this.#slotsAt, node).length + at(this.#fixedAt, node).length > 0 ? 1 : 0;
    this.#cost += (used - at(this.#used, node)) * at(this.#usedMicros, node);
    this.#used[node] = used;
    for (const source of at(shared, workload)) this.#countReader(source, node, sign);
    for (const watcher of at(watchedBy, workload)) {
      const affinity = this.#affinityOf(watcher);
      this.#cost += affinity - at(this.#affinity, watcher);
      this.#affinity[watcher] = affinity;
    }
  }

  /** What the load of a box costs now. */
  #recount(node: number): void {
    const { site } = this.instance;
    const offset = node * this.#width;
    const balance = balanceCost(site, node, this.#load, offset);
    const stranded = strandedCost(site, node, this.#load, offset);
    this.#cost += balance - at(this.#balance, node) + stranded - at(this.#stranded, node);
    this.#strandedCost += stranded - at(this.#stranded, node);
    this.#balance[node] = balance;
    this.#stranded[node] = stranded;
  }

  #heldAt(node: number, index: number): number {
    return at(this.#heldLoad, node * (this.#held?.resources.length ?? 0) + index);
  }

  /** Whether there is room beside what is held until all moves are over. */
  #findsHeld(held: Held, slot: number, { node, demand }: Column): boolean {
    const available = at(this.#available, node);
    for (let index = 0; index < held.resources.length; index += 1) {
      const need = held.adds(this.#homes[slot], node, demand, index);
      if (need > 0 && this.#heldAt(node, index) + need > at(available, at(held.resources, index)) + tolerance) return false;
    }
    return true;
  }

  #hold(home: Home | undefined, node: number, demand: readonly number[], sign: 1 | -1): void {
    const held = this.#held;
    if (held === undefined) return;
    for (let index = 0; index < held.resources.length; index += 1) {
      const cell = node * held.resources.length + index;
      const load = at(this.#heldLoad, cell) + sign * held.adds(home, node, demand, index);
      this.#heldLoad[cell] = Math.round(load * 1e9) / 1e9;
    }
  }

  /** On another box than the one it might have stayed on. */
  #isMoved(slot: number, node: number): boolean {
    const { currentNode, mayStay } = at(this.instance.slots, slot);
    return mayStay && node !== currentNode;
  }

  #moveGroup(workload: number, sign: 1 | -1): void {
    if (this.#groupMoves === undefined) return;
    const before = this.#groupMoves.cost;
    this.#groupMoves.change(workload, sign);
    this.#cost += this.#groupMoves.cost - before;
  }

  #countReader(source: number, node: number, sign: 1 | -1): void {
    const index = source * this.instance.site.nodes.length + node;
    const before = at(this.#readers, index);
    this.#readers[index] = before + sign;
    const change = before === 0 ? 1 : before + sign === 0 ? -1 : 0;
    if (change === 0) return;
    const copies = at(this.#copies, source);
    this.#copies[source] = copies + change;
    this.#cost += (Math.max(0, copies + change - 1) - Math.max(0, copies - 1)) * this.#copyMicros;
  }

  /** Each replica counts the way to the replica of each partner that is best for it. */
  #affinityOf(workload: number): number {
    const { site, near } = this.instance;
    const self = at(site.workloads, workload);
    let sum = 0;
    for (const partner of at(near, workload)) {
      const there = this.#nodesOf(partner.workload);
      if (there.length === 0) continue;
      for (const here of this.#nodesOf(workload)) {
        let least = Number.POSITIVE_INFINITY;
        for (const other of there) least = Math.min(least, partnerCost(site, self, here, other, partner));
        sum += least;
      }
    }
    return sum;
  }

  #nodesOf(workload: number): readonly number[] {
    const { slotsOf, fixedOf } = this.instance;
    const nodes = at(slotsOf, workload).flatMap((slot) => this.column(slot)?.node ?? []);
    for (const { node } of at(fixedOf, workload)) if (node >= 0) nodes.push(node);
    return nodes;
  }
}
