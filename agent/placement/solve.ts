/**
 * The engine: several seeded candidates, each built and improved; small problems are tried completely. The same problem (with its
 * seed and steps) always gives the same plan, unless it is interrupted.
 */
import type { PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { Candidate } from './candidate.ts';
import { keepCurrent, placeByDiffusion, placeByRegret, placingOrder } from './construct.ts';
import { enumerate, enumerationSlotsMax, relaxation } from './enumerate.ts';
import { type Budget, improve } from './improve.ts';
import { at, toSeconds } from './model.ts';
import { compareFinished, type Finished, finish, type MadeBy, planDocument } from './plan-document.ts';
import { PlacementRandom } from './random.ts';
import { compile, type Instance } from './slots.ts';

export interface SolveOptions {
  /** Asked often: true ends the search, and the best plan so far is returned. */
  readonly interrupted?: () => boolean;
  /** Told after each candidate how far the search is. */
  readonly onProgress?: (progress: SolveProgress) => void;
}

/** How far a search is. */
export interface SolveProgress {
  /** Cost of the best plan so far, in seconds per hour. */
  readonly incumbent: number;
  /** Replicas the best plan so far has no place for. */
  readonly unplaced: number;
  /** No plan that places everything costs less, in seconds per hour. */
  readonly bound: number;
  /** Evaluations so far. */
  readonly steps: number;
}

/** Plans a problem. What has no place is in `unplaced`, with reasons. @throws {PlacementError} when the problem contradicts itself. */
export function solve(problem: PlacementProblem, { interrupted = () => false, onProgress }: SolveOptions = {}): Plan {
  const instance = compile(problem);
  const { seed, steps, starts } = problem.limits;
  const small = instance.slots.length <= enumerationSlotsMax;
  const share = Math.max(1, Math.floor(steps / (starts + (small ? 2 : 0))));
  const pool: Finished[] = [];
  const trace: Plan['trace']['starts'] = [];
  let used = 0;
  let cut = false;
  const budget: Budget = {
    steps: share,
    target: relaxation(instance),
    interrupted: () => {
      cut ||= interrupted();
      return cut;
    },
  };
  for (const [start, madeBy] of builders(problem, starts).entries()) {
    if (start > 0 && budget.interrupted()) break;
    const random = new PlacementRandom(seed + start * 0x9e3779b1);
    const candidate = new Candidate(instance);
    build(candidate, madeBy, random);
    pool.push(finish(candidate, madeBy));
    improve(candidate, random, budget);
    pool.push(finish(candidate, madeBy));
    trace.push({ madeBy, total: toSeconds(candidate.cost), unplaced: sum(candidate.unplaced) });
    used += candidate.steps;
    const { cost, unplaced } = at(pool.sort(compareFinished), 0);
    onProgress?.({ incumbent: toSeconds(cost), unplaced: sum(unplaced), bound: toSeconds(budget.target), steps: used });
  }
  const candidate = new Candidate(instance);
  candidate.restore(at(pool.sort(compareFinished), 0).placed);
  const optimal = small && enumerate(candidate, { ...budget, steps: 2 * share });
  used += candidate.steps;
  if (small) pool.push(finish(candidate, 'enumeration'));
  const best = at(pool.sort(compareFinished), 0);
  pool.push(...neighbours(candidate, best));
  candidate.restore(best.placed);
  return planDocument(candidate, best, distinct(pool.sort(compareFinished)), optimal, {
    seed,
    steps: used,
    interrupted: cut,
    madeBy: best.madeBy,
    starts: trace,
  });
}

function builders({ current }: PlacementProblem, starts: number): readonly MadeBy[] {
  const fixed: readonly MadeBy[] = current.length > 0 ? ['current', 'regret'] : ['regret'];
  return Array.from({ length: starts }, (_, start) => fixed[start] ?? 'diffusion');
}

function build(candidate: Candidate, madeBy: MadeBy, random: PlacementRandom): void {
  if (madeBy === 'current') keepCurrent(candidate);
  if (madeBy === 'diffusion') placeByDiffusion(candidate, random);
  else placeByRegret(candidate, placingOrder(candidate));
}

/** The two cheapest plans that differ from the best one in a single replica: alternatives exist even when all starts agree. */
function neighbours(candidate: Candidate, best: Finished): readonly Finished[] {
  candidate.restore(best.placed);
  const { slots }: Instance = candidate.instance;
  const found: { readonly slot: number; readonly column: number; readonly cost: number }[] = [];
  slots.forEach(({ columns }, slot) => {
    const now = at(best.placed, slot);
    if (now === -1) return;
    candidate.take(slot);
    columns.forEach((column, index) => {
      if (index === now || !candidate.fits(slot, column)) return;
      candidate.put(slot, index);
      found.push({ slot, column: index, cost: candidate.cost });
      candidate.take(slot);
    });
    candidate.put(slot, now);
    found.sort((a, b) => a.cost - b.cost || a.slot - b.slot || a.column - b.column).splice(2);
  });
  return found.map(({ slot, column }) => {
    candidate.restore(best.placed);
    candidate.take(slot);
    candidate.put(slot, column);
    return finish(candidate, 'neighbour');
  });
}

function distinct(pool: readonly Finished[]): readonly Finished[] {
  const seen = new Set<string>();
  return pool.filter(({ hash }) => !seen.has(hash) && seen.add(hash));
}

function sum(unplaced: Int32Array): number {
  return unplaced.reduce((all, slots) => all + slots, 0);
}
