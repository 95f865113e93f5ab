/**
 * The annealing of one round. Two things cool: what a replica pays for a worse column, and what boxes pay for load that does not fit. The
 * second begins far hotter (`Penalty.ease`): with one temperature for both, either replicas leave good columns, or loads are frozen long
 * before they fit, as one move changes them by far more than what is left of a gap.
 */
import type { Flat } from './flat.ts';
import { Moves } from './moves.ts';
import type { PlacementRandom } from './random.ts';
import type { ShortLists } from './short-list.ts';
import type { SoftPlan } from './soft-plan.ts';
import { halved, willingness } from './willingness.ts';

/** Moves between looks at the clock. */
const blockMoves = 1024;
/** Temperature in spreads, at the beginning and at the end. */
const hottest = 0.1;
const coldest = 0.06;
/** Share of load that counts at the end, and halvings of it from there back to the beginning. */
const easedLast = 0.5;
const easedHalvings = 5;
/** Change of that share that is worth the work of counting it in. */
const easedStep = 0.02;
/** Share of the schedule from which on it is seen to that plans are within capacity. */
const pressFrom = 0.25;
/** Moves between looks at the pressure: at the least, and for each slot. */
const pressMoves = 1024;
const pressMovesPerSlot = 3;
const urgent = 1.2;
const firm = 1.1;

export class Annealing {
  /** Moves tried so far. */
  tries = 0;
  readonly #plan: SoftPlan;
  readonly #random: PlacementRandom;
  readonly #spread: number;
  readonly #moves: Moves;
  readonly #pressEvery: number;
  #eased = 1;
  #within = 0;
  #pressedAt = 0;

  constructor(flat: Flat, plan: SoftPlan, lists: ShortLists, random: PlacementRandom) {
    this.#plan = plan;
    this.#random = random;
    this.#spread = lists.spread;
    this.#moves = new Moves(flat, plan, lists, random);
    this.#pressEvery = Math.max(pressMoves, pressMovesPerSlot * flat.slots);
  }

  /** Forgets what was learned of pressure: a round begins. */
  begin(): void {
    this.#plan.penalty.release();
    this.#within = 0;
    this.#pressedAt = this.tries;
  }

  /** Everything counts in full again. */
  end(): void {
    this.#ease(1);
  }

  /** Moves at one point of the schedule, 0..1. @param onMove told after each that was made. */
  block(point: number, onMove: () => void): void {
    const eased = halved(easedLast, easedHalvings * (1 - point));
    if (eased > this.#eased * (1 + easedStep) || eased < this.#eased * (1 - easedStep)) this.#ease(eased);
    this.#run(hottest + (coldest - hottest) * point, onMove);
    if (this.tries - this.#pressedAt < this.#pressEvery) return;
    // Between two and ten thousandths of the time within capacity: near the border, where good plans are.
    const share = this.#within / (this.tries - this.#pressedAt);
    if (point > pressFrom) this.#plan.penalty.press(share < 0.002 ? firm : share > 0.01 ? 1 / firm : 1);
    this.#pressedAt = this.tries;
    this.#within = 0;
  }

  /** Moves that look for any plan within capacity. */
  seek(onMove: () => void): void {
    this.end();
    this.#run(hottest, onMove);
    if (this.tries - this.#pressedAt < this.#pressEvery) return;
    this.#plan.penalty.press(urgent);
    this.#pressedAt = this.tries;
  }

  #run(temperature: number, onMove: () => void): void {
    const plan = this.#plan;
    const heat = temperature * this.#spread;
    for (let turn = 0; turn < blockMoves; turn += 1) {
      if (this.#moves.try(heat * (willingness[this.#random.nextInt(1024)] as number))) onMove();
      if (plan.overfull === 0) this.#within += 1;
    }
    this.tries += blockMoves;
  }

  #ease(share: number): void {
    if (share === this.#eased) return;
    this.#eased = share;
    this.#plan.ease(share);
  }
}
