/**
 * Problems in which replicas have to do with each other beyond room: groups with rules, room that is held by moves, load with a price,
 * what is left free in proportion. What stands is made better step by step, each step within all rules; where nothing else costs anything,
 * that is all there is to do.
 */
import type { PlacedReplica, PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { Candidate } from './candidate.ts';
import { placesOf } from './evaluate.ts';
import { type Ground, groundOf, limitsOf } from './ground.ts';
import { HardPlan } from './hard-plan.ts';
import { groupMoveCost, loadPrices } from './merit.ts';
import { at, classes, toSeconds } from './model.ts';
import { compareFinished, finish, planDocument } from './plan-document.ts';
import { PlacementRandom } from './random.ts';
import { type CompileOptions, compile, type Instance } from './slots.ts';
import { takeBack } from './take-back.ts';
import { walk } from './walk.ts';

export interface BondedOptions extends Pick<CompileOptions, 'places' | 'stay' | 'site' | 'start' | 'checkpoint'> {
  readonly interrupted: () => boolean;
  readonly progress: (() => number) | undefined;
  /** Told the cost of each better plan, in seconds per hour. */
  readonly onBetter: ((cost: number) => void) | undefined;
}

/** Moves tried for the work of one evaluation elsewhere in the engine. */
const triesPerStep = 8;
/** Replicas up to which a problem is small enough to be tried completely. */
const provable = 12;
/** Share of the time that is left for making a document of the plan. */
const documentShare = 0.02;

export function isBonded(problem: PlacementProblem): boolean {
  const { priceOf, proportions } = loadPrices(problem);
  return (
    problem.groups?.some(({ apart, leastDomains = 1, near = [] }) => apart === true || leastDomains > 1 || near.length > 0) === true ||
    problem.resources?.some(({ heldWhileMoving }) => heldWhileMoving === true) === true ||
    (problem.weights.balance > 0 && (priceOf.size > 0 || proportions.length > 0)) ||
    (groupMoveCost(problem) > 0 && (problem.groups?.length ?? 0) > 0)
  );
}

/**
 * Makes what stands better, where all of it may stand and no place costs a replica more than another. All boxes are looked at, whatever
 * the size of the site. Undefined where something else has to be done.
 */
export function improveStanding(problem: PlacementProblem, options: BondedOptions): Plan | undefined {
  const { interrupted, progress, onBetter, ...which } = options;
  const start = which.start ?? problem.current;
  const replicas = problem.workloads.reduce((sum, workload) => sum + workload.replicas, 0);
  if (which.places !== undefined || which.stay !== undefined || start.length < replicas - problem.fixed.length) return undefined;
  const read = { ...which, places: placesOf([problem.current, start]) };
  const instance = compile(problem, read);
  if (instance.slots.length <= provable) return undefined;
  const ground = groundOf(instance);
  if (ground?.indifferent !== true) return undefined;
  const plan = new HardPlan(ground);
  instance.slots.forEach(({ columns, startColumn }, slot) => {
    const column = columns[startColumn];
    if (column !== undefined) place(plan, slot, column.node, column.class);
  });
  if (plan.unplaced > 0) return undefined;
  const { steps, seed } = problem.limits;
  let cut = false;
  const tries = walk(plan, new PlacementRandom(seed), {
    tries: steps * triesPerStep,
    interrupted: () => {
      instance.checkpoint();
      cut ||= interrupted();
      return cut || (progress?.() ?? 0) > 1 - documentShare;
    },
    ...(progress === undefined ? {} : { progress: () => progress() / (1 - documentShare) }),
    ...(onBetter === undefined ? {} : { onBetter: (value) => onBetter(toSeconds(Math.round(value))) }),
  });
  const found = assignmentsOf(plan);
  const small = compile(problem, { ...read, site: instance.site, places: placesOf([problem.current, start, found]) });
  const candidate = new Candidate(small);
  small.slots.forEach(({ columns, startColumn }, slot) => {
    if (columns[startColumn] !== undefined) candidate.put(slot, startColumn);
  });
  const pool = [finish(candidate, 'current')];
  const { loads, placed } = columnsFor(small, plan);
  candidate.restore(placed);
  pool.push(finish(candidate, 'search'));
  if (takeBack(candidate, () => cut || interrupted())) pool.push(finish(candidate, 'search'));
  const best = at(pool.sort(compareFinished), 0);
  candidate.restore(best.placed);
  const used = Math.ceil(tries / triesPerStep) + candidate.steps + loads;
  return planDocument(candidate, best, pool, false, floorOf(ground), {
    seed,
    steps: used,
    interrupted: cut,
    madeBy: best.madeBy,
    starts: [{ madeBy: best.madeBy, total: toSeconds(best.cost), unplaced: 0 }],
  });
}

/** Makes the plan of a candidate better among the columns of its instance, if it can. @returns evaluations used. */
export function walkFrom(
  candidate: Candidate,
  random: PlacementRandom,
  { steps, interrupted, progress, onBetter }: Pick<BondedOptions, 'interrupted' | 'progress' | 'onBetter'> & { readonly steps: number },
): number {
  const { instance } = candidate;
  const ground = groundOf(instance, true);
  if (ground === undefined) return 0;
  const plan = new HardPlan(ground);
  instance.slots.forEach((_, slot) => {
    const column = candidate.column(slot);
    if (column !== undefined) place(plan, slot, column.node, column.class);
  });
  const before = { unplaced: candidate.unplaced.slice(), cost: candidate.cost, placed: candidate.placed.slice() };
  const tries = walk(plan, random, {
    tries: steps * triesPerStep,
    interrupted,
    ...(progress === undefined ? {} : { progress }),
    ...(onBetter === undefined ? {} : { onBetter: (value) => onBetter(toSeconds(Math.round(value))) }),
  });
  candidate.restore(columnsFor(instance, plan).placed);
  if (candidate.compare(before.unplaced, before.cost) > 0) candidate.restore(before.placed);
  return Math.ceil(tries / triesPerStep);
}

function place(plan: HardPlan, slot: number, node: number, workClass: (typeof classes)[number]): void {
  const variant = plan.variantAt(slot, node, classes.indexOf(workClass));
  if (variant !== -1) plan.insert(slot, node, variant);
}

function assignmentsOf(plan: HardPlan): readonly PlacedReplica[] {
  const { instance, variants } = plan.ground;
  const { site, slots } = instance;
  return slots.flatMap(({ workload, replica }, slot) => {
    const node = at(plan.node, slot);
    if (node === -1) return [];
    const { class: workClass } = at(variants, at(plan.variant, slot));
    return [{ workload: at(site.workloads, workload).id, replica, node: at(site.nodes, node).id, class: workClass }];
  });
}

/** The columns of an instance in which a plan has its slots. */
function columnsFor({ slots }: Instance, plan: HardPlan): { readonly placed: Int32Array; readonly loads: number } {
  const { variants } = plan.ground;
  let loads = 0;
  const placed = Int32Array.from(slots, ({ columns }, slot) => {
    const node = at(plan.node, slot);
    if (node === -1) return -1;
    loads += 1;
    const { class: workClass } = at(variants, at(plan.variant, slot));
    return columns.findIndex((column) => column.node === node && column.class === workClass);
  });
  return { placed, loads };
}

/**
 * No plan that places everything costs less, micro-seconds per hour: each replica in its cheapest place, and of each resource with a price
 * what all need beyond the comfort of all boxes together.
 */
export function floorOf(ground: Ground): number {
  const { active, first, variants, slots, nodes } = ground;
  const width = active.length;
  const { fixedLoad, easy, price } = limitsOf(ground);
  let sum = 0;
  for (let slot = 0; slot < slots; slot += 1) {
    let least = Number.POSITIVE_INFINITY;
    for (let index = at(first, slot); index < at(first, slot + 1); index += 1) {
      least = Math.min(least, at(variants, index).least);
    }
    if (least < Number.POSITIVE_INFINITY) sum += least;
  }
  active.forEach((resource, r) => {
    let need = 0;
    for (let slot = 0; slot < slots; slot += 1) {
      let least = Number.POSITIVE_INFINITY;
      for (let index = at(first, slot); index < at(first, slot + 1); index += 1)
        least = Math.min(least, at(at(variants, index).demand, resource));
      if (least < Number.POSITIVE_INFINITY) need += least;
    }
    let room = 0;
    let cheapest = Number.POSITIVE_INFINITY;
    for (let node = 0; node < nodes; node += 1) {
      const index = node * width + r;
      room += at(easy, index);
      need += at(fixedLoad, index);
      cheapest = Math.min(cheapest, at(price, index));
    }
    if (need > room && cheapest > 0) sum += (need - room) * cheapest * (1 - 1e-12);
  });
  // Costs are rounded for each box.
  return Math.max(0, Math.floor(sum - nodes));
}
