/**
 * Re-solves a few boxes: their replicas are taken off and put back by branch and bound on reduced cost, those with most to lose first.
 * What no exchange of two or three finds is found here. Given up after some tries: the best so far counts.
 */
import type { Flat } from './flat.ts';
import { at } from './model.ts';
import type { PlacementRandom } from './random.ts';
import type { ShortLists } from './short-list.ts';
import type { SoftPlan } from './soft-plan.ts';

/** Boxes that are re-solved together, and replicas taken off them, at the most. */
const boxesMax = 5;
const freedMax = 40;
/** Columns tried: many small problems gain more than few that are solved to the end. */
const triesMax = 500;
/** The order is drawn anew each time, about by what is lost: a factor between the first, and the first and the second together. */
const loseLeast = 0.7;
const loseMore = 0.6;

export class Regroup {
  readonly #flat: Flat;
  readonly #plan: SoftPlan;
  readonly #lists: ShortLists;
  readonly #price: Float64Array;
  readonly #isFree: Uint8Array;
  readonly #boxes = new Int32Array(boxesMax);
  readonly #freed: Int32Array;
  readonly #before: Int32Array;
  readonly #best: Int32Array;
  readonly #rest = new Float64Array(freedMax + 2);
  readonly #lose = new Float64Array(freedMax + 1);
  readonly #optionFirst = new Int32Array(freedMax + 2);
  readonly #option: Int32Array;
  #count = 0;
  #tries = 0;
  #limit = 0;
  #found = false;

  constructor(flat: Flat, plan: SoftPlan, lists: ShortLists, price: Float64Array) {
    this.#flat = flat;
    this.#plan = plan;
    this.#lists = lists;
    this.#price = price;
    this.#isFree = new Uint8Array(flat.nodes);
    this.#freed = new Int32Array(freedMax + 1);
    this.#before = new Int32Array(freedMax + 1);
    this.#best = new Int32Array(freedMax + 1);
    this.#option = new Int32Array((freedMax + 1) * (lists.longest + 1));
  }

  /**
   * Takes a few boxes' replicas off a plan within capacity and puts them back.
   * @param allowance what the plan may cost more afterwards.
   * @returns whether it changed.
   */
  run(random: PlacementRandom, allowance: number): boolean {
    const plan = this.#plan;
    const boxes = this.#choose(random);
    this.#limit = plan.value + allowance - 0.5;
    for (let index = 0; index < this.#count; index += 1) {
      const slot = at(this.#freed, index);
      this.#before[index] = at(plan.placed, slot);
      plan.take(slot);
    }
    this.#order(random);
    this.#listOptions();
    let worth = 0;
    for (let index = 0; index < boxes; index += 1) worth += this.#worthOfRoom(at(this.#boxes, index));
    this.#tries = 0;
    this.#found = false;
    this.#visit(0, -worth);
    for (let index = 0; index < boxes; index += 1) this.#isFree[at(this.#boxes, index)] = 0;
    const columns = this.#found ? this.#best : this.#before;
    for (let index = 0; index < this.#count; index += 1) plan.put(at(this.#freed, index), at(columns, index));
    return this.#found;
  }

  #worthOfRoom(box: number): number {
    const { width, capacity } = this.#flat;
    let sum = 0;
    for (let index = box * width; index < (box + 1) * width; index += 1)
      sum += at(this.#price, index) * Math.max(0, at(capacity, index) - at(this.#plan.load, index));
    return sum;
  }

  /** Some box, and boxes that its replicas would like. @returns how many. */
  #choose(random: PlacementRandom): number {
    const plan = this.#plan;
    const { slots, node } = this.#flat;
    this.#count = 0;
    let boxes = 0;
    const want = 2 + random.nextInt(boxesMax - 1);
    let slot = random.nextInt(slots);
    let box = at(node, at(plan.placed, slot));
    for (let turn = 0; turn < 4 * want && boxes < want; turn += 1) {
      if (this.#isFree[box] === 0) {
        const here = plan.countOn(box);
        // Of each box alike, where all of their replicas are too many: the rest stays where it is.
        const some = Math.min(here, Math.ceil((freedMax - this.#count) / (want - boxes)));
        const start = some < here ? random.nextInt(here) : 0;
        this.#isFree[box] = 1;
        this.#boxes[boxes] = box;
        boxes += 1;
        for (let index = 0; index < some; index += 1) {
          this.#freed[this.#count] = plan.slotAt(box, (start + index) % here);
          this.#count += 1;
        }
      }
      slot = at(this.#freed, random.nextInt(this.#count));
      box = at(node, this.#lists.draw(slot, random));
    }
    return boxes;
  }

  /** Most to lose first: what is left to the end are those that may go to several boxes, and fill the gaps. */
  #order(random: PlacementRandom): void {
    const { node } = this.#flat;
    const { first, column, reduced } = this.#lists;
    const count = this.#count;
    for (let index = 0; index < count; index += 1) {
      const slot = at(this.#freed, index);
      let least = Number.POSITIVE_INFINITY;
      let second = Number.POSITIVE_INFINITY;
      for (let position = at(first, slot); position < at(first, slot + 1); position += 1) {
        const option = at(column, position);
        if (this.#isFree[at(node, option)] === 0) continue;
        const cost = at(reduced, option);
        if (cost < least) {
          second = least;
          least = cost;
        } else if (cost < second) second = cost;
      }
      const lose = second === Number.POSITIVE_INFINITY ? Number.MAX_VALUE / 2 : second - least;
      this.#lose[index] = lose * (loseLeast + loseMore * random.next());
    }
    for (let index = 1; index < count; index += 1) {
      const lose = at(this.#lose, index);
      const slot = at(this.#freed, index);
      const was = at(this.#before, index);
      let to = index;
      for (; to > 0 && at(this.#lose, to - 1) < lose; to -= 1) {
        this.#lose[to] = at(this.#lose, to - 1);
        this.#freed[to] = at(this.#freed, to - 1);
        this.#before[to] = at(this.#before, to - 1);
      }
      this.#lose[to] = lose;
      this.#freed[to] = slot;
      this.#before[to] = was;
    }
  }

  #listOptions(): void {
    const { node } = this.#flat;
    const { first, column, reduced } = this.#lists;
    const count = this.#count;
    let end = 0;
    for (let index = 0; index < count; index += 1) {
      const slot = at(this.#freed, index);
      this.#optionFirst[index] = end;
      const begin = end;
      let hasNow = false;
      for (let position = at(first, slot); position < at(first, slot + 1); position += 1) {
        const option = at(column, position);
        if (this.#isFree[at(node, option)] === 0) continue;
        if (option === at(this.#before, index)) hasNow = true;
        this.#option[end] = option;
        end += 1;
      }
      if (!hasNow) {
        this.#option[end] = at(this.#before, index);
        end += 1;
      }
      let least = Number.POSITIVE_INFINITY;
      for (let position = begin; position < end; position += 1) least = Math.min(least, at(reduced, at(this.#option, position)));
      this.#rest[index] = least;
      this.#optionFirst[index + 1] = end;
    }
    this.#rest[count] = 0;
    for (let index = count - 1; index >= 0; index -= 1) this.#rest[index] = at(this.#rest, index + 1) + at(this.#rest, index);
  }

  /** @param worth of what is used of the boxes, less that of all their room. */
  #visit(depth: number, worth: number): void {
    const plan = this.#plan;
    if (depth === this.#count) {
      if (plan.value >= this.#limit) return;
      this.#limit = plan.value - 0.5;
      this.#found = true;
      for (let index = 0; index < depth; index += 1) this.#best[index] = at(plan.placed, at(this.#freed, index));
      return;
    }
    const slot = this.#freed[depth] as number;
    const below = plan.value + worth + (this.#rest[depth + 1] as number);
    const end = this.#optionFirst[depth + 1] as number;
    const { reduced } = this.#lists;
    const cost = this.#flat.cost;
    for (let position = this.#optionFirst[depth] as number; position < end; position += 1) {
      const option = this.#option[position] as number;
      const own = reduced[option] as number;
      if (below + own >= this.#limit) continue;
      this.#tries += 1;
      if (this.#tries > triesMax) return;
      if (!plan.hasRoom(option) || plan.conflicts(slot, option)) continue;
      plan.put(slot, option);
      this.#visit(depth + 1, worth + own - (cost[option] as number));
      plan.take(slot);
    }
  }
}
