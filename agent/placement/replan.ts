/** A plan for a site that runs already: what staying would cost, and planning only what has to move where that is enough. */
import type { Objective, PlacedReplica, PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { Candidate } from './candidate.ts';
import { keepCurrent } from './construct.ts';
import { load, placesOf } from './evaluate.ts';
import { objectiveOf } from './merit.ts';
import { at, toSeconds } from './model.ts';
import { readSite } from './site.ts';
import { type CompileOptions, compile, type Slot } from './slots.ts';
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

export interface ReplanOptions extends Omit<SolveOptions, 'places' | 'stay' | 'site' | 'start'> {
  /** With `free`: nothing else is looked at, even when something then has no place. */
  readonly partOnly?: boolean;
}

export function standingOf(problem: PlacementProblem, read: Pick<CompileOptions, 'site' | 'checkpoint'> = {}): Standing {
  const candidate = new Candidate(compile(problem, { places: placesOf([problem.current]), ...read }));
  keepCurrent(candidate);
  const { slots, site } = candidate.instance;
  const homeless = slots.flatMap(({ workload, replica }, slot) =>
    at(candidate.placed, slot) === -1 ? [`${at(site.workloads, workload).id}/${replica}`] : [],
  );
  return { total: toSeconds(candidate.cost), homeless };
}

/**
 * Plans anew, the site as it is being the start. With `free`, first only these replicas and those that may not stay are placed: all others
 * stay on their boxes, and change their class there where that makes room or pays. When one finds no place that way, the others may go to
 * some other boxes too, and then everything is planned. A plan of the whole is taken only where it is better than that of the part, what
 * moving costs counted in both. @throws {PlacementError} when the problem contradicts itself.
 */
export function replan(
  problem: PlacementProblem,
  free: ReadonlySet<string> | undefined,
  { partOnly = false, ...given }: ReplanOptions = {},
): Replanned {
  const site = readSite(problem);
  const options = { ...given, site };
  const read = { site, ...(given.checkpoint === undefined ? {} : { checkpoint: given.checkpoint }) };
  const standing = standingOf(problem, read);
  const all = problem.workloads.reduce((sum, { replicas }) => sum + replicas, 0) - problem.fixed.length;
  const moving = new Set([...(free ?? []), ...standing.homeless]);
  if (partOnly && free !== undefined) {
    const { plan, freed } = frozen(problem, moving, options);
    return { plan: asWhole(problem, read, plan), standing, partial: true, freed };
  }
  const time = (): number => options.progress?.() ?? 0;
  const whole = (start?: readonly PlacedReplica[]): Replanned => ({
    plan: solve(problem, { ...within(options, time(), 1), ...(start === undefined ? {} : { start }) }),
    standing,
    partial: false,
    freed: all,
  });
  if (free === undefined && all <= partFrom) return whole();
  const staying = stayingOf(problem, moving);
  const part = (which: Pick<SolveOptions, 'places' | 'stay' | 'start'>): Replanned => {
    const limits = { ...problem.limits, steps: Math.max(1, Math.floor(problem.limits.steps * partSteps)) };
    const plan = solve({ ...problem, limits }, { ...within(options, time(), time() + partShare), ...which });
    return { plan: unproven(plan), standing, partial: true, freed: all - (which.stay?.size ?? 0) };
  };
  const near = part({ places: placesFor(problem, staying), stay: staying });
  const over = (): boolean => options.interrupted?.() === true;
  let best = near;
  const { assignments: start, unplaced, objective } = near.plan;
  const dear = objective.total - standing.total > cheapest(problem, read, staying) + dearShare * objective.total;
  if ((unplaced.length > 0 || (free !== undefined && dear)) && problem.nodes.length > 2 * elsewhere && !over()) {
    const far = part({ places: placesFor(problem, staying, elsewhere, start), start });
    const gain = objective.total - far.plan.objective.total;
    // Who only asked for a part wants others moved for a good reason, not for any gain.
    if (unplaced.length > far.plan.unplaced.length || gain > worthShare * objective.total) best = better(problem, near, far);
  }
  if (over() || (free !== undefined && best.plan.unplaced.length === 0)) return best;
  return better(problem, best, whole(best.plan.assignments));
}

/** Share of the time, and of the steps, for a part. */
const partShare = 0.3;
const partSteps = 0.25;
/** Replicas up to which the whole is planned at once: a part would not be quicker. */
const partFrom = 100;
/** Boxes that others may go to when those who have to move find no room, or only dear room. */
const elsewhere = 8;

/** A part is dear when what it places costs this share of the plan more than it would with all room there is. */
const dearShare = 0.05;
/** Others leave their boxes for work that has a place already only when that saves this share of the plan. */
const worthShare = 0.02;

/** What is not staying would cost at the least, each in the best of all places: seconds per hour. */
function cheapest(problem: PlacementProblem, read: CompileOptions, staying: ReadonlySet<string>): number {
  const { slots, site } = compile(problem, { ...read, places: placesFor(problem, staying), stay: staying });
  const nameAt = ({ workload, replica }: Slot): string => `${at(site.workloads, workload).id}/${replica}`;
  return toSeconds(slots.reduce((sum, slot) => sum + (staying.has(nameAt(slot)) ? 0 : (slot.columns[0]?.cost ?? 0)), 0));
}

/** What stands and is not to move, as names of replicas. */
function stayingOf({ current, workloads, fixed }: PlacementProblem, moving: ReadonlySet<string>): ReadonlySet<string> {
  const known = new Map(workloads.map(({ id, replicas }) => [id, replicas]));
  const pinned = new Set(fixed.map(nameOf));
  return new Set(
    current
      .filter((placed) => placed.replica < (known.get(placed.workload) ?? 0) && !moving.has(nameOf(placed)) && !pinned.has(nameOf(placed)))
      .map(nameOf),
  );
}

/** All boxes for what has to move; for the others their own and `more` besides, which differ from workload to workload. */
function placesFor(
  problem: PlacementProblem,
  staying: ReadonlySet<string>,
  more = 0,
  start: readonly PlacedReplica[] = [],
): ReadonlyMap<string, ReadonlySet<string>> {
  const boxes = problem.nodes.map(({ id }) => id);
  const everywhere = new Set(boxes);
  const own = placesOf([problem.current, start]);
  const stride = Math.max(1, Math.floor(boxes.length / Math.max(1, more)));
  return new Map(
    problem.workloads.map(({ id, replicas }, index) => {
      const names = Array.from({ length: replicas }, (_, replica) => `${id}/${replica}`);
      if (!names.every((name) => staying.has(name))) return [id, everywhere];
      const drawn = Array.from({ length: Math.min(more, boxes.length) }, (_, turn) => at(boxes, (index + turn * stride) % boxes.length));
      return [id, new Set([...(own.get(id) ?? []), ...drawn])];
    }),
  );
}

/** Only what moves is planned, around all others as they are, class and all. */
function frozen(
  problem: PlacementProblem,
  moving: ReadonlySet<string>,
  options: SolveOptions,
): { readonly plan: Plan; readonly freed: number } {
  const staying = stayingOf(problem, moving);
  const added = problem.current.filter((placed) => staying.has(nameOf(placed)));
  const fixed = [...problem.fixed, ...added];
  const all = problem.workloads.reduce((sum, { replicas }) => sum + replicas, 0);
  return { plan: solve({ ...problem, fixed }, options), freed: all - fixed.length };
}

/** Critical work with a place first, then cost; of equals the first. */
function better({ workloads }: PlacementProblem, a: Replanned, b: Replanned): Replanned {
  const criticality = new Map(workloads.map((workload) => [workload.id, workload.criticality]));
  const missing = ({ plan }: Replanned): readonly number[] =>
    plan.unplaced.map(({ workload }) => criticality.get(workload) ?? 0).sort((x, y) => y - x);
  const [mine, theirs] = [missing(a), missing(b)];
  for (let index = 0; index < Math.max(mine.length, theirs.length); index += 1) {
    const difference = (mine[index] ?? -1) - (theirs[index] ?? -1);
    if (difference !== 0) return difference < 0 ? a : b;
  }
  return b.plan.objective.total < a.plan.objective.total ? b : a;
}

function nameOf({ workload, replica }: { readonly workload: string; readonly replica: number }): string {
  return `${workload}/${replica}`;
}

/** The time between two shares of all of it, as if it were all there is; half as much again while there is no plan within capacity. */
function within({ interrupted, progress, onBetter, ...options }: SolveOptions, from: number, to: number): SolveOptions {
  if (progress === undefined)
    return { ...options, ...(interrupted === undefined ? {} : { interrupted }), ...(onBetter === undefined ? {} : { onBetter }) };
  let found = false;
  const end = (): number => (found ? to : to + (to - from) / 2);
  return {
    ...options,
    onBetter: (cost) => {
      found = true;
      onBetter?.(cost);
    },
    interrupted: () => interrupted?.() === true || (to < 1 && progress() >= end()),
    progress: () => Math.max(0, progress() - from) / Math.max(1e-9, to - from),
  };
}

/** The terms of a plan of a part, counted over the whole: what stayed costs too. */
function asWhole(problem: PlacementProblem, read: CompileOptions, plan: Plan): Plan {
  const instance = compile(problem, {
    ...read,
    places: placesOf([problem.current, plan.assignments, ...plan.alternatives.map(({ assignments }) => assignments)]),
  });
  const whole = (assignments: readonly PlacedReplica[]): Objective =>
    objectiveOf(problem, load(new Candidate(instance), { assignments: [...assignments] }).terms());
  return {
    ...unproven(plan),
    objective: whole(plan.assignments),
    alternatives: plan.alternatives.map((other) => ({ ...other, objective: whole(other.assignments) })),
  };
}

function unproven({ gapPercent: _, ...plan }: Plan): Plan {
  return { ...plan, bound: 0, provenBy: 'none' };
}
