/**
 * Search from a plan that stands: one replica goes elsewhere, or two change places, or a few boxes are solved anew. For problems where what
 * replicas have to do with each other counts, not where each is cheapest: prices and short lists know nothing of that. All rules but
 * capacity hold at every step. Capacity is soft in between: large replicas change places through plans where boxes are overfull. How hot it
 * is follows from the share of moves that are made, so that no scale of costs has to be known.
 */
import type { HardPlan } from './hard-plan.ts';
import type { PlacementRandom } from './random.ts';
import { Rearrange } from './rearrange.ts';
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
/** Share of moves in which one takes the place of another; and of those, in which that one goes to a third box. */
const swapShare = 0.6;
const displaceShare = 0.5;
/**
 * Share of moves of one that is away from home that go back there, and of one that is displaced. Only where room is held while moving: those
 * that go back are all that makes room for others, and few boxes drawn at random are home.
 */
const homeShare = 0.1;
const displacedHomeShare = 0.5;
/** Replicas among which the one that moves is chosen: that whose box gains most without it. */
const contenders = 3;
/** Moves by which it is seen what moves cost. */
const probes = 4096;

/** Share of the time for making better what stands, by moves that hardly cost anything. */
const firstUntil = 0.04;
/** Share of the time up to which boxes may be overfull, if there are enough moves for each replica to find back. */
const softUntil = 0.6;
const softMoves = 200;
/** Share of the time after which a plan that is still overfull is given up. */
const givenUpAt = 0.97;
/** Shares of moves that are made: first, where capacity is soft, after that, and at the end; falling by halves in between. */
const takenAtRest = 0.001;
const takenHot = 0.08;
const takenHalvings = 6.5;
const takenColdHalvings = 4;
/** What a block of moves weighs in that share, and what it changes the temperature by; and its limit, in what moves cost on average. */
const takenMemory = 1 / 16;
const cooler = 0.97;
const hottest = 5;
const hotBegun = 0.1;
/**
 * What a unit above capacity costs at first, in what it is worth; how often that doubles while capacity is soft; and what it is raised by
 * after that until nothing is overfull. All every so many blocks.
 */
const overPrice = 10;
const overDoublings = 5;
const dearer = 1.3;
const dearerBlocks = 128;
const dearest = 1e5;
/** Share of blocks in which boxes are solved anew: while capacity is soft, and after that, when single moves hardly find anything. */
const rearrangeSoftShare = 0.5;
const rearrangeShare = 0.9;
const rearrangesMax = 64;

/** Leaves the best plan it found in `plan`. @returns moves tried. */
export function walk(plan: HardPlan, random: PlacementRandom, budget: WalkBudget): number {
  if (plan.ground.slots === 0 || plan.ground.nodes === 0) return 0;
  return new Walk(plan, random, budget).run();
}

class Walk {
  readonly #plan: HardPlan;
  readonly #random: PlacementRandom;
  readonly #budget: WalkBudget;
  readonly #rearrange: Rearrange;
  readonly #bestNode: Int32Array;
  readonly #bestVariant: Int32Array;
  readonly #scale: number;
  #best: { unplaced: number; value: number };
  #tries = 0;
  #soft = false;
  #over = overPrice;
  #taken = takenAtRest;
  #temperature: number;

  constructor(plan: HardPlan, random: PlacementRandom, budget: WalkBudget) {
    this.#plan = plan;
    this.#random = random;
    this.#budget = budget;
    this.#rearrange = new Rearrange(plan);
    this.#bestNode = plan.node.slice();
    this.#bestVariant = plan.variant.slice();
    this.#best = { unplaced: plan.unplaced, value: plan.value };
    this.#scale = plan.scale(random, probes);
    this.#temperature = this.#scale * hotBegun;
  }

  run(): number {
    const { tries, interrupted, progress } = this.#budget;
    const plan = this.#plan;
    const begun = progress?.() ?? 0;
    const over = (): number => {
      const elapsed = ((progress?.() ?? 0) - begun) / Math.max(1e-9, 1 - begun);
      return Math.max(elapsed, this.#tries / tries);
    };
    let first = true;
    let softens = false;
    for (let block = 0; !interrupted(); block += 1) {
      const point = over();
      if (point >= 1) break;
      if (first && point > firstUntil) {
        first = false;
        softens = this.#tries / point > softMoves * plan.ground.slots;
        if (softens) this.#soften(overPrice);
        if (softens) this.#taken = takenHot;
      }
      if (this.#soft && block % dearerBlocks === 0) this.#press(point);
      const cold = first || !softens || point > softUntil;
      if (!first && this.#random.next() < (cold ? rearrangeShare : rearrangeSoftShare)) this.#solveAnew();
      else this.#move(first || !softens ? takenAtRest : this.#share(point));
      if (block % settleBlocks === 0) plan.settle();
      this.#keep();
    }
    if (this.#soft) this.#soften(Number.POSITIVE_INFINITY);
    plan.restore(this.#bestNode, this.#bestVariant);
    return this.#tries;
  }

  /** The share of moves that should be made. */
  #share(point: number): number {
    if (point < softUntil) return halved(takenHot, (takenHalvings * (point - firstUntil)) / (softUntil - firstUntil));
    return halved(takenHot, takenHalvings + (takenColdHalvings * (point - softUntil)) / (1 - softUntil));
  }

  #soften(over: number): void {
    this.#soft = over < Number.POSITIVE_INFINITY;
    this.#over = over;
    this.#plan.soften(this.#scale, over);
  }

  /** Overload gets dearer until there is none, and then it is not allowed any more. */
  #press(point: number): void {
    const plan = this.#plan;
    if (point < softUntil) {
      const left = (softUntil - point) / (softUntil - firstUntil);
      this.#soften(halved(overPrice * 2 ** overDoublings, overDoublings * left));
      return;
    }
    if (point > givenUpAt && plan.overfull > 0) plan.restore(this.#bestNode, this.#bestVariant);
    if (plan.overfull === 0) this.#soften(Number.POSITIVE_INFINITY);
    else if (this.#over < dearest) this.#soften(this.#over * dearer);
  }

  #keep(): void {
    const { overfull, unplaced, value, node, variant } = this.#plan;
    const best = this.#best;
    if (overfull > 0 || unplaced > best.unplaced || (unplaced === best.unplaced && value >= best.value - 0.5)) return;
    this.#best = { unplaced, value };
    this.#bestNode.set(node);
    this.#bestVariant.set(variant);
    if (unplaced === 0) this.#budget.onBetter?.(value);
  }

  #limit(): number {
    return this.#temperature * (willingness[this.#random.nextInt(1024)] as number);
  }

  #solveAnew(): void {
    const before = this.#rearrange.tries;
    for (let turn = 0; this.#rearrange.tries - before < blockMoves && turn < rearrangesMax; turn += 1)
      this.#rearrange.run(this.#random, this.#limit());
    this.#tries += Math.max(rearrangesMax, this.#rearrange.tries - before);
  }

  #move(share: number): void {
    const plan = this.#plan;
    let made = 0;
    for (let turn = 0; turn < blockMoves; turn += 1) {
      const before = plan.value;
      this.#step(this.#limit());
      // What changes nothing says nothing of the temperature.
      if (Math.abs(plan.value - before) > 0.5) made += 1;
    }
    this.#tries += blockMoves;
    this.#taken += (made / blockMoves - this.#taken) * takenMemory;
    const next = this.#taken > share ? this.#temperature * cooler : this.#temperature / cooler;
    this.#temperature = Math.min(this.#scale * hottest, Math.max(0.1, next));
  }

  #step(limit: number): void {
    const plan = this.#plan;
    const random = this.#random;
    const { slots, first } = plan.ground;
    let slot = random.nextInt(slots);
    for (let turn = 1; turn < contenders && plan.node[slot] !== -1; turn += 1) {
      const other = random.nextInt(slots);
      if (plan.node[other] === -1 || plan.reliefOf(other) > plan.reliefOf(slot)) slot = other;
    }
    if (plan.node[slot] !== -1 && random.next() < swapShare) {
      const other = random.nextInt(slots);
      if (plan.node[other] === -1) return;
      if (random.next() >= displaceShare) {
        plan.swap(slot, other, limit);
        return;
      }
      const third = this.#target(other, plan.variant[other] as number, displacedHomeShare);
      if (third !== -1) plan.displace(slot, other, third, limit);
      return;
    }
    const start = first[slot] as number;
    const count = (first[slot + 1] as number) - start;
    if (count === 0) return;
    const variant = count === 1 ? start : start + random.nextInt(count);
    const to = this.#target(slot, variant, homeShare);
    if (to === -1) return;
    if (plan.node[slot] === -1) plan.insert(slot, to, variant);
    else plan.shift(slot, to, variant, limit);
  }

  /** Home, now and then, or one of all boxes; -1 when there is none. */
  #target(slot: number, variant: number, share: number): number {
    const home = this.#plan.heldFor(slot);
    return home !== -1 && this.#random.next() < share ? home : this.#plan.drawBox(variant, this.#random);
  }
}
