/** Tries all plans of a small problem, leaving out what cannot be better: proves the best one. */
import type { Candidate } from './candidate.ts';
import { placingOrder } from './construct.ts';
import type { Budget } from './improve.ts';
import { at } from './model.ts';
import type { Instance, Slot } from './slots.ts';

/** Larger problems are not tried: the product of the columns is far beyond any budget. */
export const enumerationSlotsMax = 12;

/**
 * Leaves the best plan in `candidate`, at least as good as the one it came with.
 * @returns true when every plan was tried or ruled out: what it leaves is an optimum.
 */
export function enumerate(candidate: Candidate, budget: Budget): boolean {
  const { slots } = candidate.instance;
  if (slots.length > enumerationSlotsMax) return false;
  let best = { placed: candidate.placed.slice(), unplaced: candidate.unplaced.slice(), cost: candidate.cost };
  const order = placingOrder(candidate);
  // What the slots from here on cost at least: everything besides their own columns only adds.
  const rest = new Float64Array(order.length + 1);
  for (let depth = order.length - 1; depth >= 0; depth -= 1) rest[depth] = at(rest, depth + 1) + cheapest(at(slots, at(order, depth)));
  candidate.restore(new Int32Array(slots.length).fill(-1));
  const dropped = new Int32Array(candidate.unplaced.length);
  const limit = candidate.steps + budget.steps;
  let complete = true;

  const visit = (depth: number): void => {
    if (candidate.steps >= limit || budget.interrupted()) {
      complete = false;
      return;
    }
    const rank = compareDropped(dropped, best.unplaced);
    if (rank > 0 || (rank === 0 && candidate.risingCost + at(rest, depth) >= best.cost)) return;
    const slot = order[depth];
    if (slot === undefined) {
      if (rank === 0 && candidate.cost >= best.cost) return;
      best = { placed: candidate.placed.slice(), unplaced: candidate.unplaced.slice(), cost: candidate.cost };
      return;
    }
    const { columns, level } = at(slots, slot);
    for (let index = 0; index < columns.length; index += 1) {
      if (!candidate.fits(slot, at(columns, index))) continue;
      candidate.put(slot, index);
      visit(depth + 1);
      candidate.take(slot);
    }
    dropped[level] = at(dropped, level) + 1;
    visit(depth + 1);
    dropped[level] = at(dropped, level) - 1;
  };
  visit(0);
  candidate.restore(best.placed);
  return complete;
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
