/**
 * Improves a candidate by moves: insert and eject (feasibility first), shift and class change, swap, then ruin and rebuild.
 * Only moves that make the plan better are kept, so it may stop at any time.
 */
import type { Candidate } from './candidate.ts';
import { bestColumns, placeByRegret } from './construct.ts';
import { at } from './model.ts';
import type { PlacementRandom } from './random.ts';

export interface Budget {
  /** Evaluations after which to stop; looked at between moves. */
  readonly steps: number;
  /** Cost, in micro-seconds per hour, that no plan with everything placed goes below: reached, there is no more to find. */
  readonly target: number;
  /** Asked between moves: true ends the search at once. */
  readonly interrupted: () => boolean;
}

/** Rebuilds without a gain after which a start is given up. */
const stallMax = 120;
const swapPartnersMax = 48;
const ejectColumnsMax = 32;

export function improve(candidate: Candidate, random: PlacementRandom, budget: Budget): void {
  // Without boxes nothing can be moved, and there is none to draw.
  if (candidate.instance.site.nodes.length === 0) return;
  const reached = (): boolean => candidate.cost <= budget.target && candidate.unplaced.every((slots) => slots === 0);
  const over = (): boolean => candidate.steps >= budget.steps || reached() || budget.interrupted();
  descend(candidate, random, over);
  for (let stall = 0; stall < stallMax && !over(); stall += 1) {
    const kept = keep(candidate);
    ruin(candidate, random);
    placeByRegret(candidate, random.shuffle(emptySlots(candidate)).sort(byLevel(candidate)));
    descend(candidate, random, over);
    const gain = candidate.compare(kept.unplaced, kept.cost);
    if (gain > 0) candidate.restore(kept.placed);
    if (gain < 0) stall = 0;
  }
}

/** Passes over all slots until a pass gains nothing. */
function descend(candidate: Candidate, random: PlacementRandom, over: () => boolean): void {
  const order = random.shuffle(candidate.instance.slots.map((_, slot) => slot));
  for (let gained = true; gained && !over(); ) {
    gained = false;
    // Feasibility first: no step is spent on cost while something has no place.
    for (const slot of emptySlots(candidate).sort(byLevel(candidate))) {
      if (over()) return;
      if (at(candidate.placed, slot) === -1) gained = insert(candidate, slot) || gained;
    }
    for (const slot of order) {
      if (over()) return;
      if (at(candidate.placed, slot) !== -1) gained = shift(candidate, slot) || swap(candidate, slot, random) || gained;
    }
    for (const node of candidate.restable()) {
      if (over()) return;
      gained = vacate(candidate, node) || gained;
    }
  }
}

/** Takes all work off a box that costs something as long as it has any: no single move sees that gain. */
function vacate(candidate: Candidate, node: number): boolean {
  const kept = keep(candidate);
  const { slots } = candidate.instance;
  const leaving = [...candidate.slotsAt(node)].sort((a, b) => at(slots, a).level - at(slots, b).level || a - b);
  for (const slot of leaving) candidate.take(slot);
  for (const slot of leaving) {
    const { column } = bestColumns(candidate, slot, node);
    if (column !== -1) candidate.put(slot, column);
  }
  if (candidate.compare(kept.unplaced, kept.cost) < 0) return true;
  candidate.restore(kept.placed);
  return false;
}

/** Places a slot; if there is no room, makes some: others move aside, or less critical ones give way. */
function insert(candidate: Candidate, slot: number): boolean {
  const { column } = bestColumns(candidate, slot);
  if (column !== -1) {
    candidate.put(slot, column);
    return true;
  }
  const { slots } = candidate.instance;
  const { columns, level } = at(slots, slot);
  const kept = keep(candidate);
  for (const [index, option] of columns.slice(0, ejectColumnsMax).entries()) {
    // Least critical first, so that critical work is disturbed last; siblings too, they may only be in the wrong domain.
    const inTheWay = [...candidate.slotsAt(option.node), ...siblings(candidate, slot, option.node)].sort(
      (a, b) => at(slots, b).level - at(slots, a).level || a - b,
    );
    const taken: number[] = [];
    for (const other of inTheWay) {
      if (candidate.fits(slot, option)) break;
      candidate.take(other);
      taken.push(other);
    }
    if (candidate.fits(slot, option)) {
      candidate.put(slot, index);
      for (const other of taken.sort((a, b) => at(slots, a).level - at(slots, b).level || a - b)) {
        const { column: elsewhere } = bestColumns(candidate, other);
        if (elsewhere !== -1) candidate.put(other, elsewhere);
        else if (at(slots, other).level <= level) break;
      }
    }
    if (candidate.compare(kept.unplaced, kept.cost) < 0) return true;
    candidate.restore(kept.placed);
  }
  return false;
}

/** Replicas of the same workload in the domain of a box, but not on it. */
function siblings(candidate: Candidate, slot: number, node: number): readonly number[] {
  const { slots, slotsOf, site } = candidate.instance;
  const { workload } = at(slots, slot);
  if (at(site.workloads, workload).spread === 'node') return [];
  return at(slotsOf, workload).filter((other) => {
    const column = candidate.column(other);
    return column !== undefined && column.node !== node && at(site.nodes, column.node).domain === at(site.nodes, node).domain;
  });
}

/** Another box or class for one slot. */
function shift(candidate: Candidate, slot: number): boolean {
  const now = at(candidate.placed, slot);
  const before = candidate.cost;
  candidate.take(slot);
  const { column } = bestColumns(candidate, slot);
  candidate.put(slot, column === -1 ? now : column);
  if (candidate.cost < before) return true;
  candidate.take(slot);
  candidate.put(slot, now);
  return false;
}

/** Two slots change boxes, each in the class that is best there. */
function swap(candidate: Candidate, slot: number, random: PlacementRandom): boolean {
  const { slots } = candidate.instance;
  const all = slots.length <= swapPartnersMax;
  for (let turn = 0; turn < Math.min(slots.length, swapPartnersMax); turn += 1) {
    const other = all ? turn : random.nextInt(slots.length);
    const mine = candidate.column(slot);
    const theirs = candidate.column(other);
    if (mine === undefined || theirs === undefined || mine.node === theirs.node) continue;
    const before = { cost: candidate.cost, mine: at(candidate.placed, slot), theirs: at(candidate.placed, other) };
    candidate.take(slot);
    candidate.take(other);
    if (putBestAt(candidate, slot, theirs.node)) {
      if (putBestAt(candidate, other, mine.node)) {
        if (candidate.cost < before.cost) return true;
        candidate.take(other);
      }
      candidate.take(slot);
    }
    candidate.put(slot, before.mine);
    candidate.put(other, before.theirs);
  }
  return false;
}

function putBestAt(candidate: Candidate, slot: number, node: number): boolean {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  at(candidate.instance.slots, slot).columns.forEach((column, index) => {
    if (column.node !== node || !candidate.fits(slot, column)) return;
    candidate.put(slot, index);
    if (candidate.cost < least) {
      least = candidate.cost;
      best = index;
    }
    candidate.take(slot);
  });
  if (best !== -1) candidate.put(slot, best);
  return best !== -1;
}

/** Clears two boxes in part, or a few slots anywhere. */
function ruin(candidate: Candidate, random: PlacementRandom): void {
  const { slots, site } = candidate.instance;
  const count = 2 + random.nextInt(5);
  const pool =
    random.nextInt(2) === 0
      ? slots.map((_, slot) => slot)
      : [random.nextInt(site.nodes.length), random.nextInt(site.nodes.length)].flatMap((node) => [...candidate.slotsAt(node)]);
  for (let turn = 0; turn < count && pool.length > 0; turn += 1) {
    const slot = at(pool, random.nextInt(pool.length));
    if (at(candidate.placed, slot) !== -1) candidate.take(slot);
  }
}

function emptySlots(candidate: Candidate): number[] {
  return candidate.instance.slots.flatMap((_, slot) => (at(candidate.placed, slot) === -1 ? [slot] : []));
}

function byLevel({ instance }: Candidate): (a: number, b: number) => number {
  return (a, b) => at(instance.slots, a).level - at(instance.slots, b).level;
}

function keep(candidate: Candidate): { readonly placed: Int32Array; readonly unplaced: Int32Array; readonly cost: number } {
  return { placed: candidate.placed.slice(), unplaced: candidate.unplaced.slice(), cost: candidate.cost };
}
