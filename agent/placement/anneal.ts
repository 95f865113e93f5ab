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
/** What one block of moves weighs in the share, and what it changes the temperature by. */
const takenMemory = 1 / 16;
const cooler = 0.97;
/** Share of what load costs that counts at the end, and halvings of it from there back to the beginning. */
const easedLast = 1;
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
/**
 * Resources of boxes that may be overfull on average, for each box beyond some, before overload is made dearer. On a large site hardly ever
 * all boxes are within capacity: made dearer until they are, overload is a wall, and nothing moves that takes two steps. From such a plan
 * it costs little to bring the few that are overfull within capacity.
 */
const looseShare = 0.5;
const fewBoxes = 40;

/**
 * How a round cools: temperature in spreads at the beginning, and halvings of it to the end. Then the share of moves that are made: at the
 * beginning, and halvings of it to the end. Where more are made the search only wanders, and it is made colder: no scale of costs says what
 * is hot, as what a move costs says nothing of what room is worth.
 */
const easedRound = { hottest: 0.12, halvings: 2, takenFirst: 0.05, takenHalvings: 7 };
/** A plain round, where all counts in full from the beginning. */
const plainRound = { hottest: 0.5, halvings: 5, takenFirst: 0.02, takenHalvings: 6 };
/** Beyond so many slots a plain round begins colder: it has fewer moves for each, and heat would only undo what the prices say. */
const hotSlots = 250;
/** A plain round that begins with a plan that stands already, which it shall not take apart. */
const keptHottest = 0.05;

export class Annealing {
  /** Moves tried so far. */
  tries = 0;
  readonly #plan: SoftPlan;
  readonly #random: PlacementRandom;
  readonly #spread: number;
  readonly #moves: Moves;
  readonly #pressEvery: number;
  readonly #loose: number;
  readonly #hottestPlain: number;
  #eased = 1;
  #round = plainRound;
  #hottest = 0;
  #temperature = 0;
  #taken = 0;
  #within = 0;
  #overfull = 0;
  #pressedAt = 0;

  constructor(flat: Flat, plan: SoftPlan, lists: ShortLists, random: PlacementRandom) {
    this.#plan = plan;
    this.#random = random;
    this.#spread = lists.spread;
    this.#hottestPlain = plainRound.hottest * Math.min(1, hotSlots / flat.slots);
    this.#moves = new Moves(flat, plan, lists, random);
    this.#loose = looseShare * Math.max(0, flat.nodes - fewBoxes);
    this.#pressEvery = Math.max(pressMoves, pressMovesPerSlot * flat.slots);
  }

  get plain(): boolean {
    return this.#round === plainRound;
  }

  /** Forgets what was learned of pressure: a round begins. @param kept the plan stands already. */
  begin(plain: boolean, kept = false): void {
    this.#round = plain ? plainRound : easedRound;
    this.#hottest = kept ? keptHottest : plain ? this.#hottestPlain : easedRound.hottest;
    this.#temperature = this.#hottest;
    this.#taken = this.#round.takenFirst;
    this.#plan.penalty.release();
    this.#within = 0;
    this.#overfull = 0;
    this.#pressedAt = this.tries;
  }

  /** Everything counts in full again. */
  end(): void {
    this.#ease(1);
  }

  /**
   * Moves at one point of the schedule, 0..1.
   * @param onMove told after each that was made.
   * @returns what share of the time plans were within capacity, when it is time to look at the pressure; else -1.
   */
  block(point: number, onMove: () => void): number {
    const { halvings, takenFirst, takenHalvings } = this.#round;
    const eased = this.plain ? 1 : halved(easedLast, easedHalvings * (1 - point));
    if (eased > this.#eased * (1 + easedStep) || eased < this.#eased * (1 - easedStep)) this.#ease(eased);
    const wanders = this.#taken > halved(takenFirst, takenHalvings * point);
    const ceiling = halved(this.#hottest, halvings * point);
    this.#temperature = Math.min(ceiling, wanders ? this.#temperature * cooler : this.#temperature / cooler);
    this.#run(onMove);
    const since = this.tries - this.#pressedAt;
    return since < this.#pressEvery ? -1 : this.#within / since;
  }

  /** Makes overload dearer or cheaper, so that between two and ten thousandths of the time are within capacity: good plans are near there. */
  press(share: number, point: number, hasPlan: boolean): void {
    if (this.plain || point > pressFrom) {
      const mean = this.#overfull / (this.tries - this.#pressedAt);
      const rarely = mean > this.#loose ? firm : mean < this.#loose / 2 ? 1 / firm : 1;
      this.#plan.penalty.press(hasPlan ? (share < 0.002 ? rarely : share > 0.01 ? 1 / firm : 1) : urgent);
    }
    this.#pressedAt = this.tries;
    this.#within = 0;
    this.#overfull = 0;
  }

  #run(onMove: () => void): void {
    const plan = this.#plan;
    const heat = this.#temperature * this.#spread;
    let made = 0;
    for (let turn = 0; turn < blockMoves; turn += 1) {
      if (this.#moves.try(heat * (willingness[this.#random.nextInt(1024)] as number))) {
        made += 1;
        onMove();
      }
      if (plan.overfull === 0) this.#within += 1;
      this.#overfull += plan.overfull;
    }
    this.tries += blockMoves;
    this.#taken += (made / blockMoves - this.#taken) * takenMemory;
  }

  #ease(share: number): void {
    if (share === this.#eased) return;
    this.#eased = share;
    this.#plan.ease(share);
  }
}
