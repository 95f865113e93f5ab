import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Candidate } from '../../../agent/placement/candidate.ts';
import { enumerate } from '../../../agent/placement/enumerate.ts';
import { type Flat, flatten } from '../../../agent/placement/flat.ts';
import { grainOf } from '../../../agent/placement/grain.ts';
import { Outlook } from '../../../agent/placement/outlook.ts';
import { findPrices } from '../../../agent/placement/prices.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { boundOfAll } from '../../../agent/placement/whole.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';
import { constrained, kinds } from './constrained-problem.ts';

const never = (): boolean => false;

function ready(problem: PlacementProblem, deepens = false) {
  const flat = flatten(compile(problem));
  const { price, bound } = findPrices(flat, never);
  const { sieve } = boundOfAll(flat, price, () => never);
  if (deepens) sieve?.deepen(never);
  // Where nothing is asked for, there is no such bound.
  return { flat, price, bound, sieve, sift: (cost: number): Flat => sieve?.leave(cost, never) ?? flat, grain: grainOf(flat) };
}

/** The best plan of some columns, from no plan at all. */
function bestOf(flat: Flat, price: Float64Array): Candidate {
  const candidate = new Candidate(flat.instance);
  assert.ok(enumerate(candidate, { steps: 1e7, target: 0, interrupted: never }, { flat, price, grain: grainOf(flat) }));
  return candidate;
}

describe('a sieve', () => {
  it('P9: leaves the best of all plans, whatever constrains them', () => {
    let [before, after] = [0, 0];
    fc.assert(
      fc.property(fc.nat(), fc.subarray([...kinds]), fc.constantFrom(0, 1, 5), (seed, on, balance) => {
        const drawn = constrained(seed, new Set(on));
        const problem = { ...drawn, weights: { ...drawn.weights, balance } };
        const { flat, price, sift } = ready(problem);
        const best = bestOf(flat, price);
        if (best.unplaced.some((count) => count > 0)) return;
        const left = sift(best.cost + 1);
        before += flat.cost.length;
        after += left.cost.length;
        const found = bestOf(left, price);
        assert.deepEqual([...found.unplaced, found.cost], [...best.unplaced, best.cost]);
      }),
      { numRuns: 200 },
    );
    assert.ok(after < 0.8 * before, `${after} columns left of ${before}`);
  });

  it('P9: leaves the best of all plans when its bound was made higher, whenever that is ended', () => {
    let higher = 0;
    fc.assert(
      fc.property(
        fc.nat(),
        fc.subarray([...kinds]),
        fc.constantFrom(0, 1, 5),
        fc.constantFrom(0, 3, 40, 1e9),
        (seed, on, balance, most) => {
          const drawn = constrained(seed, new Set(on));
          const problem = { ...drawn, weights: { ...drawn.weights, balance } };
          const { flat, price, sieve } = ready(problem);
          const best = bestOf(flat, price);
          if (sieve === undefined || best.unplaced.some((count) => count > 0)) return;
          const ends = (nodes: number): boolean => nodes > most;
          const before = sieve.bound;
          sieve.deepen(ends);
          assert.ok(sieve.bound >= before);
          if (sieve.bound > before) higher += 1;
          assert.ok(sieve.bound <= best.cost, `bound ${sieve.bound}, optimum ${best.cost}`);
          for (const more of [1e6, 1]) {
            const found = bestOf(sieve.leave(best.cost + more, ends), price);
            assert.deepEqual([...found.unplaced, found.cost], [...best.unplaced, best.cost]);
          }
        },
      ),
      { numRuns: 200 },
    );
    assert.ok(higher > 0);
  });

  it('P9: a higher bound is near the optimum of generated problems, and leaves fewer columns', () => {
    for (const seed of [3, 4, 7]) {
      const { problem } = multiClassProblem({ workloads: 14, nodes: 5, seed });
      const { flat, price, sieve, sift, grain } = ready(problem);
      const best = bestOf(flat, price);
      const before = { bound: sieve?.bound ?? 0, columns: sift(best.cost + grain.size).cost.length };
      sieve?.deepen(never);
      const left = sift(best.cost + grain.size);
      const gap = (bound: number): number => best.cost - bound;
      assert.ok(gap(sieve?.bound ?? 0) >= 0 && gap(sieve?.bound ?? 0) < 0.5 * gap(before.bound), `seed ${seed}: ${sieve?.bound}`);
      assert.ok(left.cost.length < before.columns, `seed ${seed}: ${left.cost.length} columns left, ${before.columns} before`);
      assert.equal(bestOf(left, price).cost, best.cost);
    }
  });

  it('P9: leaves the columns of the best plan, and few others, on a generated problem', () => {
    for (const seed of [3, 4, 7]) {
      const { flat, price, sift, grain } = ready(multiClassProblem({ workloads: 14, nodes: 5, seed }).problem);
      const best = bestOf(flat, price);
      const left = sift(best.cost + grain.size);
      const kept = Array.from(best.placed, (column, slot) => left.index.subarray(left.first[slot], left.first[slot + 1]).includes(column));
      assert.ok(
        kept.every((isKept) => isKept),
        `seed ${seed}`,
      );
      assert.ok(left.cost.length < 0.5 * flat.cost.length, `${left.cost.length} columns left of ${flat.cost.length}`);
    }
  });
});

describe('the outlook to a proof', () => {
  const { flat, price, bound, sift, grain } = ready(multiClassProblem({ workloads: 14, nodes: 5, seed: 3 }).problem);
  const best = bestOf(flat, price).cost;
  const fresh = (): Outlook => new Outlook({ flat, price, grain }, bound, sift, 0);

  it('P9: is near when the proof fits into the time that is left, or nothing better has been found for long', () => {
    const outlook = fresh();
    assert.equal(outlook.isNear(0.5, 1e6, 0), false, 'without a plan');
    outlook.better(best);
    assert.equal(outlook.isNear(0.1, 1e6, 0), false, 'too early');
    assert.equal(outlook.isNear(0.5, 10, 0), false, 'as slow as that it would take too long');
    assert.equal(outlook.isNear(0.55, 1e6, 0), false, 'looked just now');
    assert.equal(outlook.isNear(0.65, 1e6, 0), true);
    const stale = fresh();
    stale.better(best);
    assert.equal(stale.isNear(0.5, 10, 2), false);
    assert.equal(stale.isNear(0.6, 10, 3), true);
    stale.better(best);
    assert.equal(stale.isNear(0.8, 10, 5), false, 'better two rounds ago');
  });

  it('P9: is not near where too many plans are left', () => {
    const large = ready(multiClassProblem({ workloads: 40, nodes: 8, seed: 1 }).problem);
    const outlook = new Outlook(large, large.bound, large.sift, 0);
    outlook.better(large.bound * 1.2);
    assert.equal(outlook.isNear(0.5, 1e6, 9), false);
  });
});
