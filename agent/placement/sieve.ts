/** Columns that can be in a better plan than one that is known: of the others a proof need not know. */
import type { Flat } from './flat.ts';
import { at } from './model.ts';
import { headsOf } from './prices.ts';

/** What sums of many terms may be off by, in micro-seconds per hour. */
const dust = 1;

/**
 * @param bound that no plan is below, and `rises` above it of plans that use a column, asked for once.
 * @returns what leaves only columns that plans of less than a cost may use.
 */
export function sieveOf(flat: Flat, bound: number, rises: () => Float64Array): (cost: number) => Flat {
  const { slots, width, first, node, index, cost, demand, keeps } = flat;
  let rise: Float64Array | undefined;
  return (most) => {
    rise ??= rises();
    const heads = new Set(headsOf(flat));
    const left: number[] = [];
    const firstLeft = new Int32Array(slots + 1);
    const keepsLeft = new Int32Array(slots).fill(-1);
    let head = 0;
    for (let slot = 0; slot < slots; slot += 1) {
      if (heads.has(slot)) head = at(first, slot);
      const start = at(first, slot);
      for (let column = start; column < at(first, slot + 1); column += 1) {
        // Of replicas without any difference only the first has been looked at.
        if (bound + at(rise, head + column - start) - dust >= most) continue;
        if (column === at(keeps, slot)) keepsLeft[slot] = left.length;
        left.push(column);
      }
      firstLeft[slot + 1] = left.length;
    }
    const rows = new Float64Array(left.length * width);
    for (const [to, column] of left.entries()) rows.set(demand.subarray(column * width, (column + 1) * width), to * width);
    return {
      ...flat,
      first: firstLeft,
      node: Int32Array.from(left, (column) => at(node, column)),
      index: Int32Array.from(left, (column) => at(index, column)),
      cost: Float64Array.from(left, (column) => at(cost, column)),
      demand: rows,
      keeps: keepsLeft,
    };
  };
}
