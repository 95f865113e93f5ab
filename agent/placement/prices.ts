/**
 * Prices of capacity: Lagrangian relaxation of the capacity rows by a deflected subgradient (PLACEMENT.md 3, step 1). Each slot alone
 * takes the column that is cheapest with prices; what that costs, less the worth of all capacity, is below every plan.
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
/** Rounds without gain after which the step is made shorter. */
const patience = 10;
const deflection = 0.6;
/** Slots between two checkpoints. */
const checkSlots = 1024;

export function findPrices(flat: Flat, over: (steps: number) => boolean): Prices {
  const { slots, nodes, width, first, node, cost, demand, capacity, fixedLoad, leastOmitted } = flat;
  const size = nodes * width;
  const room = capacity.map((most, index) => most - at(fixedLoad, index) + 2 * tolerance);
  const price = new Float64Array(size);
  const best = new Float64Array(size);
  const direction = new Float64Array(size);
  const excess = new Float64Array(size);
  const scaleOfCosts = meanRegret(flat) / 5;
  let bound = Number.NEGATIVE_INFINITY;
  let reach = 0.05;
  let stall = 0;
  let steps = 0;
  for (let round = 0; round < roundsMax && reach > 1e-5; round += 1) {
    if (round > 0 && over(steps)) break;
    let value = 0;
    let magnitude = 0;
    for (let index = 0; index < size; index += 1) {
      const worth = (price[index] as number) * (room[index] as number);
      value -= worth;
      magnitude += worth;
      excess[index] = -(room[index] as number);
    }
    for (let slot = 0; slot < slots; slot += 1) {
      if (slot % checkSlots === 0) flat.instance.checkpoint();
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
    // Sums of many terms are off by rounding: stay below by more than that.
    const safe = value - magnitude * 1e-12 - 1e-3;
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
