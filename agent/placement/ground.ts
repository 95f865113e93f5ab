/**
 * All places there are, as tables: for each replica the boxes it may be on in each class, what it takes there and what that costs. Where
 * columns list the cheapest places of each workload, here none is left out: of places that cost the same none is known to be better.
 */
import { comfortOf, demandOf } from './demand.ts';
import { comfortLoad, loadPrices, moveCost, OwnCosts, rates, weightsOf } from './merit.ts';
import { placeMisfits } from './misfit.ts';
import { at, ownTerms, type WorkClass } from './model.ts';
import type { Site } from './site.ts';
import type { Instance } from './slots.ts';

/** Boxes, one bit each. */
type BoxSet = Uint32Array;

/** Where a replica may be in one class, taking the same everywhere. */
export interface Variant {
  readonly class: WorkClass;
  /** Per resource, in the order of `Site.resources`. */
  readonly demand: readonly number[];
  readonly boxes: BoxSet;
  /** Micro-seconds per hour by box, or the same on all. */
  readonly cost: Float64Array | number;
  /** Of its boxes none costs less. */
  readonly least: number;
}

export interface Ground {
  readonly instance: Instance;
  readonly slots: number;
  readonly nodes: number;
  /** Resources that something asks for, or that others should be left free beside, as numbers in `Site.resources`. */
  readonly active: readonly number[];
  /** Variants of slot s: first[s] .. first[s + 1] - 1. */
  readonly first: Int32Array;
  readonly variants: readonly Variant[];
  /** Per slot: what a move costs, and a change of class on its box. */
  readonly moving: Float64Array;
  readonly reclass: Float64Array;
  /** No place of a slot costs less than another: only what replicas have to do with each other matters. */
  readonly indifferent: boolean;
}

/** Costs by slot and box that are kept at the most. */
const costsMax = 1 << 24;
/** Workloads between two checkpoints. */
const checkEvery = 64;

/**
 * Undefined where the tables would be too large.
 * @param listed only the boxes that the instance has columns for.
 */
export function groundOf(instance: Instance, listed = false): Ground | undefined {
  const { site, slots, slotsOf } = instance;
  const { problem, nodes, workloads } = site;
  const weights = weightsOf(problem);
  const free = ownTerms.every((name) => weights[name] === 0);
  const classes = slots.reduce((sum, { workload }) => sum + at(workloads, workload).classes.length, 0);
  if (!free && classes * nodes.length > costsMax) return undefined;
  const open = openBoxes(site);
  const byWorkload = workloads.map((_, index): readonly Variant[] => {
    if (index % checkEvery === 0) instance.checkpoint();
    return at(slotsOf, index).length === 0 ? [] : variantsOf(site, index, open, free);
  });
  const bySlot = slots.map((_, slot) => within(instance, slot, byWorkload, listed));
  const first = new Int32Array(slots.length + 1);
  bySlot.forEach((list, slot) => {
    first[slot + 1] = at(first, slot) + list.length;
  });
  const variants = bySlot.flat();
  const proportioned = new Set(problem.proportions?.flatMap(({ of, other }) => [of, other]));
  const moving = Float64Array.from(slots, ({ workload, mayStay }) => (mayStay ? moveCost(problem, at(workloads, workload)) : 0));
  return {
    instance,
    slots: slots.length,
    nodes: nodes.length,
    active: site.resources.flatMap((name, resource) =>
      variants.some(({ demand }) => at(demand, resource) > 0) || proportioned.has(name) ? [resource] : [],
    ),
    first,
    variants,
    moving,
    reclass: moving.map((cost) => Math.round(cost * rates.reclassShare)),
    indifferent: bySlot.every((list) => list.every(({ cost }) => typeof cost === 'number' && cost === list[0]?.cost)),
  };
}

/** Boxes that a workload may be on whatever it takes; the same set for those that ask for the same. */
function openBoxes(site: Site): (workload: number) => BoxSet {
  const claims = site.nodes.some(({ minimumMemoryMiB, minimumVramMiB }) => minimumMemoryMiB !== undefined || minimumVramMiB !== undefined);
  const known = new Map<string, BoxSet>();
  return (index) => {
    const workload = at(site.workloads, index);
    const { requester, tags, requires, pin, inputs, mustBeStaged, artefacts, demand } = workload;
    const claim = claims ? [demand.memoryMiB, demand.vramMiB] : [];
    const key = JSON.stringify([requester, tags, requires, pin, inputs.filter(({ hard }) => hard), mustBeStaged ? artefacts : [], claim]);
    const found = known.get(key);
    if (found !== undefined) return found;
    const boxes = new Uint32Array((site.nodes.length + 31) >> 5);
    site.nodes.forEach(({ health }, node) => {
      if (health.cordoned !== true && placeMisfits(site, workload, node).length === 0) include(boxes, node);
    });
    known.set(key, boxes);
    return boxes;
  };
}

function variantsOf(site: Site, index: number, open: (workload: number) => BoxSet, free: boolean): readonly Variant[] {
  const workload = at(site.workloads, index);
  const { memoryMiB, vramMiB } = workload.demand;
  const costs = free ? undefined : new OwnCosts(site, workload);
  const measured = new Map(workload.measured?.map(({ node, memoryMiB: there }) => [node, there]));
  const places = open(index);
  const place = new Float64Array(costs === undefined ? 0 : site.nodes.length).fill(Number.NaN);
  return workload.classes.flatMap((workClass): readonly Variant[] => {
    const anywhere = demandOf(workload, workClass, undefined, site.further);
    const byDemand = new Map<string, { demand: readonly number[]; boxes: BoxSet; cost: Float64Array; least: number; most: number }>();
    for (let node = 0; node < site.nodes.length; node += 1) {
      if (!includes(places, node)) continue;
      const { id } = at(site.nodes, node);
      const there = measured.size === 0 ? undefined : measured.get(id);
      const demand = there === undefined ? anywhere : demandOf(workload, workClass, id, site.further);
      if (!isRoomy(at(site.available, node), demand, there ?? memoryMiB, vramMiB)) continue;
      const key = there === undefined ? '' : demand.join();
      let variant = byDemand.get(key);
      if (variant === undefined) {
        const boxes = new Uint32Array(places.length);
        const cost = new Float64Array(costs === undefined ? 0 : site.nodes.length).fill(Number.NaN);
        variant = { demand, boxes, cost, least: Number.POSITIVE_INFINITY, most: Number.NEGATIVE_INFINITY };
        byDemand.set(key, variant);
      }
      include(variant.boxes, node);
      if (costs === undefined) continue;
      if (Number.isNaN(at(place, node))) place[node] = costs.place(node);
      const cost = at(place, node) + costs.inClass(node, workClass);
      variant.cost[node] = cost;
      variant.least = Math.min(variant.least, cost);
      variant.most = Math.max(variant.most, cost);
    }
    return [...byDemand.values()].map(({ demand, boxes, cost, least, most }) => ({
      class: workClass,
      demand,
      boxes,
      cost: costs === undefined ? 0 : least === most ? least : cost,
      least: costs === undefined ? 0 : least,
    }));
  });
}

/** Room on an empty box, for what it takes on average and for one run. */
function isRoomy(available: readonly number[], demand: readonly number[], memoryMiB: number, vramMiB: number): boolean {
  for (let r = 0; r < demand.length; r += 1) if ((demand[r] as number) > (available[r] as number) + slack) return false;
  return memoryMiB <= (available[0] as number) + slack && vramMiB <= (available[4] as number) + slack;
}

const slack = 1e-6;

/** The variants of one slot: without boxes where fixed replicas are in its way, with a cordoned one that it is on. */
function within(
  { site, slots, fixed, fixedOf, apart }: Instance,
  slot: number,
  byWorkload: readonly (readonly Variant[])[],
  listed: boolean,
): readonly Variant[] {
  const { workload, columns, currentNode } = at(slots, slot);
  const all = at(byWorkload, workload);
  const enemies = at(apart, workload);
  const byDomain = at(site.workloads, workload).spread === 'domain';
  const barred = new Set<number>();
  if (enemies.size > 0) for (const other of fixed) if (enemies.has(other.workload)) barred.add(other.node);
  for (const { node } of at(fixedOf, workload)) {
    if (node < 0) continue;
    barred.add(node);
    if (byDomain) for (const [other, { domain }] of site.nodes.entries()) if (domain === at(site.nodes, node).domain) barred.add(other);
  }
  const kept = site.nodes[currentNode]?.health.cordoned === true ? columns.filter(({ node }) => node === currentNode) : [];
  if (barred.size === 0 && kept.length === 0 && !listed) return all;
  const variants = all.map((variant) => {
    const boxes = variant.boxes.slice();
    if (listed) {
      const known = new Uint32Array(boxes.length);
      for (const { node, class: workClass } of columns) if (workClass === variant.class) include(known, node);
      for (let word = 0; word < boxes.length; word += 1) boxes[word] = at(boxes, word) & at(known, word);
    }
    for (const node of barred) exclude(boxes, node);
    return { ...variant, boxes };
  });
  const cordoned = kept
    .filter(({ node }) => !barred.has(node))
    .map(({ node, class: workClass, demand, cost }) => {
      const boxes = new Uint32Array((site.nodes.length + 31) >> 5);
      include(boxes, node);
      return { class: workClass, demand, boxes, cost, least: cost };
    });
  return [...variants, ...cordoned];
}

export function includes(boxes: BoxSet, node: number): boolean {
  return (((boxes[node >> 5] as number) >>> (node & 31)) & 1) === 1;
}

function include(boxes: BoxSet, node: number): void {
  boxes[node >> 5] = at(boxes, node >> 5) | (1 << (node & 31));
}

export function exclude(boxes: BoxSet, node: number): void {
  boxes[node >> 5] = at(boxes, node >> 5) & ~(1 << (node & 31));
}

/** What load costs and how much there may be, per box and active resource. */
export interface Limits {
  /** With what forgives sums of fractions; what fixed replicas overfill counts as exactly full. */
  readonly capacity: Float64Array;
  readonly fixedLoad: Float64Array;
  /** Beyond `easy` a unit costs its price, beyond `comfort` its square `steepness`; infinite where it does not. */
  readonly easy: Float64Array;
  readonly price: Float64Array;
  readonly comfort: Float64Array;
  readonly steepness: Float64Array;
}

export function limitsOf({ instance, active }: Pick<Ground, 'instance' | 'active'>): Limits {
  const { site, fixed } = instance;
  const width = active.length;
  const size = site.nodes.length * width;
  const infinite = (): Float64Array => new Float64Array(size).fill(Number.POSITIVE_INFINITY);
  const limits = {
    capacity: new Float64Array(size),
    fixedLoad: new Float64Array(size),
    easy: infinite(),
    price: new Float64Array(size),
    comfort: infinite(),
    steepness: new Float64Array(size),
  };
  for (const { node, demand } of fixed) {
    if (node < 0) continue;
    active.forEach((resource, position) => {
      const index = node * width + position;
      limits.fixedLoad[index] = at(limits.fixedLoad, index) + at(demand, resource);
    });
  }
  const { balance } = site.problem.weights;
  const { priceOf } = loadPrices(site.problem);
  site.nodes.forEach((node, number) => {
    active.forEach((resource, position) => {
      const index = number * width + position;
      const most = at(at(site.available, number), resource);
      limits.capacity[index] = Math.max(most, at(limits.fixedLoad, index)) + 1e-7;
      if (most <= 0 || balance === 0) return;
      const name = at(site.resources, resource);
      const share = comfortOf(node, name) ?? rates.comfort;
      const price = priceOf.get(name);
      if (price !== undefined) {
        limits.easy[index] = comfortLoad(share, most);
        limits.price[index] = balance * price * 1e6;
        return;
      }
      const easy = Math.min(0.999, share);
      limits.comfort[index] = easy * most;
      limits.steepness[index] = (balance * rates.fullLoadSeconds * 1e6) / (most * (1 - easy)) ** 2;
    });
  });
  return limits;
}
