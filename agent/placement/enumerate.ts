/** Tries all plans of a small problem, leaving out what cannot be better: proves the best one. */
import type { Candidate } from './candidate.ts';
import { type Flat, flatten } from './flat.ts';
import { Floor } from './floor.ts';
import type { Grain } from './grain.ts';
import type { Budget } from './improve.ts';
import { at } from './model.ts';
import type { Instance, Slot } from './slots.ts';

/** Up to so many slots nothing else is needed: no search by prices. */
export const enumerationSlotsMax = 12;
/** Larger problems are not tried: too little of them can be ruled out within any budget. */
const provableSlotsMax = 128;
const provableColumnsMax = 4096;

/** Prices of capacity, as `findPrices` gives them. */
export interface Priced {
  readonly flat: Flat;
  readonly price: Float64Array;
  readonly grain: Grain;
}

/** Whether it is worth trying. */
export function isProvable({ slots }: Instance): boolean {
  return slots.length <= provableSlotsMax && slots.reduce((sum, { columns }) => sum + columns.length, 0) <= provableColumnsMax;
}

/** How many plans of columns there are that can cost less than `cost` at these prices, room not looked at: as a whole power of two. */
export function plansLeft({ flat, price, grain }: Priced, bound: number, cost: number): number {
  const { slots, first, node, demand, width } = flat;
  const most = cost - grain.size - bound;
  let doubled = 0;
  let left = 1;
  for (let slot = 0; slot < slots; slot += 1) {
    const [start, end] = [at(first, slot), at(first, slot + 1)];
    const reduced = flat.cost.slice(start, end);
    for (let column = start; column < end; column += 1) {
      const row = at(node, column) * width;
      for (let r = 0; r < width; r += 1)
        reduced[column - start] = at(reduced, column - start) + at(price, row + r) * at(demand, column * width + r);
    }
    const least = reduced.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    left *= Math.max(1, reduced.filter((sum) => sum <= least + most).length);
    for (; left >= 2; left /= 2) doubled += 1;
  }
  return doubled;
}

/**
 * Leaves the best plan in `candidate`, at least as good as the one it came with.
 * @param priced prices to begin with; it finds some by itself, too.
 * @returns true when every plan was tried or ruled out: what it leaves is an optimum.
 */
export function enumerate(candidate: Candidate, budget: Budget, priced?: Priced): boolean {
  const { instance } = candidate;
  if (!isProvable(instance)) return false;
  const { slots } = instance;
  let best = { placed: candidate.placed.slice(), unplaced: candidate.unplaced.slice(), cost: candidate.cost };
  candidate.restore(new Int32Array(slots.length).fill(-1));
  const floor = new Floor(candidate, priced?.flat ?? flatten(instance), priced?.price);
  const twins = slots.map((_, slot) => (slot > 0 && areTwins(instance, slot - 1, slot) ? slot - 1 : -1));
  const dropped = new Int32Array(candidate.unplaced.length);
  const limit = candidate.steps + budget.steps;
  // What is better than a plan that places everything is so by this at least.
  const step = (): number => (best.unplaced.some((count) => count > 0) ? 1 : (priced?.grain.size ?? 1));
  // Of boxes that were not looked at nothing is known.
  let complete = !instance.sampled && slots.every(({ leastOmitted }) => leastOmitted === Number.POSITIVE_INFINITY);

  const visit = (depth: number): void => {
    if (candidate.steps >= limit || budget.interrupted()) {
      complete = false;
      return;
    }
    const rank = compareDropped(dropped, best.unplaced);
    if (rank > 0) return;
    if (depth === slots.length) {
      if (rank < 0 || candidate.cost < best.cost)
        best = { placed: candidate.placed.slice(), unplaced: candidate.unplaced.slice(), cost: candidate.cost };
      return;
    }
    // A plan that places more is better whatever it costs.
    const look = floor.look(depth, rank < 0 ? Number.POSITIVE_INFINITY : best.cost - step() + 1);
    if (look === undefined) return;
    const { slot } = look;
    const { columns, level } = at(slots, slot);
    // Of replicas that can be exchanged one order is enough: the columns they take only go up, and those without a place come last.
    const twin = at(twins, slot);
    const before = twin === -1 ? -1 : at(candidate.placed, twin);
    const choices = twin !== -1 && before === -1 ? [] : look.columns.filter((index) => index > before);
    floor.open(slot, false);
    for (const index of choices) {
      const column = at(columns, index);
      if (!candidate.fits(slot, column)) continue;
      candidate.put(slot, index);
      floor.changed(column.node);
      visit(depth + 1);
      candidate.take(slot);
      floor.changed(column.node);
    }
    dropped[level] = at(dropped, level) + 1;
    visit(depth + 1);
    dropped[level] = at(dropped, level) - 1;
    floor.open(slot, true);
  };
  visit(0);
  candidate.restore(best.placed);
  return complete;
}

/** Replicas of one workload that may be exchanged without any difference. */
function areTwins({ slots, held, site }: Instance, a: number, b: number): boolean {
  const [one, two] = [at(slots, a), at(slots, b)];
  return (
    one.workload === two.workload &&
    (one.currentNode === two.currentNode || (held === undefined && (site.problem.weights.groupMoves ?? 0) === 0)) &&
    one.columns.length === two.columns.length &&
    one.columns.every((column, index) => column.node === at(two.columns, index).node && column.class === at(two.columns, index).class) &&
    one.moving.every((cost, index) => cost === at(two.moving, index))
  );
}

/** Cheapest column of a slot by itself, 0 when it has none. */
function cheapest({ columns, moving }: Slot): number {
  return columns.length === 0
    ? 0
    : columns.reduce((least, { cost }, index) => Math.min(least, cost + at(moving, index)), Number.POSITIVE_INFINITY);
}

/** What all slots in their cheapest columns would cost, in micro-seconds per hour: no plan with everything placed costs less. */
export function relaxation({ slots }: Instance): number {
  return slots.reduce((sum, slot) => sum + cheapest(slot), 0);
}

function compareDropped(dropped: Int32Array, unplaced: Int32Array): number {
  for (let level = 0; level < dropped.length; level += 1) {
    const difference = at(dropped, level) - at(unplaced, level);
    if (difference !== 0) return difference;
  }
  return 0;
}
