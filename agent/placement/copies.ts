/**
 * What the copies of shared data cost at least, for a bound: each box that has any of a source's readers pays for one copy, and its readers
 * share in that. Whoever is likely to be there at these prices is given more of it; whatever the shares are, they are never more than the copy.
 */
import type { Flat } from './flat.ts';
import { rates } from './merit.ts';
import { at, toMicros } from './model.ts';

/** Slots between two checkpoints. */
const checkSlots = 16;
/** What a box is dearer for a reader than its best one, in micro-seconds per hour, that makes it half as far again from being there. */
const likely = 1e5;

export interface Shared {
  readonly flat: Flat;
  /** What the plan costs less than its columns then say: one copy of each source is free. */
  readonly free: number;
}

/** Columns that pay their share of the copies; undefined where copies cost nothing. */
export function shareCopies(flat: Flat, price: Float64Array): Shared | undefined {
  const { instance, slots, nodes, width, first, node, demand } = flat;
  const { site, shared, sharedCount, fixed } = instance;
  const copyCost = toMicros(site.problem.weights.colocation * rates.copySeconds);
  if (sharedCount === 0 || copyCost === 0) return undefined;
  const sourcesOf = (slot: number): readonly number[] => at(shared, at(instance.slots, slot).workload);
  const weight = new Float64Array(slots * nodes);
  const sum = new Float64Array(sharedCount * nodes);
  const reduced = new Float64Array(nodes);
  for (let slot = 0; slot < slots; slot += 1) {
    if (slot % checkSlots === 0) instance.checkpoint();
    const sources = sourcesOf(slot);
    if (sources.length === 0) continue;
    reduced.fill(Number.POSITIVE_INFINITY);
    let least = Number.POSITIVE_INFINITY;
    for (let column = at(first, slot); column < at(first, slot + 1); column += 1) {
      let own = flat.cost[column] as number;
      const box = node[column] as number;
      for (let r = 0; r < width; r += 1) own += (price[box * width + r] as number) * (demand[column * width + r] as number);
      if (own < (reduced[box] as number)) reduced[box] = own;
      if (own < least) least = own;
    }
    for (let box = 0; box < nodes; box += 1) {
      if (reduced[box] === Number.POSITIVE_INFINITY) continue;
      const far = 1 + ((reduced[box] as number) - least) / likely;
      const near = 1 / (far * far * far * far);
      weight[slot * nodes + box] = near;
      for (const source of sources) sum[source * nodes + box] = (sum[source * nodes + box] as number) + near;
    }
  }
  // Where a reader stays whatever the plan says, the copy is there already.
  for (const { workload, node: box } of fixed)
    if (box >= 0) for (const source of at(shared, workload)) sum[source * nodes + box] = Number.POSITIVE_INFINITY;
  const cost = flat.cost.slice();
  for (let slot = 0; slot < slots; slot += 1) {
    if (slot % checkSlots === 0) instance.checkpoint();
    const sources = sourcesOf(slot);
    for (let column = at(first, slot); column < at(first, slot + 1) && sources.length > 0; column += 1) {
      const box = node[column] as number;
      const near = weight[slot * nodes + box] as number;
      for (const source of sources) cost[column] = (cost[column] as number) + (copyCost * near) / (sum[source * nodes + box] as number);
    }
  }
  return { flat: { ...flat, cost }, free: sharedCount * copyCost };
}
