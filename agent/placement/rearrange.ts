/**
 * Re-solves a few boxes: replicas are taken off them and put back by branch and bound, the largest first, within all rules. Large replicas
 * find a place so where many small ones have to make room at once.
 */
import type { HardPlan } from './hard-plan.ts';
import { at } from './model.ts';
import type { PlacementRandom } from './random.ts';

/** Boxes that are re-solved together, and replicas taken off them, at the most. */
const boxesMax = 4;
const freedMax = 24;
/** Places tried: many small problems gain more than few that are solved to the end. */
const triesMax = 300;
/** Draws for the replica that it begins with: the one whose box would gain most without it. */
const draws = 3;
/** Share of boxes that are chosen since one from there is on the box before: where it goes back, room that is held for it is free. */
const homeShare = 0.5;

export class Rearrange {
  tries = 0;
  readonly #plan: HardPlan;
  readonly #boxes = new Int32Array(boxesMax);
  readonly #isFree: Uint8Array;
  readonly #freed = new Int32Array(freedMax);
  readonly #wasAt = new Int32Array(freedMax);
  readonly #wasIn = new Int32Array(freedMax);
  readonly #bestAt = new Int32Array(freedMax);
  readonly #bestIn = new Int32Array(freedMax);
  readonly #size = new Float64Array(freedMax);
  readonly #rest = new Float64Array(freedMax + 1);
  /** By depth: places, cheapest first. */
  readonly #optionAt: Int32Array;
  readonly #optionIn: Int32Array;
  readonly #optionCost: Float64Array;
  readonly #optionsMax: number;
  #boxCount = 0;
  #count = 0;
  #left = 0;
  #limit = 0;
  #found = false;

  constructor(plan: HardPlan) {
    this.#plan = plan;
    const { first, slots, nodes } = plan.ground;
    let most = 1;
    for (let slot = 0; slot < slots; slot += 1) most = Math.max(most, at(first, slot + 1) - at(first, slot));
    this.#isFree = new Uint8Array(nodes);
    this.#optionsMax = boxesMax * most;
    this.#optionAt = new Int32Array(freedMax * this.#optionsMax);
    this.#optionIn = new Int32Array(freedMax * this.#optionsMax);
    this.#optionCost = new Float64Array(freedMax * this.#optionsMax);
  }

  /** @param allowance what the plan may cost more afterwards. @returns whether it changed. */
  run(random: PlacementRandom, allowance: number): boolean {
    const plan = this.#plan;
    if (!this.#choose(random)) return false;
    this.#limit = plan.value + allowance;
    for (let index = 0; index < this.#count; index += 1) {
      const slot = this.#freed[index] as number;
      this.#wasAt[index] = plan.node[slot] as number;
      this.#wasIn[index] = plan.variant[slot] as number;
    }
    for (let index = 0; index < this.#count; index += 1) plan.take(this.#freed[index] as number);
    this.#order(random);
    this.#left = triesMax;
    this.#found = false;
    if (this.#limit > plan.value + (this.#rest[0] as number)) this.#visit(0);
    for (let index = 0; index < this.#boxCount; index += 1) this.#isFree[this.#boxes[index] as number] = 0;
    this.tries += triesMax - this.#left + this.#count * this.#boxCount;
    const [places, variants] = this.#found ? [this.#bestAt, this.#bestIn] : [this.#wasAt, this.#wasIn];
    for (let index = 0; index < this.#count; index += 1) plan.put(this.#freed[index] as number, at(places, index), at(variants, index));
    return this.#found;
  }

  #choose(random: PlacementRandom): boolean {
    const plan = this.#plan;
    const { slots } = plan.ground;
    let chosen = -1;
    let most = Number.NEGATIVE_INFINITY;
    for (let draw = 0; draw < draws; draw += 1) {
      const slot = random.nextInt(slots);
      if (plan.node[slot] === -1) continue;
      const relief = plan.reliefOf(slot);
      if (relief <= most) continue;
      most = relief;
      chosen = slot;
    }
    if (chosen === -1) return false;
    const want = 2 + random.nextInt(boxesMax - 1);
    this.#boxCount = 0;
    this.#count = 0;
    let box = plan.node[chosen] as number;
    const variant = plan.variant[chosen] as number;
    for (let turn = 0; turn < 4 * want && this.#boxCount < want; turn += 1) {
      if (this.#isFree[box] === 0) {
        this.#isFree[box] = 1;
        this.#boxes[this.#boxCount] = box;
        this.#boxCount += 1;
      }
      box = this.#next(box, variant, random);
      if (box === -1) break;
    }
    if (this.#boxCount < 2) {
      this.#isFree[this.#boxes[0] as number] = 0;
      return false;
    }
    this.#freed[0] = chosen;
    this.#count = 1;
    for (let index = 0; index < this.#boxCount; index += 1) {
      const node = this.#boxes[index] as number;
      const here = plan.count[node] as number;
      const some = Math.min(here, Math.ceil((freedMax - this.#count) / (this.#boxCount - index)));
      const start = some < here ? random.nextInt(here) : 0;
      for (let position = 0; position < some && this.#count < freedMax; position += 1) {
        const slot = plan.slotAt(node, (start + position) % here);
        if (slot === chosen) continue;
        this.#freed[this.#count] = slot;
        this.#count += 1;
      }
    }
    return true;
  }

  #next(box: number, variant: number, random: PlacementRandom): number {
    const plan = this.#plan;
    const here = plan.count[box] as number;
    const home = here > 0 && random.next() < homeShare ? plan.heldFor(plan.slotAt(box, random.nextInt(here))) : -1;
    return home === -1 ? plan.drawBox(variant, random) : home;
  }

  /** Largest first, about; and what each costs at the least. */
  #order(random: PlacementRandom): void {
    const plan = this.#plan;
    const { first } = plan.ground;
    const count = this.#count;
    for (let index = 0; index < count; index += 1) {
      const slot = this.#freed[index] as number;
      this.#size[index] = plan.sizeOf(slot) * (0.6 + 0.8 * random.next());
    }
    for (let index = 1; index < count; index += 1) {
      const size = this.#size[index] as number;
      const slot = this.#freed[index] as number;
      const node = this.#wasAt[index] as number;
      const variant = this.#wasIn[index] as number;
      let to = index;
      for (; to > 0 && (this.#size[to - 1] as number) < size; to -= 1) {
        this.#size[to] = this.#size[to - 1] as number;
        this.#freed[to] = this.#freed[to - 1] as number;
        this.#wasAt[to] = this.#wasAt[to - 1] as number;
        this.#wasIn[to] = this.#wasIn[to - 1] as number;
      }
      this.#size[to] = size;
      this.#freed[to] = slot;
      this.#wasAt[to] = node;
      this.#wasIn[to] = variant;
    }
    this.#rest[count] = 0;
    for (let index = count - 1; index >= 0; index -= 1) {
      const slot = this.#freed[index] as number;
      let least = Number.POSITIVE_INFINITY;
      for (let variant = first[slot] as number; variant < (first[slot + 1] as number); variant += 1)
        for (let box = 0; box < this.#boxCount; box += 1)
          least = Math.min(least, plan.weighPut(slot, this.#boxes[box] as number, variant, least));
      this.#rest[index] = (this.#rest[index + 1] as number) + least;
    }
  }

  #visit(depth: number): void {
    const plan = this.#plan;
    if (depth === this.#count) {
      this.#limit = plan.value - 0.5;
      this.#found = true;
      for (let index = 0; index < depth; index += 1) {
        const slot = this.#freed[index] as number;
        this.#bestAt[index] = plan.node[slot] as number;
        this.#bestIn[index] = plan.variant[slot] as number;
      }
      return;
    }
    const slot = this.#freed[depth] as number;
    const { first } = plan.ground;
    const start = depth * this.#optionsMax;
    const rest = this.#rest[depth + 1] as number;
    const most = this.#limit - plan.value - rest;
    let end = start;
    for (let variant = first[slot] as number; variant < (first[slot + 1] as number); variant += 1)
      for (let box = 0; box < this.#boxCount; box += 1) {
        const node = this.#boxes[box] as number;
        this.#left -= 1;
        const cost = plan.weighPut(slot, node, variant, most);
        if (cost > most || !plan.allows(slot, node)) continue;
        let to = end;
        for (; to > start && (this.#optionCost[to - 1] as number) > cost; to -= 1) {
          this.#optionCost[to] = this.#optionCost[to - 1] as number;
          this.#optionAt[to] = this.#optionAt[to - 1] as number;
          this.#optionIn[to] = this.#optionIn[to - 1] as number;
        }
        this.#optionCost[to] = cost;
        this.#optionAt[to] = node;
        this.#optionIn[to] = variant;
        end += 1;
      }
    for (let option = start; option < end; option += 1) {
      if (plan.value + (this.#optionCost[option] as number) + rest >= this.#limit) return;
      plan.put(slot, this.#optionAt[option] as number, this.#optionIn[option] as number);
      this.#visit(depth + 1);
      plan.take(slot);
      if (this.#left <= 0) return;
    }
  }
}
