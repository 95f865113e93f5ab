/**
 * Search among plans that keep every rule: one replica goes elsewhere, or two change places, and what costs too much for the temperature
 * is not done. For problems where what replicas have to do with each other counts, not where each is cheapest: prices and short lists
 * know nothing of that.
 */
import type { HardPlan } from './hard-plan.ts';
import type { PlacementRandom } from './random.ts';
import { halved, willingness } from './willingness.ts';

export interface WalkBudget {
  /** Moves tried at the most. */
  readonly tries: number;
  readonly interrupted: () => boolean;
  /** Share of the time that is over, 0..1; by tries when absent. */
  readonly progress?: () => number;
  /** Told the value of each better plan with everything placed, micro-seconds per hour. */
  readonly onBetter?: (value: number) => void;
}

/** Moves between looks at the clock. */
const blockMoves = 512;
/** Blocks after which sums are made afresh. */
const settleBlocks = 512;
/** Share of moves that are exchanges. */
const swapShare = 0.5;
/** Moves by which it is seen what moves cost. */
const probes = 4096;
/** Temperature at the beginning, in what moves that cost something cost on average, and halvings of it to the end. */
const hottest = 0.02;
const halvings = 14;

/** Leaves the best plan it found in `plan`. @returns moves tried. */
export function walk(plan: HardPlan, random: PlacementRandom, budget: WalkBudget): number {
  const { slots, nodes } = plan.ground;
  if (slots === 0 || nodes === 0) return 0;
  const bestNode = plan.node.slice();
  const bestVariant = plan.variant.slice();
  let best = { unplaced: plan.unplaced, value: plan.value };
  const keep = (): void => {
    if (plan.unplaced > best.unplaced || (plan.unplaced === best.unplaced && plan.value >= best.value - 0.5)) return;
    best = { unplaced: plan.unplaced, value: plan.value };
    bestNode.set(plan.node);
    bestVariant.set(plan.variant);
    if (plan.unplaced === 0) budget.onBetter?.(plan.value);
  };
  let tries = 0;
  const begun = budget.progress?.() ?? 0;
  const over = (): number => {
    const elapsed = ((budget.progress?.() ?? 0) - begun) / Math.max(1e-9, 1 - begun);
    return Math.min(1, Math.max(elapsed, tries / budget.tries));
  };
  const scale = plan.scale(random, probes);
  for (let block = 0; tries < budget.tries && !budget.interrupted(); block += 1) {
    const point = over();
    if (point >= 1) break;
    const heat = scale * halved(hottest, halvings * point);
    for (let turn = 0; turn < blockMoves; turn += 1) step(plan, random, heat * (willingness[random.nextInt(1024)] as number));
    tries += blockMoves;
    if (block % settleBlocks === 0) plan.settle();
    keep();
  }
  plan.restore(bestNode, bestVariant);
  return tries;
}

function step(plan: HardPlan, random: PlacementRandom, limit: number): void {
  const { slots, nodes, first } = plan.ground;
  const slot = random.nextInt(slots);
  if (plan.node[slot] !== -1 && random.next() < swapShare) {
    const other = random.nextInt(slots);
    if (plan.node[other] !== -1) plan.swap(slot, other, limit);
    return;
  }
  const start = first[slot] as number;
  const count = (first[slot + 1] as number) - start;
  if (count === 0) return;
  const variant = count === 1 ? start : start + random.nextInt(count);
  const to = random.nextInt(nodes);
  if (plan.node[slot] === -1) plan.insert(slot, to, variant);
  else plan.shift(slot, to, variant, limit);
}
