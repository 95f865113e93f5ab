/** What given assignments cost under a problem's weights: the same figure of merit, whoever made the plan. */
import type { Objective, PlacedReplica, PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { Candidate } from './candidate.ts';
import { objectiveOf } from './merit.ts';
import { at } from './model.ts';
import { compile } from './slots.ts';

/** Fills a candidate with a plan. Assignments the problem has no column for are left out: boxes may have changed since. */
export function load(candidate: Candidate, plan: Pick<Plan, 'assignments'>): Candidate {
  const { slots, site } = candidate.instance;
  const planned = new Map(plan.assignments.map((placed) => [`${placed.workload}/${placed.replica}`, placed]));
  slots.forEach(({ workload, replica, columns }, slot) => {
    const placed = planned.get(`${at(site.workloads, workload).id}/${replica}`);
    const node = site.nodeIndex.get(placed?.node ?? '');
    const column = columns.findIndex((option) => option.node === node && option.class === placed?.class);
    if (column !== -1) candidate.put(slot, column);
  });
  return candidate;
}

/** Figure of merit of assignments. */
export function evaluate(problem: PlacementProblem, plan: Pick<Plan, 'assignments'>): Objective {
  return objectiveOf(
    problem,
    load(new Candidate(compile(problem, { places: placesOf([problem.current, plan.assignments]) })), plan).terms(),
  );
}

/** Boxes each workload is on in any of the lists. */
export function placesOf(lists: readonly (readonly PlacedReplica[])[]): ReadonlyMap<string, ReadonlySet<string>> {
  const places = new Map<string, Set<string>>();
  for (const { workload, node } of lists.flat()) {
    const known = places.get(workload);
    if (known === undefined) places.set(workload, new Set([node]));
    else known.add(node);
  }
  return places;
}
