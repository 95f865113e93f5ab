/** Columns: the pairs (box, class) a workload may be placed in, what each would use, and what each would cost by itself. */
import type { PlacementWorkload } from '../../schemas/generated/types.ts';
import { demandOf } from './demand.ts';
import { ownCosts } from './merit.ts';
import { staticMisfits } from './misfit.ts';
import { at, type WorkClass } from './model.ts';
import type { Site } from './site.ts';

export interface Column {
  readonly node: number;
  readonly class: WorkClass;
  /** Per resource, in the order of `resources`. */
  readonly demand: readonly number[];
  /** Micro-seconds per hour, in the order of `ownTerms`. */
  readonly own: readonly number[];
  readonly cost: number;
}

/**
 * All columns of a workload, cheapest first; ties by box, then class. Cordons are looked at per replica: a box keeps what it has.
 * @param among boxes looked at, by number; all when absent.
 */
export function columnsOf(site: Site, workload: PlacementWorkload, among?: ReadonlySet<number>): readonly Column[] {
  const columns: Column[] = [];
  for (const node of among ?? site.nodes.keys()) {
    for (const workClass of workload.classes) {
      if (staticMisfits(site, workload, node, workClass).length > 0) continue;
      const own = ownCosts(site, workload, at(site.nodes, node), node, workClass);
      columns.push({
        node,
        class: workClass,
        demand: demandOf(workload, workClass, at(site.nodes, node).id),
        own,
        cost: own.reduce((sum, cost) => sum + cost, 0),
      });
    }
  }
  return columns.sort((a, b) => a.cost - b.cost || a.node - b.node || (a.class < b.class ? -1 : 1));
}
