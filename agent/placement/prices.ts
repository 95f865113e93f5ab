/**
 * Prices of capacity: Lagrangian relaxation of the capacity rows by a deflected subgradient (PLACEMENT.md 3, step 1). Each slot alone
 * takes the column that is cheapest with prices, replicas of one workload on boxes of their own; each box alone takes as much load as is
 * worth its discomfort. What both cost, less the worth of that load, is below every plan.
 */
import type { Flat } from './flat.ts';
import { at, tolerance } from './model.ts';

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
/** Rounds without gain after which the step is made shorter. */
const patience = 10;
const deflection = 0.6;
/** Of one workload. */
const replicasMax = 16;
/** Slots between two checkpoints. */
const checkSlots = 1024;

/** Prices to begin with that are nearly right, and rounds at the most. */
export interface Begun {
  readonly price: Float64Array;
  readonly rounds: number;
}

export function findPrices(flat: Flat, over: (steps: number) => boolean, begun?: Begun): Prices {
  const { slots, nodes, width, first, node, cost, demand, capacity, fixedLoad, leastOmitted } = flat;
  const size = nodes * width;
  const room = capacity.map((most, index) => most - at(fixedLoad, index) + 2 * tolerance);
  const feels = capacity.map((_, index) => (feelsLoad(flat, index) ? 1 : 0));
  const price = begun === undefined ? new Float64Array(size) : begun.price.slice();
  const best = new Float64Array(size);
  const direction = new Float64Array(size);
  const excess = new Float64Array(size);
  const twins = twinsOf(flat);
  const apart = new Apart(flat);
  const full = feels.reduce((sum, feel, index) => (feel === 1 ? sum + discomfort(flat, index, at(capacity, index)) : sum), 0);
  const scaleOfCosts = (meanRegret(flat) + full) / 5;
  const rounding = feels.includes(1) ? nodes : 0;
  let bound = Number.NEGATIVE_INFINITY;
  let reach = begun === undefined ? reachFirst : reachBegun;
  let stall = 0;
  let steps = 0;
  for (let round = 0; round < (begun?.rounds ?? roundsMax) && reach > 1e-5; round += 1) {
    if (round > 0 && over(steps)) break;
    let value = 0;
    let magnitude = 0;
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
      const copies = twins[slot] as number;
      if (copies > 1) {
        const sum = apart.choose(slot, copies, price, excess);
        value += sum;
        magnitude += sum;
        slot += copies - 1;
        continue;
      }
      const end = first[slot + 1] as number;
      // A column that was left out could be without worth at any price, but not cheaper than this.
      let least = leastOmitted[slot] as number;
      let chosen = -1;
      for (let column = first[slot] as number; column < end; column += 1) {
        let sum = cost[column] as number;
        if (sum >= least) continue;
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
    } else stall += 1;
    if (stall > patience) {
      reach *= 0.6;
      stall = 0;
      price.set(best);
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
    if (norm < 1e-18) break;
    const length = (bound - value + reach * Math.max(scaleOfCosts, Math.abs(bound))) / norm;
    for (let index = 0; index < size; index += 1) {
      const scale = (room[index] as number) + 1e-9;
      price[index] = Math.max(0, (price[index] as number) + (length * (direction[index] as number)) / scale);
    }
  }
  return { price: best, bound: Math.ceil(bound), steps };
}

/** Per slot: how many slots from it on are replicas of one workload without any difference; 1 for all but the first of them. */
function twinsOf({ instance, slots, first, node, cost }: Flat): Int32Array {
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

/** Replicas of one workload: each on a box, or in a failure domain, of its own. */
class Apart {
  readonly #flat: Flat;
  readonly #domain: Int32Array;
  /** The cheapest columns found, dearest last, with the box or domain of each. */
  readonly #cost = new Float64Array(replicasMax + 1);
  readonly #column = new Int32Array(replicasMax + 1);
  readonly #place = new Int32Array(replicasMax + 1);

  constructor(flat: Flat) {
    this.#flat = flat;
    const numbers = new Map<string, number>();
    this.#domain = Int32Array.from(flat.instance.site.nodes, ({ domain }) => {
      const number = numbers.get(domain) ?? numbers.size;
      numbers.set(domain, number);
      return number;
    });
  }

  /** What the replicas come to at these prices; what they use is added to `excess`. */
  choose(slot: number, copies: number, price: Float64Array, excess: Float64Array): number {
    const { instance, width, first, node, cost, demand, leastOmitted } = this.#flat;
    const byDomain = at(instance.site.workloads, at(instance.slots, slot).workload).spread === 'domain';
    // A column that was left out could be on a box of its own.
    this.#cost.fill(leastOmitted[slot] as number, 0, copies);
    this.#column.fill(-1, 0, copies);
    this.#place.fill(-1, 0, copies);
    for (let column = first[slot] as number; column < (first[slot + 1] as number); column += 1) {
      let sum = cost[column] as number;
      if (sum >= (this.#cost[copies - 1] as number)) continue;
      const row = (node[column] as number) * width;
      for (let r = 0; r < width; r += 1) sum += (price[row + r] as number) * (demand[column * width + r] as number);
      const place = byDomain ? (this.#domain[node[column] as number] as number) : (node[column] as number);
      this.#keep(sum, column, place, copies);
    }
    let value = 0;
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.#cost[copy] === Number.POSITIVE_INFINITY) break;
      value += this.#cost[copy] as number;
      const column = this.#column[copy] as number;
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
      this.#column[to] = this.#column[to - 1] as number;
      this.#place[to] = this.#place[to - 1] as number;
    }
    this.#cost[to] = sum;
    this.#column[to] = column;
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
function meanRegret({ slots, first, cost }: Flat): number {
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
