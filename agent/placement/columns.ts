/** Columns: the pairs (box, class) a workload may be placed in, what each would use, and what each would cost by itself. */
import type { PlacementNode, PlacementWorkload } from '../../schemas/generated/types.ts';
import { demandOf } from './demand.ts';
import { OwnCosts } from './merit.ts';
import { asksNothingOfPlaces, fitsEmpty, placeMisfits } from './misfit.ts';
import { at, type WorkClass } from './model.ts';
import type { Site } from './site.ts';

export interface Column {
  readonly node: number;
  readonly class: WorkClass;
  /** Per resource, in the order of `Site.resources`. The same list for all boxes where nothing was measured. */
  readonly demand: readonly number[];
  /** Micro-seconds per hour: the sum of the terms of `OwnCosts`. */
  readonly cost: number;
}

/** Columns of one class that were left out: what a bound has to know of them. */
export interface Omitted {
  readonly node: Int32Array;
  readonly cost: Float64Array;
  /** No box is asked for less. */
  readonly demand: readonly number[];
}

export interface ColumnChoice {
  /** Cheapest first; ties by box, then class. */
  readonly columns: readonly Column[];
  /** No column left out costs less; infinite when all are there. */
  readonly leastOmitted: number;
  /** All that were left out; undefined when they were not to be listed. */
  readonly omitted: readonly Omitted[] | undefined;
}

/** Which columns are wanted. */
export interface Wanted {
  /** Boxes looked at, by number; all when absent. */
  readonly among?: ReadonlySet<number>;
  /**
   * Columns of each class at the most: half the cheapest, half evenly drawn from all boxes, so that there is room somewhere. Boxes in
   * `kept`, where replicas are now, have theirs whatever they cost.
   */
  readonly perClass?: number;
  readonly kept?: ReadonlySet<number>;
  /** Where the drawing begins. */
  readonly draw?: number;
  /** Whether those left out are listed as well. */
  readonly listOmitted?: boolean;
}

/** Columns of a workload. A cordoned box has them for what it keeps. */
export function columnsOf(site: Site, workload: PlacementWorkload, wanted: Wanted = {}): ColumnChoice {
  const { perClass = Number.POSITIVE_INFINITY, kept, draw = 0, listOmitted = false } = wanted;
  const needs = new Needs(site, workload);
  const { count, nodes, cost } = placesOf(site, workload, needs, wanted);
  const classCount = workload.classes.length;
  const all = count <= perClass;
  const columns: Column[] = [];
  let leastOmitted = Number.POSITIVE_INFINITY;
  const omitted: Omitted[] = [];
  // One after the other, class by class; and room to choose in, before that is needed for them.
  const left = {
    nodes: new Int32Array(listOmitted ? count * classCount : 0),
    costs: new Float64Array(listOmitted ? count * classCount : 0),
  };
  const scratch = new Float64Array(all ? 0 : count);
  let leftCount = 0;
  const stride = Math.ceil(count / Math.max(1, perClass - (perClass >> 1)));
  for (const [index, workClass] of workload.classes.entries()) {
    const limit = all ? Number.POSITIVE_INFINITY : nth(cost, index, classCount, scratch, perClass >> 1);
    const leftFrom = leftCount;
    let cheap = perClass >> 1;
    // Begun elsewhere for each workload: of many boxes that cost the same, not all work must look at the same few.
    let position = count === 0 ? 0 : draw % count;
    for (let turn = 0, drawn = 0; turn < count; turn += 1, position += 1) {
      if (position === count) position = 0;
      const isDrawn = turn === drawn;
      if (isDrawn) drawn += stride;
      const own = cost[position * classCount + index] as number;
      if (own === Number.POSITIVE_INFINITY) continue;
      const node = nodes[position] as number;
      const isCheap = own < limit || (own === limit && cheap > 0);
      if (isCheap) cheap -= 1;
      if (all || isCheap || isDrawn || kept?.has(node) === true)
        columns.push({ node, class: workClass, demand: needs.at(node, index), cost: own });
      else {
        if (own < leastOmitted) leastOmitted = own;
        if (!listOmitted) continue;
        left.nodes[leftCount] = node;
        left.costs[leftCount] = own;
        leftCount += 1;
      }
    }
    if (leftCount === leftFrom) continue;
    const [node, own] = [left.nodes.subarray(leftFrom, leftCount), left.costs.subarray(leftFrom, leftCount)];
    omitted.push({ node, cost: own, demand: needs.least(index) });
  }
  columns.sort((a, b) => a.cost - b.cost || a.node - b.node || (a.class < b.class ? -1 : 1));
  return { columns, leastOmitted, omitted: listOmitted ? omitted : undefined };
}

/** Boxes that may take a workload, in order, and what each costs in each class: row by row, infinite where it does not fit. */
interface Places {
  readonly count: number;
  readonly nodes: Int32Array;
  readonly cost: Float64Array;
}

function placesOf(site: Site, workload: PlacementWorkload, needs: Needs, { among, kept }: Wanted): Places {
  const { classes } = workload;
  const looked = among === undefined ? site.nodes.length : among.size;
  const nodes = new Int32Array(looked);
  const cost = new Float64Array(looked * classes.length).fill(Number.POSITIVE_INFINITY);
  const costs = new OwnCosts(site, workload);
  const modest = asksNothingOfPlaces(site, workload);
  let count = 0;
  for (const node of among ?? site.nodes.keys()) {
    const { health } = site.nodes[node] as PlacementNode;
    if (health.cordoned === true && kept?.has(node) !== true) continue;
    if (!(modest && site.open[node] === 1) && placeMisfits(site, workload, node).length > 0) continue;
    const ample = needs.haveRoom(node);
    let place = -1;
    for (let index = 0; index < classes.length; index += 1) {
      if (!ample && !fitsEmpty(site, workload, node, needs.at(node, index))) continue;
      if (place === -1) place = costs.place(node);
      cost[count * classes.length + index] = place + costs.inClass(node, classes[index] as WorkClass);
    }
    if (place === -1) continue;
    nodes[count] = node;
    count += 1;
  }
  return { count, nodes, cost };
}

/** What a workload takes, by class: the same on all boxes where nothing was measured. */
class Needs {
  readonly #site: Site;
  readonly #workload: PlacementWorkload;
  readonly #anywhere: readonly (readonly number[])[];
  readonly #measured: ReadonlySet<string>;
  /** Room for this is room for every class: most boxes have it, and are looked at once only. */
  readonly #most: readonly number[];

  constructor(site: Site, workload: PlacementWorkload) {
    const { memoryMiB, vramMiB } = workload.demand;
    this.#site = site;
    this.#workload = workload;
    this.#anywhere = workload.classes.map((workClass) => demandOf(workload, workClass, undefined, site.further));
    this.#measured = new Set(workload.measured?.map(({ node }) => node));
    this.#most = site.resources.map((resource, r) =>
      Math.max(
        resource === 'memoryMiB' ? memoryMiB : resource === 'vramMiB' ? vramMiB : 0,
        ...this.#anywhere.map((demand) => at(demand, r)),
      ),
    );
  }

  at(node: number, index: number): readonly number[] {
    if (this.#measured.size === 0) return this.#anywhere[index] as readonly number[];
    const { id } = at(this.#site.nodes, node);
    return this.#measured.has(id)
      ? demandOf(this.#workload, at(this.#workload.classes, index), id, this.#site.further)
      : at(this.#anywhere, index);
  }

  /** On any box. */
  least(index: number): readonly number[] {
    return at(this.#anywhere, index).map((demand, r) =>
      [...this.#measured].reduce(
        (lowest, node) => Math.min(lowest, at(demandOf(this.#workload, at(this.#workload.classes, index), node, this.#site.further), r)),
        demand,
      ),
    );
  }

  /** Whether an empty box is known to have room whatever the class. */
  haveRoom(node: number): boolean {
    if (this.#measured.size > 0) return false;
    const available = this.#site.available[node] as readonly number[];
    const most = this.#most;
    for (let r = 0; r < most.length; r += 1) if ((most[r] as number) > (available[r] as number)) return false;
    return true;
  }
}

/**
 * The cost that `rank` boxes do not exceed in one class: chosen by parts (Hoare's selection), all in order would take longer.
 * @param values to work in: as many as boxes.
 */
function nth(cost: Float64Array, index: number, count: number, values: Float64Array, rank: number): number {
  const nodes = values.length;
  for (let position = 0; position < nodes; position += 1) values[position] = cost[position * count + index] as number;
  const wanted = Math.min(nodes - 1, Math.max(0, rank - 1));
  let low = 0;
  let high = nodes - 1;
  while (low < high) {
    const pivot = values[(low + high) >> 1] as number;
    let left = low;
    let right = high;
    while (left <= right) {
      while ((values[left] as number) < pivot) left += 1;
      while ((values[right] as number) > pivot) right -= 1;
      if (left > right) break;
      const kept = values[left] as number;
      values[left] = values[right] as number;
      values[right] = kept;
      left += 1;
      right -= 1;
    }
    if (wanted <= right) high = right;
    else if (wanted >= left) low = left;
    else break;
  }
  return values[wanted] as number;
}
