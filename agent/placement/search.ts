/**
 * Search on prices: capacity is soft and its overload dear; annealed moves over short lists of columns with little reduced cost, then a
 * few boxes at a time are solved anew (PLACEMENT.md 3, steps 2 to 5). Where there is time for more than one such round, the best plans are
 * kept, and later rounds begin with what is bred from them. Typed arrays, nothing allocated while it runs.
 */
import { Annealing } from './anneal.ts';
import { Breed } from './breed.ts';
import { Elite } from './elite.ts';
import type { Flat } from './flat.ts';
import { at } from './model.ts';
import type { PlacementRandom } from './random.ts';
import { Regroup } from './regroup.ts';
import { relieve } from './relieve.ts';
import { type ShortLists, shortLists } from './short-list.ts';
import { SoftPlan } from './soft-plan.ts';
import { willingness } from './willingness.ts';

export interface SearchBudget {
  readonly steps: number;
  /** Cost below which nothing can be found. */
  readonly target: number;
  /** @param steps taken so far. @param rounds that are over. */
  readonly interrupted: (steps: number, rounds: number) => boolean;
  /** Share of the time that is over, 0..1; by steps when absent. */
  readonly progress?: () => number;
  /** Told the cost of each better plan within capacity, micro-seconds per hour. */
  readonly onBetter?: (cost: number) => void;
}

export interface SearchResult {
  /** Column of each slot, as numbered in the instance; -1 without a place. Undefined when slots have nowhere to go at all. */
  readonly placed: Int32Array | undefined;
  /** Whether that is within capacity; else it is where the search was when it gave up. */
  readonly fits: boolean;
  readonly steps: number;
}

/** Looks of the regrouping between looks at the clock. */
const blockLooks = 8192;
/** Share of a round that is annealed, where it is the only one and of several; the rest goes to re-solving a few boxes at a time. */
const annealShareOfOne = 0.85;
const annealShareOfMany = 0.7;
/** What a regrouping may make the plan dearer by, in spreads: so that it does not end where it began. */
const regroupHeat = 0.05;
/** Looks that make one step: about what one evaluation elsewhere in the engine takes. */
const looksPerStep = 8;
/**
 * Moves for each slot that a round takes where there is time for several; later ones take fewer where slots are few: what one settles on is
 * soon found then, and seldom the best. And rounds at the most.
 */
const roundMovesUsual = 6000;
const roundMovesFew = 500;
const roundsMax = 40;
/** Share of the time after which it is known how many moves there will be. */
const countedAfter = 0.02;
/** Moves for each slot from which on a round is eased, and slots up to which the first one is not. */
const easedMoves = 5;
const fewSlots = 70;
/** What the length of rounds may change by from one to the next. */
const longer = 4;
/** What is left of the time at the end of a round, in rounds, that is not worth another one. */
const leftover = 0.5;
/** Tries per slot, or share of the time, after which a problem without a plan within capacity is left to others. */
const hopeMoves = 20_000;
const hopeShare = 0.4;
/** Share of the time after which a search without a plan within capacity is brought there. */
const relieveEvery = 0.1;
/** Share of all looks after which that is put off, to the end of the annealing at the latest. */
const relieveMost = 0.3;
/** Passes over overfull boxes without gain after which a search that is out of time has no plan. */
const patienceLate = 8;
/** What a round is worth to the way it began when its plan is kept, but not the best. */
const keptReward = 0.3;

export function search(flat: Flat, price: Float64Array, random: PlacementRandom, budget: SearchBudget): SearchResult {
  const { slots, first } = flat;
  const nothing = { placed: undefined, fits: false, steps: 0 };
  if (slots === 0) return nothing;
  for (let slot = 0; slot < slots; slot += 1) if (first[slot] === first[slot + 1]) return nothing;
  const lists = shortLists(flat, price);
  const plan = new SoftPlan(flat, price, lists.spread);
  const kept = begin(flat, plan, lists, random);
  const anneal = new Annealing(flat, plan, lists, random);
  let rounds = 0;
  const stepsSoFar = (): number => Math.ceil((anneal.tries + plan.looks) / looksPerStep);
  const outOfBudget = (): boolean => budget.interrupted(stepsSoFar(), rounds) || plan.looks > looksPerStep * budget.steps;
  // As long as there is no plan, there is nothing to be in time with.
  relieve(flat, plan, lists, (stalled) => outOfBudget() && stalled > patienceLate);
  const result = new Int32Array(slots);
  let best = Number.POSITIVE_INFINITY;
  const ofRound = new Int32Array(slots);
  let bestOfRound = Number.POSITIVE_INFINITY;
  const keep = (): void => {
    if (plan.overfull !== 0 || plan.value >= bestOfRound - 0.5) return;
    plan.settle();
    if (plan.overfull !== 0 || plan.value >= bestOfRound - 0.5) return;
    bestOfRound = plan.value;
    ofRound.set(plan.placed);
    if (bestOfRound >= best - 0.5) return;
    best = bestOfRound;
    result.set(plan.placed);
    budget.onBetter?.(best);
  };
  keep();
  const regroup = new Regroup(flat, plan, lists, price);
  const elite = new Elite();
  // Where load has a cost of its own, loads settle without being eased; so do those of few replicas, and plans that stand already.
  const beginning = kept || slots <= fewSlots || flat.steepness.some((steep) => steep > 0) ? 'plain' : 'anew';
  const roundMoves = slots <= fewSlots ? roundMovesFew : roundMovesUsual;
  const breed = new Breed(flat, plan, random, beginning);
  anneal.begin(true, kept);
  let regrouping = false;
  let relieveAt = relieveEvery;
  let relieveLooks = 0;
  let putOff = false;
  const bringWithin = (): void => {
    const before = plan.looks;
    relieve(flat, plan, lists, outOfBudget);
    relieveLooks += plan.looks - before;
    putOff = false;
    keep();
  };
  // A round goes from its point to 1 in a schedule of this length, in shares of the time. Until moves are counted there is only one.
  let counted = false;
  let annealShare = annealShareOfOne;
  let point = 0;
  let roundAt = 0;
  let length = 1;
  let bestBefore = best;
  let roundTries = 0;

  const begun = budget.progress?.() ?? 0;
  const begunSteps = stepsSoFar();
  while (stepsSoFar() < budget.steps && best > budget.target && !budget.interrupted(stepsSoFar(), rounds)) {
    const elapsed = ((budget.progress?.() ?? 0) - begun) / Math.max(1e-9, 1 - begun);
    const over = Math.min(1, Math.max(elapsed, stepsSoFar() / budget.steps));
    const waited = Math.max(elapsed, (stepsSoFar() - begunSteps) / budget.steps);
    if (!counted && waited > countedAfter && anneal.tries > 0 && over < 1 && best < Number.POSITIVE_INFINITY) {
      counted = true;
      const moves = ((anneal.tries / waited) * (1 - over) * annealShareOfMany) / slots;
      const ahead = Math.max(1, Math.min(roundsMax, Math.round(moves / roundMovesUsual)));
      if (beginning === 'anew' ? moves >= easedMoves : ahead > 1) {
        annealShare = annealShareOfMany;
        length = (1 - over) / ahead;
        if (beginning === 'anew') {
          anneal.begin(false);
          roundAt = over;
        }
      }
    }
    const now = point + (over - roundAt) / length;
    if (now >= 1 && 1 - over > leftover * length) {
      rounds += 1;
      const taken = elite.add(ofRound, bestOfRound);
      breed.reward(best < bestBefore ? 1 : taken ? keptReward : 0);
      bestBefore = best;
      bestOfRound = Number.POSITIVE_INFINITY;
      regrouping = false;
      relieveAt = relieveEvery;
      // How fast moves are is known better after each round: at first the machine is slow.
      const moves = Math.max(1, anneal.tries - roundTries);
      length = Math.min(longer * length, Math.max(length / longer, (length * roundMoves * slots * (1 - point)) / moves));
      point = breed.next(elite, keep);
      anneal.begin(breed.way === 'plain');
      roundAt = over;
      length = Math.min(Math.max(length, 1 / roundsMax), (1 - over) / (1 - point));
      roundTries = anneal.tries;
      continue;
    }
    if (now < annealShare || best === Number.POSITIVE_INFINITY) {
      const done = Math.min(1, now / annealShare);
      const within = anneal.block(done, keep);
      if (best === Number.POSITIVE_INFINITY && (done > hopeShare || anneal.tries > hopeMoves * slots)) break;
      if (within === -1) continue;
      if (within === 0 && done >= relieveAt && anneal.plain) {
        relieveAt = done + relieveEvery;
        if (relieveLooks <= relieveMost * plan.looks) bringWithin();
        else putOff = true;
      }
      anneal.press(within, done, best < Number.POSITIVE_INFINITY);
      continue;
    }
    if (!regrouping) {
      if (annealShare === annealShareOfMany || putOff) {
        anneal.end();
        bringWithin();
      }
      plan.restore(bestOfRound < Number.POSITIVE_INFINITY ? ofRound : result);
      keep();
    }
    regrouping = true;
    const until = plan.looks + blockLooks;
    while (plan.looks < until) if (regroup.run(random, regroupHeat * lists.spread * (willingness[random.nextInt(1024)] as number))) keep();
  }
  const steps = stepsSoFar();
  const fits = best < Number.POSITIVE_INFINITY;
  return { placed: (fits ? result : plan.placed).map((column) => (column === -1 ? -1 : at(flat.index, column))), fits, steps };
}

/** Everything where it is now, the rest by regret on reduced cost. @returns whether anything could be kept. */
export function begin(flat: Flat, plan: SoftPlan, lists: ShortLists, random: PlacementRandom): boolean {
  const { slots, keeps } = flat;
  let kept = false;
  for (let slot = 0; slot < slots; slot += 1) {
    const column = at(keeps, slot);
    if (column === -1 || plan.conflicts(slot, column)) continue;
    plan.put(slot, column);
    kept = true;
  }
  for (const slot of random.shuffle(Array.from({ length: slots }, (_, index) => index))) {
    if (at(plan.placed, slot) !== -1) continue;
    let column = at(lists.column, at(lists.first, slot));
    if (plan.conflicts(slot, column)) column = plan.bestColumn(slot, -1, lists);
    for (let other = at(flat.first, slot); column === -1 && other < at(flat.first, slot + 1); other += 1)
      if (!plan.conflicts(slot, other)) column = other;
    if (column !== -1) plan.put(slot, column);
  }
  return kept;
}
