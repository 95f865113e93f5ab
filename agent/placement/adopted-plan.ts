/** The document of a plan that another search came by, and that is better than the one it takes the place of. */
import type { PlacedReplica, PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { Candidate } from './candidate.ts';
import { load, placesOf } from './evaluate.ts';
import { compareFinished, type Finished, finish, planDocument } from './plan-document.ts';
import { compile } from './slots.ts';

/**
 * @param assignments of the same problem, placing as much as `plan` at least and costing no more.
 * @param plan what was the plan: what it proves stays proven, and it becomes an alternative.
 * @param steps evaluations of the searches that came by it.
 */
export function adoptedPlan(problem: PlacementProblem, assignments: readonly PlacedReplica[], plan: Plan, steps: number): Plan {
  const others = [plan.assignments, ...plan.alternatives.map((each) => each.assignments)];
  // Why something has no place is asked of all boxes; all else, of those that are used: a large site has too many pairs to list.
  const places = new Map(placesOf([problem.current, assignments, ...others]));
  const counts = Map.groupBy(assignments, ({ workload }) => workload);
  const boxes = new Set(problem.nodes.map(({ id }) => id));
  for (const { id, replicas } of problem.workloads) if ((counts.get(id)?.length ?? 0) < replicas) places.set(id, boxes);
  const instance = compile(problem, { places });
  const finished = (placed: readonly PlacedReplica[]): Finished =>
    finish(load(new Candidate(instance), { assignments: [...placed] }), 'search');
  const best = finished(assignments);
  const document = planDocument(
    load(new Candidate(instance), { assignments: [...assignments] }),
    best,
    others.map(finished).sort(compareFinished),
    false,
    0,
    { ...plan.trace, madeBy: 'search', steps: plan.trace.steps + steps },
  );
  const { gapPercent: _, ...rest } = document;
  const { bound, provenBy } = plan;
  const { total } = best.objective;
  const isProven = provenBy !== 'none' && (bound > 0 || total === 0);
  return { ...rest, bound, provenBy, ...(isProven ? { gapPercent: total === bound ? 0 : ((total - bound) / bound) * 100 } : {}) };
}
