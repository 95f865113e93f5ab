/**
 * How a round begins: anew, anew with everything counted in full, from one of the best plans made warm, from two of them crossed box by box, or from half-way between two
 * (path relinking). Which is used more is decided by what each has brought so far (PLACEMENT.md 3, step 5).
 */
import { differences, type Elite } from './elite.ts';
import type { Flat } from './flat.ts';
import { at } from './model.ts';
import type { PlacementRandom } from './random.ts';
import type { SoftPlan } from './soft-plan.ts';

/** Where in the schedule of a round each begins: the further, the less of what it begins with is lost. */
const ways = { anew: 0, plain: 0, reheat: 0.3, cross: 0.5, relink: 0.5 } as const;
export type Way = keyof typeof ways;
const names = Object.keys(ways) as Way[];

/** What a way keeps of its success from one use to the next, and what all have in any case: none is given up for good. */
const memory = 0.8;
const hope = 0.2;
/** Replicas looked at for one step of a path. */
const looksAhead = 8;
/** Steps, or replicas, between two checkpoints. */
const checkEvery = 256;

export class Breed {
  readonly #flat: Flat;
  readonly #plan: SoftPlan;
  readonly #random: PlacementRandom;
  readonly #success = new Map<Way, number>(names.map((way) => [way, 1]));
  readonly #differing: Int32Array;
  readonly #taken: Uint8Array;
  #way: Way;

  /** @param first the way the first round began. */
  constructor(flat: Flat, plan: SoftPlan, random: PlacementRandom, first: 'anew' | 'plain') {
    this.#way = first;
    this.#flat = flat;
    this.#plan = plan;
    this.#random = random;
    this.#differing = new Int32Array(flat.slots);
    this.#taken = new Uint8Array(flat.nodes);
  }

  /** What the last beginning came to: 1 for a better plan than any, less for one that is worth keeping, 0 for nothing. */
  reward(success: number): void {
    this.#success.set(this.#way, memory * this.successOf(this.#way) + success);
  }

  /** The way of the round that goes on. */
  get way(): Way {
    return this.#way;
  }

  successOf(way: Way): number {
    return this.#success.get(way) ?? 0;
  }

  /**
   * Makes of the plan what a round begins with.
   * @param onStep told after each change on the way that may have come by a plan within capacity.
   * @returns where in its schedule the round begins, 0..1.
   */
  next(elite: Elite, onStep: () => void): number {
    // What was not tried first comes second: nothing says beforehand which suits a problem.
    if (elite.members.length < 2) this.#way = this.#way === 'anew' ? 'plain' : 'anew';
    else this.#way = this.#draw();
    if (this.#way !== 'anew' && this.#way !== 'plain') {
      const one = elite.draw(this.#random);
      this.#plan.restore(one.placed);
      if (this.#way === 'cross') this.#cross(elite.drawAnother(one, this.#random).placed);
      if (this.#way === 'relink') {
        const other = elite.drawAnother(one, this.#random).placed;
        this.walk(other, differences(one.placed, other) >> 1, onStep);
      }
    }
    return ways[this.#way];
  }

  #draw(): Way {
    const possible = names.length;
    let sum = 0;
    for (let index = 0; index < possible; index += 1) sum += hope + this.successOf(at(names, index));
    let left = this.#random.next() * sum;
    let index = 0;
    for (; index < possible - 1; index += 1) {
      left -= hope + this.successOf(at(names, index));
      if (left < 0) break;
    }
    return at(names, index);
  }

  /** Half of the boxes get what they hold in another plan, where nothing stands against it. */
  #cross(other: Int32Array): void {
    const { slots, nodes, node } = this.#flat;
    for (let box = 0; box < nodes; box += 1) this.#taken[box] = this.#random.nextInt(2);
    for (let slot = 0; slot < slots; slot += 1) {
      if (slot % checkEvery === 0) this.#flat.instance.checkpoint();
      const column = other[slot] as number;
      if (this.#taken[node[column] as number] === 1 && column !== this.#plan.placed[slot]) this.#plan.shift(slot, column);
    }
  }

  /** Goes towards another plan, replica by replica, each time by the cheapest of some; those with something against them are left. */
  walk(other: Int32Array, steps: number, onStep: () => void): void {
    const plan = this.#plan;
    const { slots } = this.#flat;
    const differing = this.#differing;
    let count = 0;
    for (let slot = 0; slot < slots; slot += 1)
      if (plan.placed[slot] !== other[slot]) {
        differing[count] = slot;
        count += 1;
      }
    for (let step = 0; step < steps && count > 0; step += 1) {
      if (step % checkEvery === 0) this.#flat.instance.checkpoint();
      let chosen = 0;
      let least = Number.POSITIVE_INFINITY;
      for (let look = 0; look < looksAhead; look += 1) {
        const index = this.#random.nextInt(count);
        const slot = differing[index] as number;
        const change = plan.weighShift(slot, other[slot] as number);
        if (change >= least) continue;
        least = change;
        chosen = index;
      }
      const slot = differing[chosen] as number;
      count -= 1;
      differing[chosen] = differing[count] as number;
      if (plan.shift(slot, other[slot] as number)) onStep();
    }
  }
}
