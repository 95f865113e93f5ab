/** An infeasible problem: what is short over all boxes, and which workloads would have to be dropped. */
import type { PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { availableAt, demandOf } from './demand.ts';
import { at, compareText, furtherResources, resources, tolerance } from './model.ts';

/** More is needed, whatever the plan, than all usable boxes have: a proof that not everything fits. */
export interface Shortage {
  /** One of the five, or a further one. */
  readonly resource: string;
  /** The least that all replicas together need, each in its most frugal class. */
  readonly need: number;
  readonly have: number;
}

/** A workload to drop, so that the others fit. */
export interface Drop {
  readonly workload: string;
  /** 0..1. */
  readonly criticality: number;
}

/** Resources of which no plan has enough; empty proves nothing. */
export function shortages(problem: PlacementProblem): readonly Shortage[] {
  const usable = problem.nodes.filter(({ health }) => health.usable);
  const further = furtherResources(problem);
  return [...resources, ...further].flatMap((resource, index) => {
    const have = usable.reduce((sum, node) => sum + at(availableAt(node, further), index), 0);
    const need = problem.workloads.reduce((sum, workload) => {
      const boxes = workload.measured === undefined ? [''] : usable.map(({ id }) => id);
      const least = Math.min(
        ...boxes.flatMap((box) => workload.classes.map((workClass) => at(demandOf(workload, workClass, box, further), index))),
      );
      return sum + least * workload.replicas;
    }, 0);
    return need > have + tolerance ? [{ resource, need, have }] : [];
  });
}

/**
 * Workloads without which all others have a place, least critical first. None of them can be kept beside the others (as far as `solve`
 * finds plans): each was tried again, the most critical first.
 * @param plan of the problem.
 */
export function dropSet(problem: PlacementProblem, plan: Plan, solve: (problem: PlacementProblem) => Plan): readonly Drop[] {
  const homeless = new Set(plan.unplaced.map(({ workload }) => workload));
  const dropped = problem.workloads
    .filter(({ id }) => homeless.has(id))
    .map(({ id, criticality }): Drop => ({ workload: id, criticality }))
    .sort((a, b) => a.criticality - b.criticality || compareText(a.workload, b.workload));
  for (let index = dropped.length - 1; index >= 0; index -= 1) {
    const less = dropped.filter((_, position) => position !== index);
    if (solve(without(problem, less)).unplaced.length === 0) dropped.splice(index, 1);
  }
  return dropped;
}

/** The problem without some of its workloads. */
export function without(problem: PlacementProblem, drops: readonly Drop[]): PlacementProblem {
  const names = new Set(drops.map(({ workload }) => workload));
  return {
    ...problem,
    workloads: problem.workloads.filter(({ id }) => !names.has(id)),
    current: problem.current.filter(({ workload }) => !names.has(workload)),
    fixed: problem.fixed.filter(({ workload }) => !names.has(workload)),
  };
}
