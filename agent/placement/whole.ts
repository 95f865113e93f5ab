/**
 * A bound that counts more than the prices of the search do: copies of shared data, columns that were left out, and that replicas are whole.
 * Prices that know of the cheapest column left out, but not what it takes, never rise above what it costs, and room that is short seems to
 * be worth little.
 */
import { boundByBoxes } from './box-bound.ts';
import type { Omitted } from './columns.ts';
import { CopyShares } from './copies.ts';
import type { Flat } from './flat.ts';
import { at } from './model.ts';
import { findPrices, headsOf } from './prices.ts';
import { Sieve } from './sieve.ts';

/** Slots between two checkpoints. */
const checkSlots = 16;

/** Rounds at the most where nothing else is said: more of them go in smaller steps. */
const roundsUsual = 1000;

export interface BoundOfAll {
  /** No plan that places every slot costs less: whole micro-seconds per hour. */
  readonly bound: number;
  /** Columns looked at, or as much work. */
  readonly steps: number;
  /** What leaves only columns that plans of less than a cost may use. Where that is known. */
  readonly sieve?: Sieve;
}

/**
 * A bound for plans of all columns, from prices found on some columns.
 * @param begin told which part of the work begins, gives what tells by the columns looked at when that part is over.
 */
export function boundOfAll(
  flat: Flat,
  price: Float64Array,
  begin: (part: 'prices' | 'boxes') => (steps: number) => boolean,
  rounds = roundsUsual,
): BoundOfAll {
  const all = withOmitted(flat);
  if (hasOmitted(all)) return findPrices(all, begin('prices'));
  const copies = CopyShares.of(all, headsOf(all), price);
  const isNew = copies !== undefined || all !== flat;
  const fitted = isNew ? findPrices(all, begin('prices'), { price, rounds, copies }) : { price, bound: 0, steps: 0 };
  copies?.back();
  const boxes = boundByBoxes(all, { price: fitted.price, copies, rounds }, begin('boxes'));
  return {
    bound: Math.max(fitted.bound, boxes.bound),
    steps: fitted.steps + boxes.steps,
    ...(boxes.rises === undefined || all !== flat ? {} : { sieve: new Sieve(flat, boxes) }),
  };
}

export function hasOmitted({ leastOmitted }: Flat): boolean {
  return leastOmitted.some((least) => least < Number.POSITIVE_INFINITY);
}

/** As if there were no other columns. What it proves holds for plans of these columns only. */
export function withoutOmitted(flat: Flat): Flat {
  return { ...flat, leastOmitted: new Float64Array(flat.slots).fill(Number.POSITIVE_INFINITY) };
}

/** With those left out, where all are listed; else as it is. Good for a bound only: no slot knows the columns that were added. */
function withOmitted(flat: Flat): Flat {
  const { instance, slots, width, active } = flat;
  if (!hasOmitted(flat)) return flat;
  const omitted = instance.slots.map((slot) => slot.omitted);
  if (!omitted.every((lists) => lists !== undefined)) return flat;
  const size = omitted.reduce((sum, lists) => lists.reduce((count, { cost }) => count + cost.length, sum), flat.cost.length);
  const first = new Int32Array(slots + 1);
  const node = new Int32Array(size);
  const cost = new Float64Array(size);
  const demand = new Float64Array(size * width);
  let end = 0;
  const append = (list: Omitted): void => {
    node.set(list.node, end);
    cost.set(list.cost, end);
    // Where places are counted, that is the last resource, and each replica takes one.
    const row = Array.from({ length: width }, (_, r) => (r < active.length ? at(list.demand, at(active, r)) : 1));
    for (let index = end * width; index < (end + list.cost.length) * width; )
      for (let r = 0; r < width; r += 1, index += 1) demand[index] = row[r] as number;
    end += list.cost.length;
  };
  for (let slot = 0; slot < slots; slot += 1) {
    if (slot % checkSlots === 0) instance.checkpoint();
    const [from, to] = [at(flat.first, slot), at(flat.first, slot + 1)];
    node.set(flat.node.subarray(from, to), end);
    cost.set(flat.cost.subarray(from, to), end);
    demand.set(flat.demand.subarray(from * width, to * width), end * width);
    end += to - from;
    for (const list of omitted[slot] ?? []) append(list);
    first[slot + 1] = end;
  }
  return { ...withoutOmitted(flat), first, node, cost, demand };
}
