/**
 * The engine: several seeded candidates, each built and improved; small problems are tried completely. The same problem (with its
 * seed and steps) always gives the same plan, unless it is interrupted.
 */
import type { PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { improveStanding, isBonded, walkFrom } from './bonded.ts';
import { Candidate } from './candidate.ts';
import { keepCurrent, placeByDiffusion, placeByRaster, placeByRegret, placeEvenly, placingOrder } from './construct.ts';
import { enumerate, enumerationSlotsMax, isProvable, type Priced, relaxation } from './enumerate.ts';
import { type Flat, flatten } from './flat.ts';
import { grainOf } from './grain.ts';
import { type Budget, improve } from './improve.ts';
import { at, toSeconds } from './model.ts';
import { Outlook } from './outlook.ts';
import { compareFinished, type Finished, finish, type MadeBy, planDocument } from './plan-document.ts';
import { findPrices } from './prices.ts';
import { PlacementRandom } from './random.ts';
import { search } from './search.ts';
import type { Sieve } from './sieve.ts';
import { type CompileOptions, compile, type Instance } from './slots.ts';
import { takeBack } from './take-back.ts';
import { boundOfAll, hasOmitted, withoutOmitted } from './whole.ts';

export interface SolveOptions extends Pick<CompileOptions, 'places' | 'stay' | 'site' | 'start' | 'checkpoint'> {
  /** Asked often: true ends the search, and the best plan so far is returned. Making that plan takes its time still. */
  readonly interrupted?: () => boolean;
  /** Share of the time allowed that is over, 0 to 1: the search cools down by it. By steps when absent; plans then repeat exactly. */
  readonly progress?: () => number;
  /** Told with each better plan, and after each candidate, how far the search is. */
  readonly onProgress?: (progress: SolveProgress) => void;
  /** Told the cost of each better plan while it is searched for, in seconds per hour: often, and before it is a document. */
  readonly onBetter?: (cost: number) => void;
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
export function solve(
  problem: PlacementProblem,
  { interrupted = () => false, progress, onProgress, onBetter, ...which }: SolveOptions = {},
): Plan {
  const bonded = isBonded(problem);
  let bound = 0;
  let used = 0;
  const better = (cost: number): void => {
    onBetter?.(cost);
    onProgress?.({ incumbent: cost, unplaced: 0, bound: toSeconds(bound), steps: used });
  };
  if (bonded) {
    const standing = improveStanding(problem, { interrupted, progress, onBetter: better, ...which });
    if (standing !== undefined) return standing;
  }
  const hurry = progress === undefined ? {} : { hurry: () => progress() > listShare };
  const instance = compile(problem, { columnsMax, ...hurry, ...which });
  const { seed, steps, starts } = problem.limits;
  const small = instance.slots.length <= enumerationSlotsMax;
  const flat = small ? undefined : flatten(instance);
  let share = Math.max(1, Math.floor(steps / (small ? starts + 2 : (bonded ? 4 : 2) * starts)));
  if (small) share = Math.min(share, smallShare);
  // Where replicas have to do with each other, a part of the time is left for a search that knows of that.
  let until = bonded && !small ? walkAfter : 1;
  const pool: Finished[] = [];
  const trace: Plan['trace']['starts'] = [];
  let cut = false;
  if (!instance.sampled) bound = relaxation(instance);
  const budget: Budget = {
    get steps() {
      return share;
    },
    get target() {
      return bound;
    },
    interrupted: () => {
      instance.checkpoint();
      cut ||= interrupted();
      return cut || (until < 1 && (progress?.() ?? 0) > until);
    },
  };
  let priced: Priced | undefined;
  let sieve: Sieve | undefined;
  let deepened = false;
  // The bound is made higher once, when a proof is to be looked for and there is work enough left.
  const sift = (within: Priced, cost: number, stepsEach: number): Flat => {
    if (sieve === undefined) return within.flat;
    const limit = (): ((nodes: number) => boolean) => {
      const until = (progress?.() ?? 0) + deepenShare;
      return (nodes) => budget.interrupted() || (progress === undefined ? nodes > nodesPerStep * stepsEach : progress() > until);
    };
    if (!deepened && stepsEach > deepenLeast * within.flat.nodes) {
      deepened = true;
      used += Math.ceil(sieve.deepen(limit()) / nodesPerStep);
      bound = Math.max(bound, within.grain.above(sieve.bound));
    }
    return sieve.leave(cost, limit());
  };
  const onPrices = (within: Flat): void => {
    const allowed = Math.floor(steps / 2);
    // What a look takes of the time: known after the first of these searches, and roughly then.
    let pace = 0;
    const dear = (share: number): ((looked: number) => boolean) => {
      const begun = progress?.() ?? 0;
      const time = share * (1 - begun);
      return (looked) =>
        budget.interrupted() ||
        looked / columnsPerStep > (allowed / 4) * (share / pricesShare) ||
        looked * pace > roughly * time ||
        (progress?.() ?? 0) > begun + time;
    };
    const dearPrices = dear(pricesShare);
    const some = hasOmitted(within);
    const began = progress?.() ?? 0;
    const prices = findPrices(
      some ? withoutOmitted(within) : within,
      (looked) => dearPrices(looked) && (progress === undefined || looked > roundsLeast * within.cost.length),
    );
    pace = ((progress?.() ?? 0) - began) / Math.max(1, prices.steps);
    const grain = grainOf(within);
    const here: Priced = { flat: within, price: prices.price, grain };
    priced = here;
    used += Math.ceil(prices.steps / columnsPerStep);
    if (!some && !instance.sampled) bound = Math.max(bound, grain.above(prices.bound));
    if (!instance.sampled) {
      const proven = boundOfAll(within, prices.price, (part) => dear(boundShares[part]));
      bound = Math.max(bound, grain.above(proven.bound));
      used += Math.ceil(proven.steps / columnsPerStep);
      if (instance.slots.length <= siftSlotsMax) sieve = proven.sieve;
    }
    const random = new PlacementRandom(seed ^ 0x5bd1e995);
    // With a time given, nothing would be left for a proof.
    const outlook =
      progress !== undefined && isProvable(instance)
        ? new Outlook(here, prices.bound, (cost, pace) => sift(here, cost, deepenShare * pace), progress())
        : undefined;
    const found = search(within, prices.price, random, {
      steps: Math.max(1, allowed - used),
      target: bound,
      // What draws partners to each other it does not see: the other half of the time goes to making its plan better with that.
      interrupted: (steps, rounds) =>
        budget.interrupted() ||
        (within.tied && (progress?.() ?? 0) > until / 2) ||
        outlook?.isNear(progress?.() ?? 0, steps, rounds) === true,
      onBetter: (cost: number) => {
        outlook?.better(cost);
        better(toSeconds(cost));
      },
      ...(progress === undefined ? {} : { progress: within.tied ? () => 2 * progress() : progress }),
    });
    used += found.steps;
    if (found.placed === undefined) return;
    const candidate = new Candidate(instance);
    placeChecked(candidate, found.placed);
    if (!found.fits || bonded) placeByRegret(candidate, placingOrder(candidate));
    pool.push(finish(candidate, 'search'));
    if (within.tied || !found.fits) {
      improve(candidate, random, budget);
      used += candidate.steps;
      pool.push(finish(candidate, 'search'));
    }
    onProgress?.({ incumbent: toSeconds(candidate.cost), unplaced: sum(candidate.unplaced), bound: toSeconds(bound), steps: used });
    trace.push({
      madeBy: 'search',
      total: toSeconds(candidate.cost),
      unplaced: sum(candidate.unplaced),
    });
  };
  let optimal = false;
  const prove = (allowed: number): void => {
    const candidate = new Candidate(instance);
    const known = at(pool.sort(compareFinished), 0);
    candidate.restore(known.placed);
    if (priced !== undefined && sieve !== undefined && sum(known.unplaced) === 0) {
      const left = sift(priced, known.cost - priced.grain.size + 1, allowed / 4);
      optimal = known.cost <= bound;
      if (optimal) return;
      const { price, steps: looked } = findPrices(left, budget.interrupted);
      priced = { ...priced, flat: left, price };
      used += Math.ceil(looked / columnsPerStep);
    }
    optimal = enumerate(candidate, { target: bound, steps: allowed, interrupted: budget.interrupted }, priced);
    used += candidate.steps;
    pool.push(finish(candidate, 'enumeration'));
  };
  if (flat !== undefined) onPrices(flat);
  // A quarter of the steps for a proof, where there may be one: it often finds what the other half of the starts would not.
  if (flat !== undefined && isProvable(instance) && pool.some(({ unplaced }) => sum(unplaced) === 0)) {
    prove(Math.floor(steps / 4));
    share = Math.max(1, Math.floor(share / 2));
  }
  for (const [start, madeBy] of builders(problem, starts).entries()) {
    if (optimal || (pool.length > 0 && (budget.interrupted() || at(pool, 0).cost <= bound))) break;
    const random = new PlacementRandom(seed + start * 0x9e3779b1);
    const candidate = new Candidate(instance);
    build(candidate, madeBy, random, start);
    pool.push(finish(candidate, madeBy));
    improve(candidate, random, budget);
    pool.push(finish(candidate, madeBy));
    trace.push({ madeBy, total: toSeconds(candidate.cost), unplaced: sum(candidate.unplaced) });
    used += candidate.steps;
    const { cost, unplaced } = at(pool.sort(compareFinished), 0);
    onProgress?.({ incumbent: toSeconds(cost), unplaced: sum(unplaced), bound: toSeconds(budget.target), steps: used });
  }
  if (small) prove(Math.max(2 * share, steps - used));
  const candidate = new Candidate(instance);
  candidate.restore(at(pool.sort(compareFinished), 0).placed);
  if (until < 1) {
    until = 1;
    const walked = walkFrom(candidate, new PlacementRandom(seed ^ 0x2545f491), {
      steps: Math.floor(steps / 4),
      interrupted: budget.interrupted,
      progress,
      onBetter: better,
    });
    used += walked;
    pool.push(finish(candidate, 'search'));
    candidate.restore(at(pool.sort(compareFinished), 0).placed);
  }
  if (!optimal && takeBack(candidate, budget.interrupted)) pool.push(finish(candidate, at(pool, 0).madeBy));
  const best = at(pool.sort(compareFinished), 0);
  if (instance.slots.length <= neighbourSlotsMax) pool.push(...neighbours(candidate, best));
  candidate.restore(best.placed);
  return planDocument(candidate, best, distinct(pool.sort(compareFinished)), optimal, bound, {
    seed,
    steps: used,
    interrupted: cut,
    madeBy: best.madeBy,
    starts: trace,
  });
}

/** Evaluations of one start of a small problem: the proof finds what they miss. */
const smallShare = 50_000;
/** Share of the time after which, where replicas have to do with each other, plans that keep all rules are searched. */
const walkAfter = 0.5;
/** Columns a plan is made from: more take longer to list and to price than what they add to the plan is worth. */
const columnsMax = 300_000;
/** Share of the time after which not all columns are listed any more: a plan made from some is worth more than a list of all. */
const listShare = 0.2;
/** Share of the time left after which prices are good enough: a plan is worth more than a bound. */
const pricesShare = 0.3;
/** Rounds of prices that are worth their time in any case: with fewer there may be no way to a plan within capacity. */
const roundsLeast = 20;
/** The same for the bound: where it is proven on more columns than prices are found on, or counts copies of data; and with whole replicas. */
const boundShares = { prices: 0.07, boxes: 0.07 };
/** Share of the time that goes to a higher bound before a proof, at the most. */
const deepenShare = 0.2;
/** Evaluations for each box that it takes to be of any use; and nodes of its trees for the work of one. */
const deepenLeast = 2000;
const nodesPerStep = 8;
/** Replicas up to which columns are looked at one by one before a proof: for more that takes too long. */
const siftSlotsMax = 48;
/** What a share of the time may be overdrawn by in a guess of what is ahead. */
const roughly = 4;
/** Columns the prices look at for the work of one evaluation. */
const columnsPerStep = 16;
/** Above, single changes to the plan are too many to be tried for the sake of alternatives. */
const neighbourSlotsMax = 400;

/** Most critical first, each only where it fits with the others. */
function placeChecked(candidate: Candidate, placed: Int32Array): void {
  for (const slot of placingOrder(candidate)) {
    const column = at(candidate.instance.slots, slot).columns[at(placed, slot)];
    if (column !== undefined && candidate.fits(slot, column)) candidate.put(slot, at(placed, slot));
  }
}

/** Ways to begin that differ each time, in turns. */
const drawn: readonly MadeBy[] = ['diffusion', 'random', 'raster'];

function builders({ current }: PlacementProblem, starts: number): readonly MadeBy[] {
  const fixed: readonly MadeBy[] = current.length > 0 ? ['current', 'regret'] : ['regret'];
  return Array.from({ length: starts }, (_, start) => fixed[start] ?? at(drawn, (start - fixed.length) % drawn.length));
}

function build(candidate: Candidate, madeBy: MadeBy, random: PlacementRandom, start: number): void {
  if (madeBy === 'current') keepCurrent(candidate);
  if (madeBy === 'diffusion') placeByDiffusion(candidate, random);
  else if (madeBy === 'random') placeEvenly(candidate, random);
  else if (madeBy === 'raster') placeByRaster(candidate, start);
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
