/**
 * Prices of capacity: Lagrangian relaxation of the capacity rows by a deflected subgradient (PLACEMENT.md 3, step 1). Each slot alone
 * takes the column that is cheapest with prices, replicas of one workload on boxes of their own; each box alone takes as much load as is
 * worth its discomfort. What both cost, less the worth of that load, is below every plan.
 */
import { type CopyShares, readerWeight } from './copies.ts';
import type { Flat } from './flat.ts';
import { at, tolerance } from './model.ts';
import { domainsOf } from './rivals.ts';

export interface Prices {
  /** Per node and resource, micro-seconds per hour for one unit. */
  readonly price: Float64Array;
  /** No plan that places every slot costs less: whole micro-seconds per hour. */
  readonly bound: number;
  /** Columns looked at. */
  readonly steps: number;
}

const roundsMax = 400;
/** Length of the first step, as a share of the bound; and where prices are nearly right. */
const reachFirst = 0.05;
const reachBegun = 0.003;
/** Rounds without gain after which the step is made shorter: at the least and at the most, and a share of all. */
const patienceLeast = 10;
const patienceMost = 80;
const patienceShare = 0.02;
const deflection = 0.6;
/** Of one workload. */
const replicasMax = 16;
/** Slots between two checkpoints. */
const checkSlots = 1024;

/** Prices to begin with that are nearly right, and rounds at the most. */
export interface Begun {
  readonly price: Float64Array;
  readonly rounds: number;
  /** What copies of data cost, to be counted as well; fitted to the prices on the way. */
  readonly copies?: CopyShares | undefined;
}

export function findPrices(flat: Flat, over: (steps: number) => boolean, begun?: Begun): Prices {
  const { slots, nodes, width, first, node, demand, capacity, fixedLoad, leastOmitted } = flat;
  const copies = begun?.copies;
  const cost = copies?.cost ?? flat.cost;
  const size = nodes * width;
  const room = capacity.map((most, index) => most - at(fixedLoad, index) + 2 * tolerance);
  const feels = capacity.map((_, index) => (feelsLoad(flat, index) ? 1 : 0));
  const price = begun === undefined ? new Float64Array(size) : begun.price.slice();
  const best = new Float64Array(size);
  const direction = new Float64Array(size);
  const excess = new Float64Array(size);
  const twins = twinsOf(flat);
  const sorted = sortedOf(flat);
  const apart = new Apart(flat, cost, sorted);
  const picked = new Int32Array(slots);
  const free = copies?.free ?? 0;
  const full = feels.reduce((sum, feel, index) => (feel === 1 ? sum + discomfort(flat, index, at(capacity, index)) : sum), 0);
  const scaleOfCosts = (meanRegret(flat) + full) / 5;
  const rounding = feels.includes(1) ? nodes : 0;
  const rounds = begun?.rounds ?? roundsMax;
  const patience = Math.min(patienceMost, Math.max(patienceLeast, patienceShare * rounds));
  let bound = Number.NEGATIVE_INFINITY;
  let reach = begun === undefined ? reachFirst : reachBegun;
  let stall = 0;
  let steps = 0;
  for (let round = 0; round < rounds && reach > 1e-5; round += 1) {
    if (round > 0 && over(steps)) break;
    let value = -free;
    let magnitude = Math.abs(free);
    let count = 0;
    for (let index = 0; index < size; index += 1) {
      const used = feels[index] === 1 ? easyLoad(flat, index, price[index] as number, fixedLoad[index] as number) : (room[index] as number);
      const worth = (price[index] as number) * used;
      const load = feels[index] === 1 ? discomfort(flat, index, (fixedLoad[index] as number) + used) : 0;
      value += load - worth;
      magnitude += load + worth;
      excess[index] = -used;
    }
    let check = 0;
    for (let slot = 0; slot < slots; slot += 1) {
      if (slot >= check) {
        flat.instance.checkpoint();
        check = slot + checkSlots;
      }
      const replicas = twins[slot] as number;
      if (replicas > 1) {
        const sum = apart.choose(slot, replicas, price, excess);
        value += sum;
        magnitude += sum;
        slot += replicas - 1;
        for (let replica = 0; replica < replicas; replica += 1) {
          if (apart.column[replica] === -1) continue;
          picked[count] = apart.column[replica] as number;
          count += 1;
        }
        continue;
      }
      const end = first[slot + 1] as number;
      // A column that was left out could be without worth at any price, but not cheaper than this.
      let least = leastOmitted[slot] as number;
      let chosen = -1;
      const inOrder = sorted[slot] === 1;
      for (let column = first[slot] as number; column < end; column += 1) {
        let sum = cost[column] as number;
        if (sum >= least) {
          if (inOrder && (flat.cost[column] as number) >= least) break;
          continue;
        }
        const row = (node[column] as number) * width;
        for (let r = 0; r < width; r += 1) sum += (price[row + r] as number) * (demand[column * width + r] as number);
        if (sum < least) {
          least = sum;
          chosen = column;
        }
      }
      if (least === Number.POSITIVE_INFINITY) continue;
      value += least;
      magnitude += least;
      if (chosen === -1) continue;
      picked[count] = chosen;
      count += 1;
      const row = (node[chosen] as number) * width;
      for (let r = 0; r < width; r += 1) excess[row + r] = (excess[row + r] as number) + (demand[chosen * width + r] as number);
    }
    steps += at(first, slots);
    // Sums of many terms are off by rounding, and what load costs is rounded for each box: stay below by more than that.
    const safe = value - magnitude * 1e-12 - 1e-3 - rounding;
    if (safe > bound) {
      if (safe > bound + Math.abs(bound) * 1e-6) stall = 0;
      bound = safe;
      best.set(price);
      copies?.keep();
    } else stall += 1;
    if (stall > patience) {
      reach *= 0.6;
      stall = 0;
      price.set(best);
      copies?.back();
      direction.fill(0);
      continue;
    }
    let norm = 0;
    // Measured in shares of capacity, so that resources of different units weigh alike.
    for (let index = 0; index < size; index += 1) {
      const scale = (room[index] as number) + 1e-9;
      let step = (excess[index] as number) / scale + deflection * (direction[index] as number);
      if (step < 0 && price[index] === 0) step = 0;
      direction[index] = step;
      norm += step * step;
    }
    if (copies !== undefined)
      for (let index = 0; index < count; index += 1) norm += copies.readsAt(picked[index] as number) * readerWeight * readerWeight;
    if (norm < 1e-18) break;
    const length = (bound - value + reach * Math.max(scaleOfCosts, Math.abs(bound))) / norm;
    for (let index = 0; index < size; index += 1) {
      const scale = (room[index] as number) + 1e-9;
      price[index] = Math.max(0, (price[index] as number) + (length * (direction[index] as number)) / scale);
    }
    copies?.pay(picked, count, length * readerWeight * readerWeight);
  }
  return { price: best, bound: Math.ceil(bound), steps };
}

/** Per slot: how many slots from it on are replicas of one workload without any difference; 1 for all but the first of them. */
export function twinsOf({ instance, slots, first, node, cost }: Flat): Int32Array {
  const twins = new Int32Array(slots).fill(1);
  let head = 0;
  for (let slot = 1; slot < slots; slot += 1) {
    const [from, other] = [at(first, head), at(first, slot)];
    const size = at(first, slot + 1) - other;
    let same = at(instance.slots, slot).workload === at(instance.slots, head).workload && size === at(first, head + 1) - from;
    for (let index = 0; same && index < size; index += 1)
      same = node[from + index] === node[other + index] && cost[from + index] === cost[other + index];
    if (same) twins[head] = at(twins, head) + 1;
    else head = slot;
  }
  return twins;
}

/** Per slot: whether its columns are listed cheapest first, moving and all. */
function sortedOf({ slots, first, cost }: Flat): Uint8Array {
  const sorted = new Uint8Array(slots).fill(1);
  for (let slot = 0; slot < slots; slot += 1)
    for (let column = at(first, slot) + 1; column < at(first, slot + 1); column += 1)
      if (at(cost, column) < at(cost, column - 1)) sorted[slot] = 0;
  return sorted;
}

/** The first slot of each group of twins. */
export function headsOf(flat: Flat): readonly number[] {
  const twins = twinsOf(flat);
  const heads: number[] = [];
  for (let slot = 0; slot < flat.slots; slot += at(twins, slot)) heads.push(slot);
  return heads;
}

/** Replicas of one workload: each on a box, or in a failure domain, of its own. */
class Apart {
  readonly #flat: Flat;
  readonly #domain: Int32Array;
  readonly #costs: Float64Array;
  readonly #sorted: Uint8Array;
  /** The cheapest columns found, dearest last, with the box or domain of each. */
  readonly #cost = new Float64Array(replicasMax + 1);
  /** What was chosen last; -1 for one that was left out. */
  readonly column = new Int32Array(replicasMax + 1);
  readonly #place = new Int32Array(replicasMax + 1);

  constructor(flat: Flat, costs: Float64Array, sorted: Uint8Array) {
    this.#flat = flat;
    this.#sorted = sorted;
    this.#costs = costs;
    this.#domain = domainsOf(flat.instance.site.nodes);
  }

  /** What the replicas come to at these prices; what they use is added to `excess`. */
  choose(slot: number, copies: number, price: Float64Array, excess: Float64Array): number {
    const { instance, width, first, node, demand, leastOmitted } = this.#flat;
    const cost = this.#costs;
    const inOrder = this.#sorted[slot] === 1;
    const byDomain = at(instance.site.workloads, at(instance.slots, slot).workload).spread === 'domain';
    // A column that was left out could be on a box of its own.
    this.#cost.fill(leastOmitted[slot] as number, 0, copies);
    this.column.fill(-1, 0, copies);
    this.#place.fill(-1, 0, copies);
    for (let column = first[slot] as number; column < (first[slot + 1] as number); column += 1) {
      let sum = cost[column] as number;
      if (sum >= (this.#cost[copies - 1] as number)) {
        if (inOrder && (this.#flat.cost[column] as number) >= (this.#cost[copies - 1] as number)) break;
        continue;
      }
      const row = (node[column] as number) * width;
      for (let r = 0; r < width; r += 1) sum += (price[row + r] as number) * (demand[column * width + r] as number);
      const place = byDomain ? (this.#domain[node[column] as number] as number) : (node[column] as number);
      this.#keep(sum, column, place, copies);
    }
    let value = 0;
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.#cost[copy] === Number.POSITIVE_INFINITY) break; // Others have no place at all.
      value += this.#cost[copy] as number;
      const column = this.column[copy] as number;
      if (column === -1) continue;
      const row = (node[column] as number) * width;
      for (let r = 0; r < width; r += 1) excess[row + r] = (excess[row + r] as number) + (demand[column * width + r] as number);
    }
    return value;
  }

  /** Puts a column in its order, in the stead of a dearer one of the same place, else of the dearest. */
  #keep(sum: number, column: number, place: number, copies: number): void {
    let to = copies - 1;
    for (let copy = 0; copy < copies; copy += 1)
      if (this.#place[copy] === place) {
        to = copy;
        break;
      }
    if (sum >= (this.#cost[to] as number)) return;
    for (; to > 0 && (this.#cost[to - 1] as number) > sum; to -= 1) {
      this.#cost[to] = this.#cost[to - 1] as number;
      this.column[to] = this.column[to - 1] as number;
      this.#place[to] = this.#place[to - 1] as number;
    }
    this.#cost[to] = sum;
    this.column[to] = column;
    this.#place[to] = place;
  }
}

/** Whether load costs what its formula says: single costs have a ceiling, and fixed work may have filled more than there is. */
export function feelsLoad({ instance, steepness, fixedLoad, capacity }: Flat, index: number): boolean {
  return instance.site.problem.weights.balance <= 1e4 && at(steepness, index) > 0 && at(fixedLoad, index) < at(capacity, index);
}

/** What load beyond comfort costs. */
export function discomfort({ comfort, steepness }: Flat, index: number, load: number): number {
  const above = load - (comfort[index] as number);
  return above > 0 ? (steepness[index] as number) * above * above : 0;
}

/** How much should be added to `present` load at this price: as long as the next unit costs less than it is worth, up to capacity. */
export function easyLoad({ comfort, steepness, capacity }: Flat, index: number, price: number, present: number): number {
  const most = (capacity[index] as number) + 2 * tolerance - present;
  return Math.max(0, Math.min(most, (comfort[index] as number) + price / (2 * (steepness[index] as number)) - present));
}

/** What the slots would pay above their cheapest columns if each took any: a scale for prices where the cheapest cost nothing. */
export function meanRegret({ slots, first, cost }: Flat): number {
  let sum = 1;
  for (let slot = 0; slot < slots; slot += 1) {
    const start = at(first, slot);
    const own = cost.subarray(start, at(first, slot + 1));
    if (own.length === 0) continue;
    let total = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const value of own) {
      total += value;
      least = Math.min(least, value);
    }
    sum += total / own.length - least;
  }
  return sum;
}
