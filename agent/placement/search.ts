/**
 * Search on prices: capacity is soft and its overload dear; annealed shifts and swaps over short lists of columns with little reduced
 * cost (PLACEMENT.md 3, steps 2 to 4). What a move changes is weighed before it is made: of a thousand moves one is made. Typed arrays,
 * nothing allocated while it runs.
 */
import type { Flat } from './flat.ts';
import { at } from './model.ts';
import { Moves } from './moves.ts';
import type { PlacementRandom } from './random.ts';
import { Regroup } from './regroup.ts';
import { relieve } from './relieve.ts';
import { type ShortLists, shortLists } from './short-list.ts';
import { SoftPlan } from './soft-plan.ts';

export interface SearchBudget {
  readonly steps: number;
  /** Cost below which nothing can be found. */
  readonly target: number;
  readonly interrupted: () => boolean;
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

/** Moves, and looks of the regrouping, between looks at the clock. */
const blockMoves = 1024;
const blockLooks = 8192;
/** Share of the time that is annealed; the rest goes to re-solving a few boxes at a time. */
const annealShare = 0.85;
/** What a regrouping may make the plan dearer by, in spreads: so that it does not end where it began. */
const regroupHeat = 0.05;
/** Moves between looks at the pressure: at the least, and for each slot. */
const pressMoves = 1024;
const pressMovesPerSlot = 3;
/** Looks that make one step: about what one evaluation elsewhere in the engine takes. */
const looksPerStep = 8;
/** Share of the time after which a search that is never within capacity by itself is brought there: large problems seldom are. */
const relieveEvery = 0.1;
/** Beyond so many slots the search begins colder: it has fewer moves for each, and heat would only undo what the prices say. */
const hotSlots = 250;
/** Halvings of the temperature from start to end. */
const halvings = 5;
/**
 * Share of moves that are made: at the start, and halvings of it to the end. Where more are made the search only wanders, and it is made
 * colder: no scale of costs says what is hot, as what a move costs says nothing of what room is worth.
 */
const takenFirst = 0.02;
const takenHalvings = 6;
/** What one block of moves weighs in the share, and what it changes the temperature by. */
const takenMemory = 1 / 16;
const cooler = 0.97;
/** Tries per slot, or share of the time, after which a problem without a plan within capacity is left to others. */
const hopeMoves = 20_000;
const hopeShare = 0.4;

/** Negative logarithms of evenly spaced probabilities, by a series of exact operations: the same bits on every machine. */
const willingness = Float64Array.from({ length: 1024 }, (_, index) => negativeLog((index + 0.5) / 1024));

function negativeLog(share: number): number {
  let value = share;
  let doubled = 0;
  while (value < 0.75) {
    value *= 2;
    doubled += 1;
  }
  const ratio = (value - 1) / (value + 1);
  let sum = 0;
  let power = ratio;
  for (let odd = 1; odd < 40; odd += 2) {
    sum += power / odd;
    power *= ratio * ratio;
  }
  return doubled * Math.LN2 - 2 * sum;
}

export function search(flat: Flat, price: Float64Array, random: PlacementRandom, budget: SearchBudget): SearchResult {
  const { slots, first } = flat;
  const nothing = { placed: undefined, fits: false, steps: 0 };
  if (slots === 0) return nothing;
  for (let slot = 0; slot < slots; slot += 1) if (first[slot] === first[slot + 1]) return nothing;
  const lists = shortLists(flat, price);
  const plan = new SoftPlan(flat, price, lists.spread);
  const kept = begin(flat, plan, lists, random);
  const outOfBudget = (): boolean => budget.interrupted() || plan.looks > looksPerStep * budget.steps;
  relieve(flat, plan, lists, outOfBudget);
  const result = new Int32Array(slots);
  let best = Number.POSITIVE_INFINITY;
  const keep = (): void => {
    if (plan.overfull !== 0 || plan.value >= best - 0.5) return;
    plan.settle();
    if (plan.overfull !== 0 || plan.value >= best - 0.5) return;
    best = plan.value;
    result.set(plan.placed);
    budget.onBetter?.(best);
  };
  keep();
  const hottest = (kept ? 0.05 : 0.5 * Math.min(1, hotSlots / slots)) * lists.spread;
  let temperature = hottest;
  const moves = new Moves(flat, plan, lists, random);
  const regroup = new Regroup(flat, plan, lists, price);
  let regrouping = false;
  let taken = takenFirst;
  let tries = 0;
  let within = 0;
  let pressedAt = 0;
  let relieveAt = relieveEvery;
  const pressEvery = Math.max(pressMoves, pressMovesPerSlot * slots);

  const begun = budget.progress?.() ?? 0;
  const stepsSoFar = (): number => Math.ceil((tries + plan.looks) / looksPerStep);
  while (stepsSoFar() < budget.steps && best > budget.target && !budget.interrupted()) {
    const elapsed = ((budget.progress?.() ?? 0) - begun) / Math.max(1e-9, 1 - begun);
    const over = Math.min(1, Math.max(elapsed, stepsSoFar() / budget.steps));
    if (over >= annealShare && best < Number.POSITIVE_INFINITY) {
      if (!regrouping) plan.restore(result);
      regrouping = true;
      const until = plan.looks + blockLooks;
      while (plan.looks < until)
        if (regroup.run(random, regroupHeat * lists.spread * (willingness[random.nextInt(1024)] as number))) keep();
      continue;
    }
    const done = Math.min(1, over / annealShare);
    const wanders = taken > halved(takenFirst, takenHalvings * done);
    temperature = Math.min(halved(hottest, halvings * done), wanders ? temperature * cooler : temperature / cooler);
    let made = 0;
    for (let turn = 0; turn < blockMoves; turn += 1) {
      if (moves.try(temperature * (willingness[random.nextInt(1024)] as number))) {
        made += 1;
        keep();
      }
      if (plan.overfull === 0) within += 1;
    }
    taken += (made / blockMoves - taken) * takenMemory;
    tries += blockMoves;
    if (best === Number.POSITIVE_INFINITY && (done > hopeShare || tries > hopeMoves * slots)) break;
    if (tries - pressedAt < pressEvery) continue;
    // Between two and ten thousandths of the time within capacity: near the border, where good plans are.
    const share = within / (tries - pressedAt);
    pressedAt = tries;
    if (share === 0 && done >= relieveAt) {
      relieveAt = done + relieveEvery;
      relieve(flat, plan, lists, outOfBudget);
      keep();
    }
    plan.press(best === Number.POSITIVE_INFINITY ? 1.2 : share < 0.002 ? 1.1 : share > 0.01 ? 1 / 1.1 : 1);
    within = 0;
  }
  const steps = stepsSoFar();
  const fits = best < Number.POSITIVE_INFINITY;
  return { placed: (fits ? result : plan.placed).map((column) => (column === -1 ? -1 : at(flat.index, column))), fits, steps };
}

/** A value halved so many times, straight between whole times: exact operations only. */
function halved(value: number, times: number): number {
  const whole = Math.floor(times);
  return (value / 2 ** whole) * (1 - (times - whole) / 2);
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
