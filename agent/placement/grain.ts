/** What complete plans can cost at all: where only columns cost anything, a number and multiples of what all their differences share. */
import type { Flat } from './flat.ts';
import { loadPrices } from './merit.ts';
import { at } from './model.ts';
import { Ties } from './ties.ts';

export interface Grain {
  /** Micro-seconds per hour, 1 where nothing is known. */
  readonly size: number;
  /** The least cost of a complete plan, given that none costs less than `bound`. */
  readonly above: (bound: number) => number;
}

const none: Grain = { size: 1, above: (bound) => bound };

export function grainOf(flat: Flat): Grain {
  const { slots, first, cost, tied, steepness, leastOmitted } = flat;
  const { groupMoves = 0, balance } = flat.instance.site.problem.weights;
  const { priceOf, proportions } = loadPrices(flat.instance.site.problem);
  if (groupMoves > 0 || (balance > 0 && (priceOf.size > 0 || proportions.length > 0))) return none;
  if (tied || steepness.some((steep) => steep > 0) || leastOmitted.some((least) => least < Number.POSITIVE_INFINITY)) return none;
  if (Ties.of(flat) !== undefined) return none;
  let size = 0;
  let base = 0;
  for (let slot = 0; slot < slots && size !== 1; slot += 1) {
    const start = at(first, slot);
    if (start === at(first, slot + 1)) return none;
    const own = at(cost, start);
    base += own;
    for (let column = start; column < at(first, slot + 1); column += 1) size = common(size, Math.abs(at(cost, column) - own));
  }
  if (!Number.isSafeInteger(base) || size <= 1) return none;
  return { size, above: (bound) => base + Math.ceil((bound - base) / size) * size };
}

/** Greatest common divisor; 1 where there is none. */
function common(one: number, other: number): number {
  if (!Number.isSafeInteger(one) || !Number.isSafeInteger(other)) return 1;
  let [a, b] = [one, other];
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
