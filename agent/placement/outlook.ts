/** Whether a proof is in sight: what is left of the time is then better spent on it than on a search for a better plan. */
import { type Priced, plansLeft } from './enumerate.ts';
import type { Flat } from './flat.ts';

/** Share of the time before which no proof is begun, and what has to be over before it is looked for again. */
const from = 0.3;
const again = 0.1;
/** What a proof takes, in steps, where so many plans are left: about an eighth of what doubles with each three doublings of plans. */
const stepsLeast = 8;
const doublings = 3;
/** Plans left, as a power of two, beyond which no proof comes to its end. */
const most = 72;
/** Rounds of the search without a better plan after which it hardly finds one. */
const stale = 3;

export class Outlook {
  readonly #priced: Priced;
  readonly #bound: number;
  readonly #sift: (cost: number, pace: number) => Flat;
  readonly #begun: number;
  #lookedAt = 0;
  #cost = Number.POSITIVE_INFINITY;
  #rounds = 0;
  #betterIn = 0;

  /** @param bound that the prices prove. @param sift leaves columns that plans of less than a cost may use; told how many steps all of the time is. @param begun progress now. */
  constructor(priced: Priced, bound: number, sift: (cost: number, pace: number) => Flat, begun: number) {
    this.#begun = begun;
    this.#priced = priced;
    this.#bound = bound;
    this.#sift = sift;
  }

  /** A better plan was found. */
  better(cost: number): void {
    this.#cost = cost;
    this.#betterIn = this.#rounds;
  }

  /** @param progress share of the time that is over, 0..1, in which the search has taken so many steps, and rounds. */
  isNear(progress: number, steps: number, rounds: number): boolean {
    this.#rounds = rounds;
    if (progress < Math.max(from, this.#lookedAt + again) || this.#cost === Number.POSITIVE_INFINITY) return false;
    this.#lookedAt = progress;
    const { grain } = this.#priced;
    const pace = steps / (progress - this.#begun);
    const left = plansLeft({ ...this.#priced, flat: this.#sift(this.#cost - grain.size + 1, pace) }, this.#bound, this.#cost);
    const needed = stepsLeast * 2 ** (left / doublings);
    if (needed <= pace * (1 - progress)) return true;
    return left <= most && rounds >= this.#betterIn + stale;
  }
}
