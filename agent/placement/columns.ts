/** Columns: the pairs (box, class) a workload may be placed in, what each would use, and what each would cost by itself. */
import type { PlacementWorkload } from '../../schemas/generated/types.ts';
import { demandOf } from './demand.ts';
import { OwnCosts } from './merit.ts';
import { capacityMisfits, placeMisfits } from './misfit.ts';
import { at, type WorkClass } from './model.ts';
import type { Site } from './site.ts';

export interface Column {
  readonly node: number;
  readonly class: WorkClass;
  /** Per resource, in the order of `resources`. The same list for all boxes where nothing was measured. */
  readonly demand: readonly number[];
  /** Micro-seconds per hour: the sum of the terms of `OwnCosts`. */
  readonly cost: number;
}

/**
 * All columns of a workload, cheapest first; ties by box, then class. Cordons are looked at per replica: a box keeps what it has.
 * @param among boxes looked at, by number; all when absent.
 */
export function columnsOf(site: Site, workload: PlacementWorkload, among?: ReadonlySet<number>): readonly Column[] {
  const columns: Column[] = [];
  const costs = new OwnCosts(site, workload);
  const anywhere = workload.classes.map((workClass) => demandOf(workload, workClass, undefined));
  const measured = new Set(workload.measured?.map(({ node }) => node));
  for (const node of among ?? site.nodes.keys()) {
    const { id } = at(site.nodes, node);
    if (placeMisfits(site, workload, node).length > 0) continue;
    const place = costs.place(node);
    for (const [index, workClass] of workload.classes.entries()) {
      const demand = measured.has(id) ? demandOf(workload, workClass, id) : at(anywhere, index);
      if (capacityMisfits(site, workload, node, demand).length > 0) continue;
      columns.push({ node, class: workClass, demand, cost: place + costs.inClass(node, workClass) });
    }
  }
  return columns.sort((a, b) => a.cost - b.cost || a.node - b.node || (a.class < b.class ? -1 : 1));
}
