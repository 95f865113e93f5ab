import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CopyShares } from '../../../agent/placement/copies.ts';
import { flatten } from '../../../agent/placement/flat.ts';
import { findPrices, headsOf } from '../../../agent/placement/prices.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { boundOfAll, hasOmitted, withoutOmitted } from '../../../agent/placement/whole.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';
import { bruteForce, costOf } from './brute-force.ts';
import { constrained, kinds } from './constrained-problem.ts';
import { makeNode, makeProblem, makeWorkload } from './problems.ts';

const never = (): boolean => false;

const boundWithCopies = (problem: PlacementProblem): number => {
  const flat = flatten(compile(problem));
  return boundOfAll(flat, findPrices(flat, never).price, () => never).bound / 1e6;
};
const near = (value: number, expected: number): void =>
  assert.ok(value <= expected && value > 0.999 * expected - 1e-3, `${value} instead of ${expected}`);

describe('a bound where columns were left out', () => {
  for (const seed of [1, 2, 3])
    it(`P9: is below a plan of all columns, and nearly what all columns prove, on generated problem ${seed}`, () => {
      const { problem } = multiClassProblem({ workloads: 150, nodes: 60, seed });
      const flat = flatten(compile(problem, { columnsMax: 1 }));
      assert.ok(hasOmitted(flat));
      const capped = findPrices(flat, never).bound;
      const prices = findPrices(withoutOmitted(flat), never);
      const bound = boundOfAll(flat, prices.price, () => never, 200).bound;
      const all = flatten(compile(problem));
      assert.ok(!hasOmitted(all));
      const { objective, unplaced } = solve({ ...problem, limits: { steps: 100_000, seed: 1, starts: 1 } });
      assert.deepEqual(unplaced, []);
      assert.ok(bound / 1e6 <= objective.total, `bound ${bound / 1e6}, plan ${objective.total}`);
      assert.ok(bound > capped, `bound ${bound}, with what was left out at its least cost ${capped}`);
      assert.ok(bound > 0.98 * findPrices(all, never).bound);
    });

  it('P9 P14: counts copies of shared data, each box by no more than one copy', () => {
    const { problem } = multiClassProblem({ workloads: 100, nodes: 20, seed: 4 });
    const flat = flatten(compile(problem));
    const { price, bound } = findPrices(flat, never);
    const heads = headsOf(flat);
    const copies = CopyShares.of(flat, heads, price);
    assert.ok(copies !== undefined);
    const { slots, shared: read, sharedCount } = flat.instance;
    assert.equal(copies.free, sharedCount * 1e6 * problem.weights.colocation);
    findPrices(flat, never, { price, rounds: 200, copies });
    const paid = new Float64Array(flat.nodes);
    const sources = new Int32Array(flat.nodes);
    let most = 0;
    for (let box = 0; box < flat.nodes; box += 1) {
      const here = new Set<number>();
      for (const slot of heads) {
        const sharesHere = new Map<number, number>();
        for (let column = flat.first[slot] ?? 0; column < (flat.first[slot + 1] ?? 0); column += 1) {
          const share = (copies.cost[column] ?? 0) - (flat.cost[column] ?? 0);
          assert.ok(share >= 0);
          if (flat.node[column] !== box) continue;
          sharesHere.set(Math.round(share), share);
          for (const source of read[slots[slot]?.workload ?? 0] ?? []) here.add(source);
        }
        assert.ok(sharesHere.size <= 1, 'the class makes no difference');
        for (const share of sharesHere.values()) paid[box] = (paid[box] ?? 0) + share;
      }
      sources[box] = here.size;
      most = Math.max(most, (paid[box] ?? 0) / 1e6 / here.size);
    }
    paid.forEach((sum, box) => {
      assert.ok(sum < (sources[box] ?? 0) * 1e6, `box ${box}: ${sum} for ${sources[box]} sources`);
    });
    assert.ok(most > 0.8, `${most}: copies are hardly paid for`);
    const proven = boundOfAll(flat, price, () => never).bound;
    assert.ok(proven > 1.01 * bound, `${proven} with copies, ${bound} without`);
    const { objective } = solve({ ...problem, limits: { steps: 100_000, seed: 1, starts: 1 } });
    assert.ok(proven / 1e6 <= objective.total, `bound ${proven / 1e6}, plan ${objective.total}`);
  });

  it('P9 P14: counts each copy beyond the first, as worked out by hand', () => {
    const reader = (id: string, copies: number) =>
      makeWorkload(id, {
        replicas: copies,
        classes: ['hot'],
        inputs: [{ source: 's', mbPerCall: 0, hard: true }],
        demand: { memoryMiB: 10 },
      });
    const problem = (first: number, second: number, fixed: PlacementProblem['fixed'] = []): PlacementProblem => ({
      ...makeProblem(
        ['a', 'b', 'c'].map((id) => makeNode(id)),
        [reader('u', first), reader('v', second)],
        {
          fixed,
          sources: [{ id: 's', nodes: ['a', 'b', 'c'], rateMBps: 1 }],
        },
      ),
    });
    near(boundWithCopies(problem(1, 1)), 0);
    near(boundWithCopies(problem(2, 1)), 1);
    near(boundWithCopies(problem(3, 3)), 2);
    const at = (node: string, workload: string, replica: number) => ({ workload, replica, node, class: 'hot' as const });
    // Both are there already: a third box would be a third copy, and one of them has room for all.
    near(boundWithCopies(problem(2, 1, [at('a', 'u', 0), at('b', 'u', 1)])), 1);
    near(boundWithCopies(problem(2, 3, [at('a', 'u', 0), at('b', 'u', 1)])), 2);
  });

  it('P9 P14: is below the best of all plans with copies, whatever constrains them', () => {
    let above = 0;
    fc.assert(
      fc.property(fc.nat(), fc.subarray([...kinds]), fc.constantFrom(0, 1), (seed, on, balance) => {
        const drawn = constrained(seed, new Set(on));
        const inputs = [{ source: 's', mbPerCall: 0, hard: true }];
        const problem = {
          ...drawn,
          weights: { ...drawn.weights, balance },
          workloads: drawn.workloads.map((work) => (on.length % 2 === 0 ? { ...work, inputs } : work)),
        };
        const { objective, unplaced, assignments } = solve(problem);
        if (unplaced.length > 0) return;
        assert.ok(Math.abs(costOf(problem, assignments) - bruteForce(problem).cost) < 1e-4);
        const flat = flatten(compile(problem));
        const { price, bound } = findPrices(flat, never);
        const proven = boundOfAll(flat, price, () => never).bound;
        assert.ok(proven / 1e6 <= objective.total, `bound ${proven / 1e6}, optimum ${objective.total}`);
        if (proven > bound + 1e5) above += 1;
      }),
      { numRuns: 150 },
    );
    assert.ok(above > 10, `only ${above} bounds are higher for the copies`);
  });

  it('P14: knows nothing of copies that cost nothing', () => {
    const { problem } = multiClassProblem({ workloads: 20, nodes: 8, seed: 5 });
    const flat = flatten(compile({ ...problem, weights: { ...problem.weights, colocation: 0 } }));
    assert.equal(CopyShares.of(flat, headsOf(flat), new Float64Array(flat.nodes * flat.width)), undefined);
  });
});
