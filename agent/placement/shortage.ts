/** An infeasible problem: what is short over all boxes, and which workloads would have to be dropped. */
import type { PlacedReplica, PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { Candidate } from './candidate.ts';
import { availableAt, demandOf } from './demand.ts';
import { at, compareText, furtherResources, resources, tolerance } from './model.ts';
import { compile } from './slots.ts';

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
  const names = new Set(usable.map(({ id }) => id));
  const fixed = Map.groupBy(problem.fixed, ({ workload }) => workload);
  const further = furtherResources(problem);
  return [...resources, ...further].flatMap((resource, index) => {
    const have = usable.reduce((sum, node) => sum + at(availableAt(node, further), index), 0);
    const need = problem.workloads.reduce((sum, workload) => {
      const boxes = workload.measured === undefined || usable.length === 0 ? [undefined] : usable.map(({ id }) => id);
      const least = Math.min(
        ...boxes.flatMap((box) => workload.classes.map((workClass) => at(demandOf(workload, workClass, box, further), index))),
      );
      // What stays somewhere takes what it takes there, of boxes that can be used.
      const stay = fixed.get(workload.id) ?? [];
      const there = stay
        .filter(({ node }) => names.has(node))
        .reduce((all, { node, class: workClass }) => all + at(demandOf(workload, workClass, node, further), index), 0);
      return sum + there + least * (workload.replicas - stay.length);
    }, 0);
    return need > have + tolerance ? [{ resource, need, have }] : [];
  });
}

/**
 * Workloads without which all others have a place, least critical first. None of them can be kept beside the others (as far as `solve`
 * finds plans): each was tried again, the most critical first, beside the others as they are, and then by a search of the whole.
 * @param plan of the problem.
 * @param over true when no further search is to begin: then some may be kept that need not go.
 * @returns none where rules of groups let nothing be said.
 */
export function dropSet(
  problem: PlacementProblem,
  plan: Plan,
  solve: (problem: PlacementProblem) => Plan,
  over: () => boolean = () => false,
): readonly Drop[] {
  const homeless = new Set(plan.unplaced.map(({ workload }) => workload));
  // Who is missing for good is company for nobody, and is in no domain: others may have to go with them.
  const hasCompany = (problem.groups ?? []).some(({ near = [], leastDomains = 1 }) => near.length > 0 || leastDomains > 1);
  for (let round = 0; hasCompany && round < companyRounds; round += 1) {
    const { unplaced } = solve(without(problem, dropsOf(problem, homeless)));
    if (unplaced.length === 0) break;
    if (round === companyRounds - 1) return [];
    for (const { workload } of unplaced) homeless.add(workload);
  }
  const dropped = dropsOf(problem, hasCompany ? homeless : keptBeside(problem, plan, homeless));
  for (let index = dropped.length - 1; index >= 0 && !over(); index -= 1) {
    const less = dropped.filter((_, position) => position !== index);
    if (solve(without(problem, less)).unplaced.length === 0) dropped.splice(index, 1);
  }
  return dropped;
}

/** How often those that miss their company are dropped, too. */
const companyRounds = 4;

function dropsOf({ workloads }: PlacementProblem, names: ReadonlySet<string>): Drop[] {
  return workloads
    .filter(({ id }) => names.has(id))
    .map(({ id, criticality }): Drop => ({ workload: id, criticality }))
    .sort((a, b) => a.criticality - b.criticality || compareText(a.workload, b.workload));
}

/** Those of the homeless workloads that still have none when the others are gone and all that is whole stays: each whole or not at all. */
function keptBeside(problem: PlacementProblem, { assignments }: Plan, homeless: ReadonlySet<string>): ReadonlySet<string> {
  const pinned = new Set(problem.fixed.map(({ workload, replica }) => `${workload}/${replica}`));
  const isWhole = ({ workload, replica }: PlacedReplica): boolean => !homeless.has(workload) || pinned.has(`${workload}/${replica}`);
  const candidate = new Candidate(compile({ ...problem, fixed: assignments.filter(isWhole) }));
  const { slots, site, slotsOf } = candidate.instance;
  const left = new Set(homeless);
  for (const { workload: id } of dropsOf(problem, homeless).reverse()) {
    const own = at(slotsOf, site.workloadIndex.get(id) ?? -1);
    for (const slot of own) {
      const found = at(slots, slot).columns.findIndex((column) => candidate.fits(slot, column));
      if (found !== -1) candidate.put(slot, found);
    }
    if (own.every((slot) => at(candidate.placed, slot) !== -1)) left.delete(id);
    else for (const slot of own) if (at(candidate.placed, slot) !== -1) candidate.take(slot);
  }
  return left;
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
