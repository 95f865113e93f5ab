import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Boxes } from '../../../agent/placement/boxes.ts';
import { CopyShares } from '../../../agent/placement/copies.ts';
import { ExactBoxes } from '../../../agent/placement/exact-boxes.ts';
import { type Flat, flatten } from '../../../agent/placement/flat.ts';
import { discomfort, feelsLoad, findPrices, headsOf } from '../../../agent/placement/prices.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { constrained, kinds } from './constrained-problem.ts';

const never = (): boolean => false;
const at = <T>(items: ArrayLike<T>, index: number): T => items[index] as T;

interface Demanded {
  readonly head: number;
  /** -1: none of it. */
  readonly column: number;
}

/** The least a box can come to over all that it might take: every way is looked at. */
function leastOf(flat: Flat, boxes: Boxes, copyCost: number, worth: Float64Array, box: number, demanded?: Demanded): number {
  const { width, demand, cost, instance, capacity, fixedLoad, fixedOf } = { ...flat, fixedOf: flat.instance.fixed };
  const columnsOf = (head: number): readonly number[] =>
    [...flat.node.keys()].filter(
      (column) =>
        at(flat.node, column) === box &&
        column >= at(flat.first, at(boxes.heads, head)) &&
        column < at(flat.first, at(boxes.heads, head) + 1),
    );
  const there = new Set(fixedOf.filter(({ node }) => node === box).flatMap(({ workload }) => at(instance.shared, workload)));
  let least = Number.POSITIVE_INFINITY;
  const workloadOf = (head: number): number => at(instance.slots, at(boxes.heads, head)).workload;
  const look = (head: number, taken: readonly { readonly head: number; readonly column: number }[]): void => {
    if (head === boxes.heads.length) {
      const load = Array.from({ length: width }, (_, r) => taken.reduce((sum, { column }) => sum + at(demand, column * width + r), 0));
      if (load.some((used, r) => at(fixedLoad, box * width + r) + used > at(capacity, box * width + r) + 1e-6)) return;
      if (taken.some((one) => taken.some((other) => at(instance.apart, workloadOf(one.head)).has(workloadOf(other.head))))) return;
      const read = new Set(taken.flatMap((one) => at(instance.shared, workloadOf(one.head)).filter((source) => !there.has(source))));
      const own = taken.reduce((sum, one) => sum + at(cost, one.column) - at(worth, one.head), 0);
      const comfort = load.reduce((sum, used, r) => {
        const index = box * width + r;
        return sum + (feelsLoad(flat, index) ? discomfort(flat, index, at(fixedLoad, index) + used) : 0);
      }, 0);
      least = Math.min(least, own + copyCost * read.size + comfort);
      return;
    }
    if (demanded?.head !== head || demanded.column === -1) look(head + 1, taken);
    if (demanded?.head === head && demanded.column === -1) return;
    for (const column of columnsOf(head))
      if (demanded?.head !== head || demanded.column === column) look(head + 1, [...taken, { head, column }]);
  };
  look(0, []);
  return least;
}

describe('boxes where all that they have room for counts', () => {
  it('P9: come to what the best of all ways comes to; and rise by what they miss where a column is used', () => {
    let [taken, risen] = [0, 0];
    fc.assert(
      fc.property(fc.nat(), fc.subarray([...kinds]), fc.constantFrom(0, 5), (seed, on, balance) => {
        const drawn = constrained(seed, new Set(on));
        const flat = flatten(compile({ ...drawn, weights: { ...drawn.weights, balance } }));
        if (flat.width === 0 || flat.cost.length === 0) return;
        const { price } = findPrices(flat, never);
        const copies = CopyShares.of(flat, headsOf(flat), price);
        const boxes = new Boxes(flat, copies?.cost ?? flat.cost, price);
        const exact = new ExactBoxes(flat, boxes, copies);
        const random = new PlacementRandom(seed);
        const worth = Float64Array.from(boxes.heads, (slot) => {
          const own = [...flat.cost.subarray(flat.first[slot], flat.first[slot + 1])];
          return Math.max(...own) * (0.3 + random.next()) + 1000;
        });
        const copyCost = copies?.copyCost ?? 0;
        assert.ok(exact.take(worth));
        const sums = Array.from({ length: flat.nodes }, (_, box) => leastOf(flat, boxes, copyCost, worth, box));
        const sum = sums.reduce((all, one) => all + one, 0);
        assert.ok(Math.abs(exact.value - sum) <= 3 * flat.nodes + 1e-9 * Math.abs(sum), `${exact.value}, by trying all ${sum}`);
        taken += exact.taken.reduce((all, count) => all + count, 0);
        const rise = exact.rises(worth, exact.values, 1e15);
        for (const [head, slot] of boxes.heads.entries())
          for (let column = at(flat.first, slot); column < at(flat.first, slot + 1); column += 1) {
            const box = at(flat.node, column);
            const forced = leastOf(flat, boxes, copyCost, worth, box, { head, column });
            const others = sums.map((own, other) =>
              other === box || at(boxes.need, head) > 1 ? 0 : leastOf(flat, boxes, copyCost, worth, other, { head, column: -1 }) - own,
            );
            const expected = forced - at(sums, box) + others.reduce((all, one) => all + one, 0);
            if (expected === Number.POSITIVE_INFINITY) assert.ok(at(rise, column) > 1e14, `column ${column} fits nowhere`);
            else
              assert.ok(Math.abs(at(rise, column) - expected) <= 4 * flat.nodes + 1e-9 * Math.abs(sum), `${at(rise, column)}, ${expected}`);
            if (at(rise, column) > 1000) risen += 1;
          }
      }),
      { numRuns: 150 },
    );
    assert.ok(taken > 0 && risen > 0, `${taken} taken, ${risen} risen`);
  });

  it('P9: cut short, come to less, and never to more', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(1, 2, 5), (seed, nodesMost) => {
        const flat = flatten(compile(constrained(seed, new Set(['disk']))));
        if (flat.width === 0 || flat.cost.length === 0) return;
        const { price } = findPrices(flat, never);
        const copies = CopyShares.of(flat, headsOf(flat), price);
        const boxes = new Boxes(flat, copies?.cost ?? flat.cost, price);
        const worth = Float64Array.from(
          boxes.heads,
          (slot) => 1.5 * Math.max(...flat.cost.subarray(flat.first[slot], flat.first[slot + 1])),
        );
        const [whole, part] = [new ExactBoxes(flat, boxes, copies), new ExactBoxes(flat, boxes, copies)];
        part.nodesMost = nodesMost;
        whole.take(worth);
        part.take(worth);
        assert.ok(part.value <= whole.value + flat.nodes, `${part.value} with ${nodesMost} nodes, ${whole.value} with all`);
      }),
      { numRuns: 100 },
    );
  });
});
