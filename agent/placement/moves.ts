/**
 * Moves of the annealed search: a shift; an exchange with one that is there; a chain, where one pushes another off its box; and a cycle
 * of three. Each is weighed before it is made, the longer ones only when the shorter do not pay.
 */
import type { Flat } from './flat.ts';
import type { PlacementRandom } from './random.ts';
import type { ShortLists } from './short-list.ts';
import type { SoftPlan } from './soft-plan.ts';

/** Replicas of a box among which the one to swap with is chosen. */
const partnersMax = 4;
/** Replicas tried as the second of a chain, and as the one that closes it. */
const chainsMax = 2;
const closersMax = 4;

export class Moves {
  readonly #slots: number;
  readonly #node: Int32Array;
  readonly #cost: Float64Array;
  readonly #workload: Int32Array;
  readonly #plan: SoftPlan;
  readonly #lists: ShortLists;
  readonly #random: PlacementRandom;

  constructor({ slots, node, cost, instance }: Flat, plan: SoftPlan, lists: ShortLists, random: PlacementRandom) {
    this.#slots = slots;
    this.#node = node;
    this.#cost = cost;
    this.#workload = Int32Array.from(instance.slots, ({ workload }) => workload);
    this.#plan = plan;
    this.#lists = lists;
    this.#random = random;
  }

  /**
   * Tries to put some slot elsewhere.
   * @param limit what value and penalty may rise by.
   * @returns whether anything was changed.
   */
  try(limit: number): boolean {
    const plan = this.#plan;
    const slot = this.#random.nextInt(this.#slots);
    const from = plan.placed[slot] as number;
    if (from === -1) {
      const to = plan.bestColumn(slot, -1, this.#lists);
      plan.put(slot, to);
      return to !== -1;
    }
    const { reduced } = this.#lists;
    const to = this.#lists.drawWithin(slot, (reduced[from] as number) + limit, from, this.#random);
    if (to === -1) return false;
    if (plan.weighShift(slot, to) <= limit) return plan.shift(slot, to);
    if (this.#node[from] === this.#node[to]) return false;
    return this.#swap(slot, to, limit) || this.#chain(slot, to, limit);
  }

  /** What capacity is worth being counted, what a slot would pay more. A move that does not pay then can only fill a gap by chance. */
  #dearer(slot: number, to: number): number {
    const { reduced } = this.#lists;
    return (reduced[to] as number) - (reduced[this.#plan.placed[slot] as number] as number);
  }

  #swap(slot: number, to: number, limit: number): boolean {
    const plan = this.#plan;
    const here = this.#node[plan.placed[slot] as number] as number;
    const dearer = this.#dearer(slot, to);
    let least = limit;
    let partner = -1;
    let back = -1;
    for (let turn = 0; turn < partnersMax; turn += 1) {
      const other = plan.anyOf(this.#node[to] as number, this.#random);
      if (other === -1) return false;
      const column = this.#lists.columnAt(other, here);
      if (column === -1 || dearer + this.#dearer(other, column) > limit || this.#isSame(slot, to, other, column)) continue;
      const sum = plan.weighSwap(slot, to, other, column);
      if (sum > least) continue;
      least = sum;
      partner = other;
      back = column;
    }
    return partner !== -1 && plan.swap(slot, to, partner, back);
  }

  /** Whether two replicas of one workload would only change names: nothing is a move that changes nothing. */
  #isSame(slot: number, to: number, other: number, back: number): boolean {
    if (this.#workload[slot] !== this.#workload[other]) return false;
    const cost = this.#cost;
    const { placed } = this.#plan;
    return cost[to] === cost[placed[other] as number] && cost[back] === cost[placed[slot] as number];
  }

  #chain(slot: number, to: number, limit: number): boolean {
    const plan = this.#plan;
    const node = this.#node;
    const here = node[plan.placed[slot] as number] as number;
    const there = node[to] as number;
    const dearer = this.#dearer(slot, to);
    const { reduced } = this.#lists;
    for (let turn = 0; turn < chainsMax; turn += 1) {
      const other = plan.anyOf(there, this.#random);
      if (other === -1) return false;
      const now = plan.placed[other] as number;
      const out = this.#lists.drawWithin(other, (reduced[now] as number) + limit - dearer, now, this.#random);
      if (out === -1 || node[out] === there || node[out] === here) continue;
      const dearerYet = dearer + this.#dearer(other, out);
      if (dearerYet > limit) continue;
      const open = plan.weighChain(slot, to, other, out);
      if (open <= limit) return plan.cycle(slot, to, other, out, -1, -1);
      if (this.#close(slot, to, other, out, limit - open, limit - dearerYet)) return true;
    }
    return false;
  }

  #close(slot: number, to: number, other: number, out: number, limit: number, reducedLimit: number): boolean {
    const plan = this.#plan;
    const here = this.#node[plan.placed[slot] as number] as number;
    for (let turn = 0; turn < closersMax; turn += 1) {
      const third = plan.anyOf(this.#node[out] as number, this.#random);
      if (third === -1) return false;
      const back = this.#lists.columnAt(third, here);
      if (back === -1 || this.#dearer(third, back) > reducedLimit) continue;
      if (plan.weighClosing(slot, out, third, back) <= limit) return plan.cycle(slot, to, other, out, third, back);
    }
    return false;
  }
}
