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
/** Temperature in spreads at the beginning, and halvings of it to the end. */
const hottest = 0.12;
const halvings = 2;
/**
 * Share of moves that are made: at the beginning, and halvings of it to the end. Where more are made the search only wanders, and it is
 * made colder: no scale of costs says what is hot, as what a move costs says nothing of what room is worth.
 */
const takenFirst = 0.05;
const takenHalvings = 7;
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

/** A plain round, where all counts in full from the beginning: what else is different. */
const plain = { hottest: 0.5, halvings: 5, takenFirst: 0.02, takenHalvings: 6 };
/** Beyond so many slots a plain round begins colder: it has fewer moves for each, and heat would only undo what the prices say. */
const hotSlots = 250;

export class Annealing {
  /** Moves tried so far. */
  tries = 0;
  readonly #plan: SoftPlan;
  readonly #random: PlacementRandom;
  readonly #spread: number;
  readonly #moves: Moves;
  readonly #pressEvery: number;
  #eased = 1;
  #taken = takenFirst;
  #cooled = 1;
  #plain = false;
  readonly #hottestPlain: number;
  #within = 0;
  #pressedAt = 0;

  constructor(flat: Flat, plan: SoftPlan, lists: ShortLists, random: PlacementRandom) {
    this.#plan = plan;
    this.#random = random;
    this.#spread = lists.spread;
    this.#hottestPlain = plain.hottest * Math.min(1, hotSlots / flat.slots);
    this.#moves = new Moves(flat, plan, lists, random);
    this.#pressEvery = Math.max(pressMoves, pressMovesPerSlot * flat.slots);
  }

  /** Forgets what was learned of pressure: a round begins. */
  begin(isPlain: boolean): void {
    this.#plain = isPlain;
    this.#plan.penalty.release();
    this.#within = 0;
    this.#pressedAt = this.tries;
    this.#taken = isPlain ? plain.takenFirst : takenFirst;
    this.#cooled = 1;
  }

  /** Everything counts in full again. */
  end(): void {
    this.#ease(1);
  }

  /** Moves at one point of the schedule, 0..1. @param onMove told after each that was made. */
  block(point: number, onMove: () => void): void {
    const eased = this.#plain ? 1 : halved(easedLast, easedHalvings * (1 - point));
    if (eased > this.#eased * (1 + easedStep) || eased < this.#eased * (1 - easedStep)) this.#ease(eased);
    const most = this.#plain ? halved(plain.takenFirst, plain.takenHalvings * point) : halved(takenFirst, takenHalvings * point);
    this.#cooled = Math.min(1, this.#taken > most ? this.#cooled * cooler : this.#cooled / cooler);
    const temperature = this.#plain ? halved(this.#hottestPlain, plain.halvings * point) : halved(hottest, halvings * point);
    this.#run(temperature * this.#cooled, onMove);
    if (this.tries - this.#pressedAt < this.#pressEvery) return;
    // Between two and ten thousandths of the time within capacity: near the border, where good plans are.
    const share = this.#within / (this.tries - this.#pressedAt);
    if (this.#plain || point > pressFrom) this.#plan.penalty.press(share < 0.002 ? firm : share > 0.01 ? 1 / firm : 1);
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
    let made = 0;
    for (let turn = 0; turn < blockMoves; turn += 1) {
      if (this.#moves.try(heat * (willingness[this.#random.nextInt(1024)] as number))) {
        made += 1;
        onMove();
      }
      if (plan.overfull === 0) this.#within += 1;
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
