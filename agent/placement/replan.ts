/** A plan for a site that runs already: what staying would cost, and planning only what has to move where that is enough. */
import type { Objective, PlacedReplica, PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { Candidate } from './candidate.ts';
import { keepCurrent } from './construct.ts';
import { load, placesOf } from './evaluate.ts';
import { objectiveOf } from './merit.ts';
import { at, toSeconds } from './model.ts';
import { compile } from './slots.ts';
import { type SolveOptions, solve } from './solve.ts';

/** What it comes to when everything that may stays where it is, and nothing else is placed. */
export interface Standing {
  /** Seconds per hour, to be compared with plans of the whole problem. */
  readonly total: number;
  /** Replicas (`workload/replica`) without a place then. */
  readonly homeless: readonly string[];
}

export interface Replanned {
  readonly plan: Plan;
  readonly standing: Standing;
  /** Only some replicas were free to move, and that was enough. */
  readonly partial: boolean;
  /** Replicas that were free to move. */
  readonly freed: number;
}

export interface ReplanOptions extends SolveOptions {
  /** With `free`: nothing else is looked at, even when something then has no place. */
  readonly partOnly?: boolean;
}

export function standingOf(problem: PlacementProblem): Standing {
  const candidate = new Candidate(compile(problem, { places: placesOf([problem.current]) }));
  keepCurrent(candidate);
  const { slots, site } = candidate.instance;
  const homeless = slots.flatMap(({ workload, replica }, slot) =>
    at(candidate.placed, slot) === -1 ? [`${at(site.workloads, workload).id}/${replica}`] : [],
  );
  return { total: toSeconds(candidate.cost), homeless };
}

/**
 * Plans anew. With `free`, first only these replicas and those that may not stay are placed, around all others; when one of them finds
 * no place that way, everything is planned. @throws {PlacementError} when the problem contradicts itself.
 */
export function replan(
  problem: PlacementProblem,
  free: ReadonlySet<string> | undefined,
  { partOnly = false, ...options }: ReplanOptions = {},
): Replanned {
  const standing = standingOf(problem);
  const all = problem.workloads.reduce((sum, { replicas }) => sum + replicas, 0) - problem.fixed.length;
  if (free !== undefined) {
    const moving = new Set([...free, ...standing.homeless]);
    const known = new Map(problem.workloads.map(({ id, replicas }) => [id, replicas]));
    const staying = problem.current.filter(
      ({ workload, replica }) => replica < (known.get(workload) ?? 0) && !moving.has(`${workload}/${replica}`),
    );
    const pinned = new Set(problem.fixed.map(({ workload, replica }) => `${workload}/${replica}`));
    const added = staying.filter(({ workload, replica }) => !pinned.has(`${workload}/${replica}`));
    const plan = solve({ ...problem, fixed: [...problem.fixed, ...added] }, partOnly ? options : within(options, 0, partShare));
    if (partOnly || plan.unplaced.length === 0) return { plan: asWhole(problem, plan), standing, partial: true, freed: all - added.length };
  }
  return { plan: solve(problem, within(options, options.progress?.() ?? 0, 1)), standing, partial: false, freed: all };
}

/** Share of the time for the part, where the whole may have to be planned after it. */
const partShare = 0.4;

/** The time between two shares of all of it, as if it were all there is. */
function within({ interrupted, progress, ...options }: SolveOptions, from: number, to: number): SolveOptions {
  if (progress === undefined) return { ...options, ...(interrupted === undefined ? {} : { interrupted }) };
  return {
    ...options,
    interrupted: () => interrupted?.() === true || (to < 1 && progress() >= to),
    progress: () => Math.max(0, progress() - from) / Math.max(1e-9, to - from),
  };
}

/** The terms of a plan of a part, counted over the whole: what stayed costs too. Nothing is proven about the whole. */
function asWhole(problem: PlacementProblem, { gapPercent: _, ...plan }: Plan): Plan {
  const instance = compile(problem, {
    places: placesOf([problem.current, plan.assignments, ...plan.alternatives.map(({ assignments }) => assignments)]),
  });
  const whole = (assignments: readonly PlacedReplica[]): Objective =>
    objectiveOf(problem, load(new Candidate(instance), { assignments: [...assignments] }).terms());
  return {
    ...plan,
    objective: whole(plan.assignments),
    bound: 0,
    provenBy: 'none',
    alternatives: plan.alternatives.map((other) => ({ ...other, objective: whole(other.assignments) })),
  };
}
