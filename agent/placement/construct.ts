/** Builders of candidate plans: from what stands, by regret, by the diffusion law, evenly drawn, and in a raster. Critical work is placed first. */
import type { Candidate } from './candidate.ts';
import type { Column } from './columns.ts';
import { at, workTemperature } from './model.ts';
import type { PlacementRandom } from './random.ts';

/** Slots looked at together when the one with most to lose is chosen. */
const regretWindow = 8;
/** Pull that even a warm box has on cold work. */
const leastForce = 0.05;

/** Puts back what runs now, as far as it may stay. */
export function keepCurrent(candidate: Candidate): void {
  for (const slot of placingOrder(candidate)) {
    const { columns, currentColumn } = at(candidate.instance.slots, slot);
    const column = columns[currentColumn];
    if (at(candidate.placed, slot) === -1 && column !== undefined && candidate.fits(slot, column)) candidate.put(slot, currentColumn);
  }
}

/** Critical first; of equals those with the fewest columns, then the largest. */
export function placingOrder({ instance }: Candidate): number[] {
  const { slots, site } = instance;
  const size = (slot: number): number => at(site.workloads, at(slots, slot).workload).demand.memoryMiB;
  return slots
    .map((_, slot) => slot)
    .sort(
      (a, b) =>
        at(slots, a).level - at(slots, b).level || at(slots, a).columns.length - at(slots, b).columns.length || size(b) - size(a) || a - b,
    );
}

/** Of the next few slots, the one that loses most when it does not get its best column goes first. */
export function placeByRegret(candidate: Candidate, order: readonly number[]): void {
  const waiting = order.filter((slot) => at(candidate.placed, slot) === -1);
  while (waiting.length > 0) {
    const level = at(candidate.instance.slots, at(waiting, 0)).level;
    let chosen = { position: 0, column: -1, regret: -1 };
    for (let position = 0; position < Math.min(regretWindow, waiting.length); position += 1) {
      const slot = at(waiting, position);
      if (at(candidate.instance.slots, slot).level !== level) break;
      const { column, regret } = bestColumns(candidate, slot);
      if (regret > chosen.regret) chosen = { position, column, regret };
    }
    const slot = at(waiting, chosen.position);
    waiting.splice(chosen.position, 1);
    if (chosen.column >= 0) candidate.put(slot, chosen.column);
  }
}

/** Temperature of a box: 0 empty, 2 full. */
export function nodeTemperature(candidate: Candidate, node: number): number {
  return Math.min(2, 2 * candidate.fullness(node));
}

/** Force with which a box attracts work of a class: the temperature difference, and never quite nothing. */
export function diffusionForce(work: number, box: number): number {
  return Math.max(0, work - box) + leastForce;
}

/** The diffusion law: each slot samples a column in proportion to the force of its box; boxes warm up as load lands. */
export function placeByDiffusion(candidate: Candidate, random: PlacementRandom): void {
  placeDrawn(candidate, random, (column) => diffusionForce(workTemperature[column.class], nodeTemperature(candidate, column.node)));
}

/** Random sampling: any place that is free as likely as any other. */
export function placeEvenly(candidate: Candidate, random: PlacementRandom): void {
  placeDrawn(candidate, random, () => 1);
}

/**
 * A systematic raster: from one replica to the next the place looked at first goes on by a stride, so that the starts together cover the
 * places evenly, whatever they cost.
 * @param start which of the starts: where the raster begins, and its stride.
 */
export function placeByRaster(candidate: Candidate, start: number): void {
  const { slots, site } = candidate.instance;
  const boxes = site.nodes.length;
  let position = start;
  for (const slot of placingOrder(candidate)) {
    if (at(candidate.placed, slot) !== -1) continue;
    const { columns } = at(slots, slot);
    const order = columns.map((_, index) => index).sort((a, b) => at(columns, a).node - at(columns, b).node || a - b);
    for (let turn = 0; turn < order.length; turn += 1) {
      const index = at(order, (position + turn) % order.length);
      if (!candidate.fits(slot, at(columns, index))) continue;
      candidate.put(slot, index);
      break;
    }
    position += 1 + (start % Math.max(1, boxes));
  }
}

/** Each slot samples a column that fits, in proportion to its weight. Critical levels go first; inside a level the order is drawn. */
function placeDrawn(candidate: Candidate, random: PlacementRandom, weigh: (column: Column) => number): void {
  const { slots } = candidate.instance;
  const drawn = random.shuffle(placingOrder(candidate)).sort((a, b) => at(slots, a).level - at(slots, b).level);
  for (const slot of drawn) {
    if (at(candidate.placed, slot) !== -1) continue;
    const fitting: { readonly column: number; readonly weight: number }[] = [];
    let sum = 0;
    at(slots, slot).columns.forEach((column, index) => {
      if (!candidate.fits(slot, column)) return;
      const weight = weigh(column);
      sum += weight;
      fitting.push({ column: index, weight });
    });
    let left = random.next() * sum;
    const found = fitting.find(({ weight }) => {
      left -= weight;
      return left <= 0;
    });
    const pick = found ?? fitting.at(-1);
    if (pick !== undefined) candidate.put(slot, pick.column);
  }
}

/**
 * Cheapest fitting column with what is placed now, and what the second best would cost more.
 * @param avoided box whose columns are left out, -1 for none.
 */
export function bestColumns(
  candidate: Candidate,
  slot: number,
  avoided = -1,
): { readonly column: number; readonly cost: number; readonly regret: number } {
  let column = -1;
  let least = Number.POSITIVE_INFINITY;
  let second = Number.POSITIVE_INFINITY;
  const before = candidate.cost;
  const { slots, site } = candidate.instance;
  const { columns, workload } = at(slots, slot);
  // Columns are sorted by their own cost, and only a partner come nearer, or what was free out of proportion, makes one cheaper than that.
  const sorted = at(candidate.instance.watchedBy, workload).length === 0 && (site.problem.proportions ?? []).length === 0;
  columns.forEach((option, index) => {
    if (option.node === avoided || (sorted && option.cost >= second) || !candidate.fits(slot, option)) return;
    candidate.put(slot, index);
    const cost = candidate.cost - before;
    candidate.take(slot);
    if (cost < least) {
      second = least;
      least = cost;
      column = index;
    } else if (cost < second) second = cost;
  });
  return { column, cost: least, regret: column === -1 ? -1 : second === Number.POSITIVE_INFINITY ? Number.MAX_VALUE : second - least };
}
