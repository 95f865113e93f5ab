/**
 * A plan that keeps every rule at every step: changes that would break one are not made. What a change costs is known in the time two
 * boxes take, or less where it is too dear anyhow. Typed arrays, nothing allocated while it is searched.
 */
import { Choices } from './choices.ts';
import type { Ground } from './ground.ts';
import { GroupCounts, GroupMoves } from './groups.ts';
import { HardLoad } from './hard-load.ts';
import { Lodging } from './lodging.ts';
import { groupMoveCost } from './merit.ts';
import { at } from './model.ts';
import type { PlacementRandom } from './random.ts';
import { rivalryOf } from './rivals.ts';
import { Ties } from './ties.ts';

const infinite = Number.POSITIVE_INFINITY;

export class HardPlan {
  /** Box and variant of each slot, -1 without a place. */
  readonly node: Int32Array;
  readonly variant: Int32Array;
  /** Micro-seconds per hour, but for what draws partners to each other. */
  value = 0;
  unplaced: number;
  readonly ground: Ground;
  /** Replicas on each box, for loops that must not allocate. */
  readonly count: Int32Array;
  readonly #at: Int32Array[];
  readonly #position: Int32Array;
  readonly #nodes: number;
  readonly #load: HardLoad;
  readonly #choices: Choices;
  readonly #workload: Int32Array;
  readonly #lodging: Lodging;
  readonly #variantClass: Uint8Array;
  readonly #relief: Float64Array;
  readonly #reliefMost: Float64Array;
  readonly #reliefVersion: Int32Array;
  readonly #places: Int32Array;
  readonly #groups: GroupCounts | undefined;
  readonly #groupMoves: GroupMoves | undefined;
  readonly #ties: Ties | undefined;
  readonly #siblings: readonly Int32Array[];
  readonly #enemies: readonly Int32Array[];
  readonly #byDomain: Uint8Array;
  readonly #domain: Int32Array;
  readonly #tied: boolean;

  constructor(ground: Ground) {
    const { instance, slots, nodes } = ground;
    const { site } = instance;
    this.ground = ground;
    this.unplaced = slots;
    this.node = new Int32Array(slots).fill(-1);
    this.variant = new Int32Array(slots).fill(-1);
    this.count = new Int32Array(nodes);
    this.#at = Array.from({ length: nodes }, () => new Int32Array(8));
    this.#position = new Int32Array(slots);
    this.#nodes = nodes;
    this.#load = new HardLoad(ground);
    this.#choices = new Choices(ground, this.#load);
    this.#workload = Int32Array.from(instance.slots, ({ workload }) => workload);
    this.#lodging = new Lodging(ground);
    this.#variantClass = this.#lodging.variantClass;
    this.#relief = new Float64Array(slots);
    this.#reliefMost = new Float64Array(slots);
    this.#reliefVersion = new Int32Array(slots).fill(-1);
    const fixedCount = new Int32Array(nodes);
    for (const { node } of instance.fixed) if (node >= 0) fixedCount[node] = at(fixedCount, node) + 1;
    this.#places = Int32Array.from(site.nodes, ({ maxWorkloads = 1e9 }, node) => Math.max(0, maxWorkloads - at(fixedCount, node)));
    this.#groups = instance.groups && new GroupCounts(instance.groups);
    this.#groupMoves = GroupMoves.of(site, groupMoveCost(site.problem));
    this.#ties = Ties.of({ instance, nodes });
    const { siblings, enemies, byDomain, domain } = rivalryOf(instance);
    this.#siblings = siblings;
    this.#enemies = enemies;
    this.#byDomain = byDomain;
    this.#domain = domain;
    this.#tied = this.#siblings.some(({ length }) => length > 0) || this.#enemies.some(({ length }) => length > 0);
    this.settle();
  }

  /** Boxes that are overfull. */
  get overfull(): number {
    return this.#load.overfull;
  }

  /** One of the boxes that a variant may be on; -1 when there is none. */
  drawBox(variant: number, random: PlacementRandom): number {
    return this.#choices.draw(variant, random);
  }

  /** Sums everything afresh: many small changes leave dust behind. */
  settle(): void {
    let value = (this.#ties?.total() ?? 0) + (this.#groupMoves?.cost ?? 0);
    for (let slot = 0; slot < this.ground.slots; slot += 1) {
      const node = this.node[slot] as number;
      if (node !== -1) value += this.#lodging.costAt(slot, this.variant[slot] as number, node);
    }
    this.value = value + this.#load.settle(this.node, this.variant);
  }

  /** Where room is held for a slot that is elsewhere; else -1. */
  heldFor(slot: number): number {
    const home = this.#load.holds ? (this.#lodging.home[slot] as number) : -1;
    return home === this.node[slot] ? -1 : home;
  }

  slotAt(node: number, position: number): number {
    return (this.#at[node] as Int32Array)[position] as number;
  }

  /** A variant of a slot, of the wanted class, that may be on a box; -1 when there is none. */
  variantAt(slot: number, node: number, workClass: number): number {
    const { first } = this.ground;
    const end = first[slot + 1] as number;
    for (let variant = first[slot] as number; variant < end; variant += 1)
      if (this.#variantClass[variant] === workClass && this.#choices.may(variant, node)) return variant;
    return -1;
  }

  /** Lets boxes be overfull, each unit at so many times what it is worth beside `scale`; infinite: not at all. */
  soften(scale: number, times: number): void {
    this.#load.soften(scale, times);
    this.settle();
  }

  /** What the load of its box costs less without a slot. */
  reliefOf(slot: number): number {
    const node = this.node[slot] as number;
    if (this.#reliefVersion[slot] === this.#load.version[node]) return this.#relief[slot] as number;
    const left = this.variant[slot] as number;
    const relief = (this.#load.burden[node] as number) - this.#load.after(node, slot, left, -1, -1, infinite);
    this.#relief[slot] = relief;
    // What comes instead may make up for all that is left free then.
    this.#reliefMost[slot] = !this.#load.hasProportions ? relief : relief + this.#load.stranded(node, left, -1);
    this.#reliefVersion[slot] = this.#load.version[node] as number;
    return relief;
  }

  /** The most its box could cost less without a slot, whatever comes instead. */
  #reliefAtMost(slot: number): number {
    this.reliefOf(slot);
    return this.#reliefMost[slot] as number;
  }

  /** Puts a slot somewhere else if that is allowed and costs at most `limit` more. @returns whether it did. */
  shift(slot: number, to: number, came: number, limit: number): boolean {
    const from = this.node[slot] as number;
    const left = this.variant[slot] as number;
    if (from === to) return left !== came && this.#reclass(slot, came, limit);
    const own = this.#lodging.change(slot, left, from, came, to);
    const saved = this.reliefOf(slot) - own - (this.#ties?.moves(slot, from, to) ?? 0);
    const burden = this.#load.burden[to] as number;
    if (saved + (this.#load.strandedNow[to] as number) < -limit) return false;
    if ((this.count[to] as number) >= (this.#places[to] as number) || !this.#choices.may(came, to)) return false;
    const after = this.#load.after(to, -1, -1, slot, came, limit + saved + burden);
    if (after === infinite) return false;
    const workload = this.#workload[slot] as number;
    if (this.#groups !== undefined && !this.#groups.allowsMove(workload, from, to)) return false;
    if (this.#tied && this.#conflicts(slot, to, -1)) return false;
    if (this.#groupMoves !== undefined && this.#movesGroup(slot, to) + after - burden - saved > limit) return false;
    this.#change(slot, to, came);
    return true;
  }

  #reclass(slot: number, came: number, limit: number): boolean {
    const node = this.node[slot] as number;
    const left = this.variant[slot] as number;
    if (!this.#choices.may(came, node)) return false;
    const own = this.#lodging.change(slot, left, node, came, node);
    const after = this.#load.after(node, slot, left, slot, came, limit - own + (this.#load.burden[node] as number));
    if (after === infinite) return false;
    this.#change(slot, node, came);
    return true;
  }

  /** Exchanges the boxes of two slots if that is allowed and costs at most `limit` more. @returns whether it did. */
  swap(slot: number, other: number, limit: number): boolean {
    const from = this.node[slot] as number;
    const to = this.node[other] as number;
    if (from === to) return false;
    const left = this.variant[slot] as number;
    const was = this.variant[other] as number;
    const came = this.variantAt(slot, to, this.#variantClass[left] as number);
    const back = this.variantAt(other, from, this.#variantClass[was] as number);
    if (came === -1 || back === -1) return false;
    let change = this.#lodging.change(slot, left, from, came, to) + this.#lodging.change(other, was, to, back, from);
    if (this.#ties !== undefined) change += this.#ties.moves(slot, from, to) + this.#ties.moves(other, to, from);
    if (change - this.#reliefAtMost(slot) - this.#reliefAtMost(other) > limit) return false;
    const before = (this.#load.burden[from] as number) + (this.#load.burden[to] as number);
    const here = this.#load.after(from, slot, left, other, back, limit - change + before);
    if (here === infinite) return false;
    const there = this.#load.after(to, other, was, slot, came, limit - change + before - here);
    if (there === infinite) return false;
    const workload = this.#workload[slot] as number;
    if (this.#groups !== undefined && !this.#groups.allowsSwap(workload, from, this.#workload[other] as number, to)) return false;
    if (this.#tied && (this.#conflicts(slot, to, other) || this.#conflicts(other, from, slot))) return false;
    if (this.#groupMoves !== undefined && this.#movesGroup(slot, to, other, from) + change + here + there - before > limit) return false;
    this.take(slot);
    this.take(other);
    this.put(slot, to, came);
    this.put(other, from, back);
    return true;
  }

  /** Puts a slot where another is, and that one on a third box, if that is allowed at `limit` more. @returns whether it did. */
  displace(slot: number, other: number, third: number, limit: number): boolean {
    const from = this.node[slot] as number;
    const to = this.node[other] as number;
    const workload = this.#workload[slot] as number;
    const displaced = this.#workload[other] as number;
    // Of two replicas of one workload the first could as well have gone to the third box.
    if (from === to || third === to || third === from || workload === displaced) return false;
    const left = this.variant[slot] as number;
    const was = this.variant[other] as number;
    const came = this.variantAt(slot, to, this.#variantClass[left] as number);
    const back = this.variantAt(other, third, this.#variantClass[was] as number);
    if (came === -1 || back === -1 || (this.count[third] as number) >= (this.#places[third] as number)) return false;
    let change = this.#lodging.change(slot, left, from, came, to) + this.#lodging.change(other, was, to, back, third) - this.reliefOf(slot);
    if (this.#ties !== undefined) change += this.#ties.moves(slot, from, to) + this.#ties.moves(other, to, third);
    // On the third box what comes may make up for all that is left free.
    const most = limit + (this.#load.strandedNow[third] as number);
    if (change - this.#reliefAtMost(other) > most) return false;
    change -= this.#load.burden[to] as number;
    const here = this.#load.after(to, other, was, slot, came, most - change);
    if (here === infinite) return false;
    change += here - (this.#load.burden[third] as number);
    const there = this.#load.after(third, -1, -1, other, back, limit - change);
    if (there === infinite) return false;
    if (this.#groups !== undefined && !this.#groups.allowsSwap(workload, from, displaced, to, third)) return false;
    if (this.#tied && (this.#conflicts(slot, to, other) || this.#conflicts(other, third, slot))) return false;
    if (this.#groupMoves !== undefined && this.#movesGroup(slot, to, other, third) + change + there > limit) return false;
    this.take(slot);
    this.take(other);
    this.put(slot, to, came);
    this.put(other, third, back);
    return true;
  }

  /** What a slot without a place would cost on a box; infinite when there is no room, or it is more than `most`. */
  weighPut(slot: number, to: number, came: number, most: number): number {
    if ((this.count[to] as number) >= (this.#places[to] as number) || !this.#choices.may(came, to)) return infinite;
    let own = this.#lodging.costAt(slot, came, to) + (this.#ties?.adds(slot, to) ?? 0);
    if (this.#groupMoves !== undefined) own += this.#movesGroup(slot, to);
    const burden = this.#load.burden[to] as number;
    return own + this.#load.after(to, -1, -1, slot, came, most - own + burden) - burden;
  }

  /** Whether the rules let a slot without a place on a box. */
  allows(slot: number, to: number): boolean {
    if (this.#groups !== undefined && !this.#groups.allows(this.#workload[slot] as number, to)) return false;
    return !this.#tied || !this.#conflicts(slot, to, -1);
  }

  /** The largest share of a mean box that a slot takes of any resource. */
  sizeOf(slot: number): number {
    return this.#load.size[slot] as number;
  }

  /** Puts a slot without a place on a box, whatever it costs, if that is allowed. */
  insert(slot: number, to: number, came: number): boolean {
    if ((this.count[to] as number) >= (this.#places[to] as number) || !this.#choices.may(came, to)) return false;
    if (this.#load.after(to, -1, -1, slot, came, infinite) === infinite) return false;
    if (!this.allows(slot, to)) return false;
    this.put(slot, to, came);
    return true;
  }

  /** What single moves that cost something cost on average: the scale of temperatures. */
  scale(random: PlacementRandom, probes: number): number {
    const { slots, first } = this.ground;
    let sum = 0;
    let count = 0;
    for (let probe = 0; probe < probes; probe += 1) {
      const slot = random.nextInt(slots);
      const from = this.node[slot] as number;
      const variants = (first[slot + 1] as number) - (first[slot] as number);
      if (from === -1 || variants === 0) continue;
      const came = (first[slot] as number) + random.nextInt(variants);
      const to = random.nextInt(this.#nodes);
      if (from === to || !this.#choices.may(came, to)) continue;
      const after = this.#load.after(to, -1, -1, slot, came, infinite);
      if (after === infinite) continue;
      const own = this.#lodging.change(slot, this.variant[slot] as number, from, came, to);
      const change = after - (this.#load.burden[to] as number) - this.reliefOf(slot) + own;
      if (change <= 0) continue;
      sum += change;
      count += 1;
    }
    return count === 0 ? 1 : sum / count;
  }

  /** Goes over to a plan kept earlier, which must be one that was within the rules. */
  restore(node: Int32Array, variant: Int32Array): void {
    for (let slot = 0; slot < node.length; slot += 1)
      if (this.node[slot] !== -1 && (this.node[slot] !== node[slot] || this.variant[slot] !== variant[slot])) this.take(slot);
    for (let slot = 0; slot < node.length; slot += 1)
      if (this.node[slot] === -1 && node[slot] !== -1) this.put(slot, node[slot] as number, variant[slot] as number);
    this.settle();
  }

  /** Siblings or enemies on a box; `except` is about to leave. */
  #conflicts(slot: number, to: number, except: number): boolean {
    const siblings = this.#siblings[slot] as Int32Array;
    for (let index = 0; index < siblings.length; index += 1) {
      const other = siblings[index] as number;
      const there = this.node[other] as number;
      if (there === -1 || other === except) continue;
      if (there === to || (this.#byDomain[slot] === 1 && this.#domain[there] === this.#domain[to])) return true;
    }
    const enemies = this.#enemies[slot] as Int32Array;
    for (let index = 0; index < enemies.length; index += 1) {
      const other = enemies[index] as number;
      if (other !== except && this.node[other] === to) return true;
    }
    return false;
  }

  /** What is added to the cost of moves of groups when a slot goes to a box, and perhaps another (-1: none) to one. */
  #movesGroup(slot: number, to: number, other = -1, from = -1): number {
    const moves = this.#groupMoves as GroupMoves;
    const before = moves.cost;
    const one = this.#moveSign(slot, to);
    const two = other === -1 ? 0 : this.#moveSign(other, from);
    if (one !== 0) moves.change(this.#workload[slot] as number, one);
    if (two !== 0) moves.change(this.#workload[other] as number, two);
    const after = moves.cost;
    if (one !== 0) moves.change(this.#workload[slot] as number, one === 1 ? -1 : 1);
    if (two !== 0) moves.change(this.#workload[other] as number, two === 1 ? -1 : 1);
    return after - before;
  }

  /** 1 when it leaves its home, -1 when it comes back, 0 when neither. */
  #moveSign(slot: number, to: number): 1 | -1 | 0 {
    const home = this.#lodging.home[slot] as number;
    if (home === -1) return 0;
    const from = this.node[slot] as number;
    const was = from !== -1 && from !== home;
    const is = to !== -1 && to !== home;
    return was === is ? 0 : is ? 1 : -1;
  }

  #change(slot: number, to: number, came: number): void {
    this.take(slot);
    this.put(slot, to, came);
  }

  put(slot: number, node: number, variant: number): void {
    const sign = this.#groupMoves === undefined ? 0 : this.#moveSign(slot, node);
    if (sign !== 0) this.#moveGroup(slot, sign);
    this.node[slot] = node;
    this.variant[slot] = variant;
    this.unplaced -= 1;
    let here = this.#at[node] as Int32Array;
    const count = this.count[node] as number;
    if (count === here.length) {
      const larger = new Int32Array(2 * count);
      larger.set(here);
      this.#at[node] = larger;
      here = larger;
    }
    here[count] = slot;
    this.#position[slot] = count;
    this.count[node] = count + 1;
    this.#groups?.change(this.#workload[slot] as number, node, 1);
    this.value += this.#lodging.costAt(slot, variant, node) + (this.#ties?.change(slot, node, 1) ?? 0);
    this.value += this.#load.change(slot, node, variant, 1);
  }

  take(slot: number): void {
    const node = this.node[slot] as number;
    const variant = this.variant[slot] as number;
    const sign = this.#groupMoves === undefined ? 0 : this.#moveSign(slot, -1);
    if (sign !== 0) this.#moveGroup(slot, sign);
    this.node[slot] = -1;
    this.variant[slot] = -1;
    this.unplaced += 1;
    const here = this.#at[node] as Int32Array;
    const last = (this.count[node] as number) - 1;
    const position = this.#position[slot] as number;
    const moved = here[last] as number;
    here[position] = moved;
    this.#position[moved] = position;
    this.count[node] = last;
    this.#groups?.change(this.#workload[slot] as number, node, -1);
    this.value += (this.#ties?.change(slot, node, -1) ?? 0) - this.#lodging.costAt(slot, variant, node);
    this.value += this.#load.change(slot, node, variant, -1);
  }

  #moveGroup(slot: number, sign: 1 | -1): void {
    const moves = this.#groupMoves as GroupMoves;
    const before = moves.cost;
    moves.change(this.#workload[slot] as number, sign);
    this.value += moves.cost - before;
  }
}
