/** Columns: the pairs (box, class) a workload may be placed in, what each would use, and what each would cost by itself. */
import type { PlacementWorkload } from '../../schemas/generated/types.ts';
import { demandOf } from './demand.ts';
import { OwnCosts } from './merit.ts';
import { fitsEmpty, placeMisfits } from './misfit.ts';
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
  const { among, perClass = Number.POSITIVE_INFINITY } = wanted;
  const nodes: number[] = [];
  const costs = new OwnCosts(site, workload);
  const count = workload.classes.length;
  const room = among === undefined ? site.nodes.length : among.size;
  const cost = new Float64Array(room * count).fill(Number.POSITIVE_INFINITY);
  const anywhere = workload.classes.map((workClass) => demandOf(workload, workClass, undefined, site.further));
  const measured = new Set(workload.measured?.map(({ node }) => node));
  const demandAt = (node: number, index: number): readonly number[] => {
    const { id } = at(site.nodes, node);
    return measured.size > 0 && measured.has(id) ? demandOf(workload, at(workload.classes, index), id, site.further) : at(anywhere, index);
  };
  const { memoryMiB, vramMiB } = workload.demand;
  // Room for this is room for every class: most boxes have it, and are looked at once only.
  const most = site.resources.map((resource, r) =>
    Math.max(resource === 'memoryMiB' ? memoryMiB : resource === 'vramMiB' ? vramMiB : 0, ...anywhere.map((demand) => at(demand, r))),
  );
  for (const node of among ?? site.nodes.keys()) {
    if (at(site.nodes, node).health.cordoned === true && wanted.kept?.has(node) !== true) continue;
    if (placeMisfits(site, workload, node).length > 0) continue;
    let place = -1;
    const ample = workload.measured === undefined && hasRoom(at(site.available, node), most);
    for (let index = 0; index < count; index += 1) {
      if (!ample && !fitsEmpty(site, workload, node, demandAt(node, index))) continue;
      if (place === -1) place = costs.place(node);
      cost[nodes.length * count + index] = place + costs.inClass(node, at(workload.classes, index));
    }
    if (place !== -1) nodes.push(node);
  }
  const columns: Column[] = [];
  let leastOmitted = Number.POSITIVE_INFINITY;
  const omitted: Omitted[] = [];
  const leftNodes = new Int32Array(nodes.length);
  const leftCosts = new Float64Array(nodes.length);
  const least = (index: number): readonly number[] =>
    at(anywhere, index).map((demand, r) =>
      [...measured].reduce(
        (lowest, node) => Math.min(lowest, at(demandOf(workload, at(workload.classes, index), node, site.further), r)),
        demand,
      ),
    );
  for (const [index, workClass] of workload.classes.entries()) {
    const all = nodes.length <= perClass;
    const limit = all ? Number.POSITIVE_INFINITY : nth(cost, index, count, nodes.length, perClass >> 1);
    const stride = Math.ceil(nodes.length / Math.max(1, perClass - (perClass >> 1)));
    let cheap = perClass >> 1;
    let leftCount = 0;
    for (let turn = 0; turn < nodes.length; turn += 1) {
      // Begun elsewhere for each workload: of many boxes that cost the same, not all work must look at the same few.
      const position = (turn + (wanted.draw ?? 0)) % nodes.length;
      const own = at(cost, position * count + index);
      if (own === Number.POSITIVE_INFINITY) continue;
      const node = at(nodes, position);
      const isCheap = own < limit || (own === limit && cheap > 0);
      if (isCheap) cheap -= 1;
      if (all || isCheap || turn % stride === 0 || wanted.kept?.has(node) === true)
        columns.push({ node, class: workClass, demand: demandAt(node, index), cost: own });
      else {
        leastOmitted = Math.min(leastOmitted, own);
        if (wanted.listOmitted !== true) continue;
        leftNodes[leftCount] = node;
        leftCosts[leftCount] = own;
        leftCount += 1;
      }
    }
    if (leftCount > 0) omitted.push({ node: leftNodes.slice(0, leftCount), cost: leftCosts.slice(0, leftCount), demand: least(index) });
  }
  columns.sort((a, b) => a.cost - b.cost || a.node - b.node || (a.class < b.class ? -1 : 1));
  return { columns, leastOmitted, omitted: wanted.listOmitted === true ? omitted : undefined };
}

function hasRoom(available: readonly number[], most: readonly number[]): boolean {
  for (let r = 0; r < most.length; r += 1) if ((most[r] as number) > (available[r] as number)) return false;
  return true;
}

/** The cost that `rank` boxes do not exceed in one class: chosen by parts (Hoare's selection), all in order would take longer. */
function nth(cost: Float64Array, index: number, count: number, nodes: number, rank: number): number {
  const values = new Float64Array(nodes);
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
