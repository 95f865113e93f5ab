/**
 * A bound that knows that replicas are whole. Prices of capacity alone let a box take part of a replica; here every replica has a price, and
 * each box takes those that are worth more to it than they cost, but only whole ones that fit its scarcest resource together: Lagrangian
 * relaxation of "each is placed once" (Fisher, Jaikumar and Van Wassenhove 1986, for generalised assignment). The other resources have
 * prices as before, and so has the scarcest, for what rounding leaves of it.
 */
import { Boxes, columnStepsUsual, easeSteps } from './boxes.ts';
import { type CopyShares, readerWeight } from './copies.ts';
import { type Deepened, deepen } from './deepen.ts';
import type { Flat } from './flat.ts';
import { at } from './model.ts';
import { meanRegret } from './prices.ts';

/** Length of the first step, as a share of the bound; where that is next to nothing, of what columns cost above the cheapest. */
const reachFirst = 0.002;
const reachLast = 1e-5;
const reachMost = 0.05;
const deflection = 0.85;
/** Rounds without gain after which the step is made shorter. */
const patience = 20;
/** Square of the shortest step, in mean ones. */
const strideLeast = 0.05;
const shorter = 0.6;
/** What a round with gain makes it longer by. */
const longer = 1.03;
const roundsUsual = 1000;
/** Rounds below which it is not worth beginning, and columns beyond which it takes minutes to come to what prices alone prove. */
const roundsLeast = 20;
const columnsMost = 400_000;
/** Sums of many terms are off by less than such a part. */
const sumError = 1e-11;

export interface BoxBound {
  /** No plan that places every slot costs less: whole micro-seconds per hour; minus infinity where there was no time for it. */
  readonly bound: number;
  /** Columns looked at, or as much work. */
  readonly steps: number;
  /** What the bound rises by in plans that use a column: of each. Where there was time for a bound. */
  readonly rises?: () => Float64Array;
  /** Makes it higher, where the site is small. @param over told how many nodes were visited: true ends it. */
  readonly deepen?: (over: (nodes: number) => boolean) => Deepened;
}

/**
 * @param flat with all columns: none left out.
 * @param begun prices of capacity that are nearly right, and shares of copies that fit them.
 */
export function boundByBoxes(
  flat: Flat,
  begun: { readonly price: Float64Array; readonly copies?: CopyShares | undefined; readonly rounds?: number },
  over: (steps: number) => boolean,
): BoxBound {
  const { nodes, width } = flat;
  const { copies, rounds = roundsUsual } = begun;
  // Where nothing is asked for, boxes are never full.
  if (width === 0 || flat.cost.length > columnsMost || over((easeSteps + roundsLeast * columnStepsUsual) * flat.cost.length))
    return { bound: Number.NEGATIVE_INFINITY, steps: 0 };
  const cost = copies?.cost ?? flat.cost;
  const free = copies?.free ?? 0;
  const boxes = new Boxes(flat, cost, begun.price);
  const { heads, need, price, room, domains } = boxes;
  const worth = worthOf(flat, boxes, cost, begun.price);
  domains?.keep();
  if (!boxes.ease(worth, over)) return { bound: Number.NEGATIVE_INFINITY, steps: boxes.steps };
  const bestWorth = worth.slice();
  const bestPrice = price.slice();
  const towards = new Float64Array(heads.length);
  const priceTowards = new Float64Array(nodes * width);
  const scale = meanRegret(flat) / 5;
  // What is worth much may change by more: steps in shares of the square root of the worth, on average 1.
  const mean = worth.reduce((sum, one) => sum + one, 0) / Math.max(1, worth.length);
  const stride = worth.map((one) => Math.sqrt(Math.max(strideLeast, one / Math.max(1, mean))));
  let bound = Number.NEGATIVE_INFINITY;
  let reach = reachFirst;
  let stall = 0;
  const sumOf = (): { readonly value: number; readonly safe: number } => {
    let value = boxes.value - free - (domains?.sum ?? 0);
    let magnitude = boxes.magnitude + Math.abs(free) + (domains?.sum ?? 0);
    for (let head = 0; head < heads.length; head += 1) {
      const all = (worth[head] as number) * (need[head] as number);
      value += all;
      magnitude += Math.abs(all);
    }
    // What load costs is rounded for each box: stay below by more than that.
    return { value, safe: value - magnitude * sumError - 1e-3 - nodes };
  };
  const goBack = (): void => {
    worth.set(bestWorth);
    price.set(bestPrice);
    copies?.back();
    domains?.back();
  };
  for (let round = 0; round < rounds && reach > reachLast; round += 1) {
    if (round > 0 && over(boxes.steps)) break;
    boxes.take(worth);
    const { value, safe } = sumOf();
    if (safe > bound) {
      if (safe > bound + Math.abs(bound) * 1e-6) stall = 0;
      reach = Math.min(reachMost, reach * longer);
      bound = safe;
      bestWorth.set(worth);
      bestPrice.set(price);
      copies?.keep();
      domains?.keep();
    } else stall += 1;
    if (stall > patience) {
      reach *= shorter;
      stall = 0;
      goBack();
      towards.fill(0);
      priceTowards.fill(0);
      continue;
    }
    let norm = 0;
    for (let head = 0; head < heads.length; head += 1) {
      const missing = (need[head] as number) - (boxes.taken[head] as number);
      const step = missing * (stride[head] as number) + deflection * (towards[head] as number);
      towards[head] = step;
      norm += step * step;
    }
    // Measured in shares of capacity, so that resources of different units weigh alike.
    for (let index = 0; index < price.length; index += 1) {
      let step = (boxes.excess[index] as number) / ((room[index] as number) + 1e-9) + deflection * (priceTowards[index] as number);
      if (step < 0 && price[index] === 0) step = 0;
      priceTowards[index] = step;
      norm += step * step;
    }
    norm += domains?.aim(deflection) ?? 0;
    if (copies !== undefined)
      for (let index = 0; index < boxes.count; index += 1) norm += copies.readsAt(at(boxes.picked, index)) * readerWeight * readerWeight;
    if (norm < 1e-18) break;
    const length = (bound - value + reach * Math.max(scale, Math.abs(bound))) / norm;
    for (let head = 0; head < heads.length; head += 1)
      worth[head] = (worth[head] as number) + length * (stride[head] as number) * (towards[head] as number);
    for (let index = 0; index < price.length; index += 1)
      price[index] = Math.max(0, (price[index] as number) + (length * (priceTowards[index] as number)) / ((room[index] as number) + 1e-9));
    domains?.go(length);
    copies?.pay(boxes.picked, boxes.count, length * readerWeight * readerWeight);
  }
  return {
    bound: Math.ceil(bound),
    steps: boxes.steps,
    rises: () => {
      goBack();
      return boxes.rises(bestWorth);
    },
    deepen: (ends) => {
      goBack();
      return deepen(flat, boxes, copies, bestWorth, ends);
    },
  };
}

/** What the last place that each needs costs at these prices of capacity: of the cheapest, on boxes or in domains of their own. */
function worthOf(flat: Flat, { heads, need, domains }: Boxes, cost: Float64Array, price: Float64Array): Float64Array {
  const { first, node, width, demand, nodes, instance } = flat;
  const cheapest = new Float64Array(nodes);
  return Float64Array.from(heads, (slot, head) => {
    instance.checkpoint();
    cheapest.fill(Number.POSITIVE_INFINITY);
    for (let column = at(first, slot); column < at(first, slot + 1); column += 1) {
      let sum = cost[column] as number;
      const box = node[column] as number;
      for (let r = 0; r < width; r += 1) sum += (price[box * width + r] as number) * (demand[column * width + r] as number);
      if (sum < (cheapest[box] as number)) cheapest[box] = sum;
    }
    if (domains?.isSpread(head) === true) return domains.begin(head, cheapest, at(need, head));
    return at(cheapest.sort(), at(need, head) - 1);
  });
}
