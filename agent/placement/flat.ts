/** An instance as typed arrays, for loops that must not allocate: columns row by row (CSR), active resources only. */
import type { Column } from './columns.ts';
import { comfortOf } from './demand.ts';
import { loadPrices, rates } from './merit.ts';
import { at } from './model.ts';
import type { Instance } from './slots.ts';

export interface Flat {
  readonly instance: Instance;
  readonly slots: number;
  readonly nodes: number;
  /** Resources that something asks for, and places where a box limits their number. */
  readonly width: number;
  /** Which resources: numbers in `Site.resources`; places come last. */
  readonly active: readonly number[];
  /** Columns of slot s: first[s] .. first[s + 1] - 1. */
  readonly first: Int32Array;
  readonly node: Int32Array;
  /** Position of the column in its slot of the instance. */
  readonly index: Int32Array;
  /** Micro-seconds per hour, moving included. */
  readonly cost: Float64Array;
  readonly demand: Float64Array;
  /** Per node and resource; what fixed replicas overfill counts as exactly full. */
  readonly capacity: Float64Array;
  /** Load of the fixed replicas. */
  readonly fixedLoad: Float64Array;
  /** Load above `comfort` costs `steepness` times its square. */
  readonly comfort: Float64Array;
  readonly steepness: Float64Array;
  /** Per slot: no column left out costs less; infinite when none was. */
  readonly leastOmitted: Float64Array;
  /** Column the search begins with, -1 when there is none. */
  readonly keeps: Int32Array;
  /** Partners draw each other: this form leaves that out. */
  readonly tied: boolean;
}

/** What a box without a limit on its replicas may take. */
const unlimited = 1e9;

/** Slots between two checkpoints. */
const checkSlots = 16;

export function flatten(instance: Instance): Flat {
  const { site, slots, fixed, fixedOf, apart } = instance;
  const active = site.resources.flatMap((_, resource) =>
    slots.some(({ columns }) => columns.some(({ demand }) => at(demand, resource) > 0)) ? [resource] : [],
  );
  const counted = site.nodes.some(({ maxWorkloads }) => maxWorkloads !== undefined);
  const width = active.length + (counted ? 1 : 0);
  const nodes = site.nodes.length;
  const size = slots.reduce((sum, { columns }) => sum + columns.length, 0);
  const flat = {
    first: new Int32Array(slots.length + 1),
    node: new Int32Array(size),
    index: new Int32Array(size),
    cost: new Float64Array(size),
    demand: new Float64Array(size * width),
    leastOmitted: Float64Array.from(slots, ({ leastOmitted }) => leastOmitted),
    keeps: new Int32Array(slots.length).fill(-1),
  };
  let end = 0;
  slots.forEach(({ workload, columns, moving, startColumn }, slot) => {
    if (slot % checkSlots === 0) instance.checkpoint();
    const enemies = at(apart, workload);
    const byDomain = at(site.workloads, workload).spread === 'domain';
    const barred = (node: number): boolean =>
      fixed.some((other) => other.node === node && enemies.has(other.workload)) ||
      at(fixedOf, workload).some(
        (other) =>
          other.node === node || (byDomain && other.node >= 0 && at(site.nodes, other.node).domain === at(site.nodes, node).domain),
      );
    const watchful = fixed.length > 0;
    for (let index = 0; index < columns.length; index += 1) {
      const { node, cost, demand } = columns[index] as Column;
      if (watchful && barred(node)) continue;
      if (index === startColumn) flat.keeps[slot] = end;
      flat.node[end] = node;
      flat.index[end] = index;
      flat.cost[end] = cost + (moving[index] as number);
      for (let position = 0; position < active.length; position += 1)
        flat.demand[end * width + position] = demand[active[position] as number] as number;
      if (counted) flat.demand[end * width + width - 1] = 1;
      end += 1;
    }
    flat.first[slot + 1] = end;
  });
  const { weights } = site.problem;
  const { watchedBy } = instance;
  return {
    ...flat,
    ...limits(instance, active, counted),
    instance,
    slots: slots.length,
    nodes,
    width,
    active,
    tied: weights.colocation > 0 && watchedBy.some((watchers) => watchers.length > 0),
  };
}

function limits(
  { site, fixed }: Instance,
  active: readonly number[],
  counted: boolean,
): Pick<Flat, 'capacity' | 'fixedLoad' | 'comfort' | 'steepness'> {
  const width = active.length + (counted ? 1 : 0);
  const size = site.nodes.length * width;
  const capacity = new Float64Array(size);
  const fixedLoad = new Float64Array(size);
  const comfort = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
  const steepness = new Float64Array(size);
  const { balance } = site.problem.weights;
  // What prices cost, and what is left free out of proportion, is left out here: bounds stay below what plans cost.
  const { priceOf } = loadPrices(site.problem);
  site.nodes.forEach((node, number) => {
    const available = at(site.available, number);
    const here = fixed.filter((replica) => replica.node === number);
    active.forEach((resource, position) => {
      const index = number * width + position;
      const most = at(available, resource);
      fixedLoad[index] = here.reduce((sum, { demand }) => sum + at(demand, resource), 0);
      capacity[index] = Math.max(most, at(fixedLoad, index));
      const name = at(site.resources, resource);
      if (most <= 0 || balance === 0 || priceOf.has(name)) return;
      const share = Math.min(0.999, comfortOf(node, name) ?? rates.comfort);
      comfort[index] = share * most;
      steepness[index] = (balance * rates.fullLoadSeconds * 1e6) / (most * (1 - share)) ** 2;
    });
    if (!counted) return;
    const index = number * width + width - 1;
    fixedLoad[index] = here.length;
    capacity[index] = Math.max(node.maxWorkloads ?? unlimited, here.length);
  });
  return { capacity, fixedLoad, comfort, steepness };
}
