/**
 * Search on prices: capacity is soft and its overload dear; annealed ejection chains over short lists of columns with little reduced
 * cost (PLACEMENT.md 3, steps 2 to 4). Typed arrays, a journal for undoing, nothing allocated while it runs.
 */
import type { Flat } from './flat.ts';
import { at } from './model.ts';
import type { PlacementRandom } from './random.ts';
import { shortLists } from './short-list.ts';
import { SoftPlan } from './soft-plan.ts';

export interface SearchBudget {
  readonly steps: number;
  /** Cost below which nothing can be found. */
  readonly target: number;
  readonly interrupted: () => boolean;
  /** Share of the time that is over, 0..1; by steps when absent. */
  readonly progress?: () => number;
}

export interface SearchResult {
  /** Column of each slot, as numbered in the instance; -1 without a place. Undefined when no plan within capacity was found. */
  readonly placed: Int32Array | undefined;
  readonly steps: number;
}

const depthMax = 5;
/** Replicas of an overfull box among which the one to leave is chosen. */
const leaversMax = 3;
/** Moves between looks at the clock and at the pressure. */
const blockMoves = 64;
/** Halvings of the temperature from start to end. */
const halvings = 8;
/** Tries per slot after which an infeasible problem is left to others. */
const hopeMoves = 3000;

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
  if (slots === 0) return { placed: undefined, steps: 0 };
  for (let slot = 0; slot < slots; slot += 1) if (first[slot] === first[slot + 1]) return { placed: undefined, steps: 0 };
  const lists = shortLists(flat, price);
  const plan = new SoftPlan(flat, price, lists.spread);
  const kept = plan.start(lists, random);
  const result = new Int32Array(slots);
  let best = Number.POSITIVE_INFINITY;
  const keep = (): void => {
    if (plan.overfull !== 0 || plan.value >= best - 0.5) return;
    plan.settle();
    if (plan.overfull !== 0 || plan.value >= best - 0.5) return;
    best = plan.value;
    result.set(plan.placed);
  };
  keep();
  const journalSlot = new Int32Array(depthMax);
  const journalColumn = new Int32Array(depthMax);
  const hottest = (kept ? 0.05 : 0.5) * lists.spread;
  let temperature = hottest;
  let moves = 0;
  let within = 0;

  const chain = (): boolean => {
    const limit = temperature * (willingness[random.nextInt(1024)] as number);
    let slot = random.nextInt(slots);
    let total = 0;
    let depth = 0;
    while (depth < depthMax) {
      const from = plan.placed[slot] as number;
      total += plan.take(slot);
      const to = depth === 0 ? lists.draw(slot, random) : plan.bestColumn(slot, from, lists);
      if (to === -1 || to === from || plan.conflicts(slot, to)) {
        plan.put(slot, from);
        break;
      }
      total += plan.put(slot, to);
      journalSlot[depth] = slot;
      journalColumn[depth] = from;
      depth += 1;
      if (total <= limit || from === -1) return true;
      const box = flat.node[to] as number;
      if (!plan.isOverfull(box)) break;
      slot = plan.leaver(box, slot, lists, random, leaversMax);
      if (slot === -1) break;
    }
    while (depth > 0) {
      depth -= 1;
      const undone = journalSlot[depth] as number;
      plan.take(undone);
      plan.put(undone, journalColumn[depth] as number);
    }
    return false;
  };

  while (moves + plan.looks / 8 < budget.steps && best > budget.target && !budget.interrupted()) {
    const done = Math.min(1, Math.max(budget.progress?.() ?? 0, (moves + plan.looks / 8) / budget.steps));
    const whole = Math.floor(done * halvings);
    temperature = (hottest / 2 ** whole) * (1 - (done * halvings - whole) / 2);
    for (let turn = 0; turn < blockMoves; turn += 1) {
      if (chain()) keep();
      if (plan.overfull === 0) within += 1;
    }
    moves += blockMoves;
    if (best === Number.POSITIVE_INFINITY && moves > hopeMoves * slots) break;
    if (moves % (blockMoves * 4) !== 0) continue;
    // Between one and five hundredths of the time within capacity: near the border, where good plans are.
    const share = within / (blockMoves * 4);
    plan.press(best === Number.POSITIVE_INFINITY ? 1.5 : share < 0.01 ? 1.1 : share > 0.05 ? 1 / 1.1 : 1);
    within = 0;
  }
  const steps = Math.ceil(moves + plan.looks / 8);
  return best === Number.POSITIVE_INFINITY
    ? { placed: undefined, steps }
    : { placed: result.map((column) => at(flat.index, column)), steps };
}
