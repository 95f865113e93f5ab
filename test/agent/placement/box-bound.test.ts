import assert from 'node:assert/strict';
import fc from 'fast-check';
import { boundByBoxes } from '../../../agent/placement/box-bound.ts';
import { flatten } from '../../../agent/placement/flat.ts';
import { Knapsack } from '../../../agent/placement/knapsack.ts';
import { findPrices } from '../../../agent/placement/prices.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { solve } from '../../../agent/placement/solve.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';
import { bruteForce } from './brute-force.ts';
import { constrained, kinds } from './constrained-problem.ts';
import { makeNode, makeProblem, makeWorkload } from './problems.ts';

const units = 512;
const never = (): boolean => false;

/** Both bounds, in seconds per hour. */
function boundsOf(problem: PlacementProblem): { readonly prices: number; readonly boxes: number } {
  const flat = flatten(compile(problem));
  const { price, bound } = findPrices(flat, never);
  return { prices: bound / 1e6, boxes: boundByBoxes(flat, { price }, never).bound / 1e6 };
}

interface Option {
  readonly value: number;
  readonly demand: number;
}

/** The least that whole options come to within the room. */
const leastOf = (entries: readonly (readonly Option[])[], room: number): number => {
  const [entry, ...others] = entries;
  if (entry === undefined) return 0;
  return entry.reduce(
    (least, { value, demand }) => (demand > room ? least : Math.min(least, value + leastOf(others, room - demand))),
    leastOf(others, room),
  );
};

function filled(entries: readonly (readonly Option[])[]): Knapsack {
  const knapsack = new Knapsack(entries.length, entries.flat().length);
  knapsack.clear(units);
  for (const options of entries) {
    for (const { value, demand } of options) knapsack.option(value, Math.floor(demand * units));
    knapsack.add();
  }
  return knapsack;
}

const bestOf = (knapsack: Knapsack): number =>
  Array.from({ length: units + 1 }, (_, used) => used).reduce(
    (best, used) => (knapsack.least(used) < knapsack.least(best) ? used : best),
    0,
  );

const entriesOf = (demand: fc.Arbitrary<number>) =>
  fc.array(fc.array(fc.record({ value: fc.integer({ min: -100, max: -1 }), demand }), { minLength: 1, maxLength: 3 }), { maxLength: 6 });

describe('a knapsack', () => {
  it('P9: takes what is best where demands are whole units, and says what', () => {
    fc.assert(
      fc.property(entriesOf(fc.integer({ min: 0, max: units + 8 }).map((count) => count / units)), (entries) => {
        const knapsack = filled(entries);
        const best = bestOf(knapsack);
        assert.equal(knapsack.least(best), leastOf(entries, 1));
        let [sum, used] = [0, 0];
        knapsack.takenWith(best, (entry, option) => {
          sum += entries[entry]?.[option]?.value ?? 0;
          used += entries[entry]?.[option]?.demand ?? 0;
        });
        assert.equal(sum, knapsack.least(best));
        assert.equal(used * units, best);
      }),
      { numRuns: 500 },
    );
  });

  it('P9: never comes to more than the best, and to that of a little more room at the most', () => {
    fc.assert(
      fc.property(entriesOf(fc.double({ min: 0, max: 1.1, noNaN: true })), (entries) => {
        const knapsack = filled(entries);
        const least = knapsack.least(bestOf(knapsack));
        assert.ok(least <= leastOf(entries, 1));
        assert.ok(least >= leastOf(entries, 1 + (entries.length + 1) / units));
      }),
      { numRuns: 500 },
    );
  });
});

describe('a bound with whole replicas', () => {
  it('P9: knows that a box takes no part of a replica', () => {
    // Two small boxes have room for five thirds of a replica each; one replica of three has to go to the box that may fail.
    const problem = makeProblem(
      [
        makeNode('a', { capacity: { memoryMiB: 1000 } }),
        makeNode('b', { capacity: { memoryMiB: 1000 } }),
        makeNode('c', { health: { usable: true, risk: 0.5 } }),
      ],
      ['u', 'v', 'w'].map((id) => makeWorkload(id, { classes: ['hot'], demand: { memoryMiB: 600 }, criticality: 1 })),
    );
    const { objective } = solve(problem);
    const { prices, boxes } = boundsOf({ ...problem, weights: { ...problem.weights, balance: 0 } });
    assert.ok(objective.total > 29, `${objective.total}`);
    assert.ok(prices < 1, `${prices} by prices alone`);
    assert.ok(boxes > 29 && boxes <= objective.total, `${boxes} with whole replicas`);
  });

  it('P9: begins where prices alone end, or above', () => {
    for (const seed of [1, 2, 3]) {
      const flat = flatten(compile(multiClassProblem({ workloads: 60, nodes: 12, seed }).problem));
      const prices = findPrices(flat, never);
      const { bound } = boundByBoxes(flat, { price: prices.price, rounds: 1 }, never);
      assert.ok(bound > prices.bound * 1.001, `seed ${seed}: ${bound} at the beginning, ${prices.bound} by prices`);
    }
  });

  for (const [shape, least] of [
    [{ workloads: 60, nodes: 12, seed: 1 }, 1.02],
    [{ workloads: 120, nodes: 20, seed: 2 }, 1.01],
    [{ workloads: 60, nodes: 12, seed: 3, tight: true }, 1.01],
  ] as const)
    it(`P9: is above what prices prove, and below a plan: ${JSON.stringify(shape)}`, () => {
      const { problem } = multiClassProblem(shape);
      const { prices, boxes } = boundsOf(problem);
      const { objective, unplaced } = solve({ ...problem, limits: { steps: 200_000, seed: 1, starts: 1 } });
      assert.deepEqual(unplaced, []);
      assert.ok(boxes > least * prices, `${boxes} with whole replicas, ${prices} by prices`);
      assert.ok(boxes <= objective.total, `bound ${boxes}, plan ${objective.total}`);
    });

  it('P9: is below the best of all plans, whatever constrains them', () => {
    let above = 0;
    fc.assert(
      fc.property(fc.nat(), fc.subarray([...kinds]), fc.constantFrom(0, 1, 5), (seed, on, balance) => {
        const drawn = constrained(seed, new Set(on));
        const problem = { ...drawn, weights: { ...drawn.weights, balance } };
        const { unplaced } = solve(problem);
        if (unplaced.length > 0) return;
        const { cost } = bruteForce(problem);
        const { prices, boxes } = boundsOf(problem);
        assert.ok(boxes <= cost + 1e-6, `bound ${boxes}, optimum ${cost}`);
        if (boxes > prices + 0.1) above += 1;
      }),
      { numRuns: 200 },
    );
    // Some 15 on average of what is drawn anew each time.
    assert.ok(above > 0, 'no bound is higher for whole replicas');
  });

  it('P9, P12: knows that a failure domain takes one replica only, where they are spread over domains', () => {
    // The cheap boxes are of one domain: the other replica has to go to the box that may fail.
    const problem = makeProblem(
      [
        makeNode('a', { domain: 'east' }),
        makeNode('b', { domain: 'east' }),
        makeNode('c', { domain: 'west', health: { usable: true, risk: 0.5 } }),
      ],
      [makeWorkload('w', { replicas: 2, spread: 'domain', classes: ['hot'], criticality: 1 })],
    );
    const { boxes } = boundsOf({ ...problem, weights: { ...problem.weights, balance: 0 } });
    assert.ok(boxes > 29 && boxes <= solve(problem).objective.total, `${boxes} with whole replicas`);
    // Where there are not as many domains, it is of those that find a place.
    const more = problem.workloads.map((workload) => ({ ...workload, replicas: 3 }));
    const { boxes: ofTwo } = boundsOf({ ...problem, workloads: more, weights: { ...problem.weights, balance: 0 } });
    assert.ok(Math.abs(ofTwo - boxes) < 0.01, `${ofTwo}, ${boxes} with a replica less`);
  });

  it('P9, P12: of a site with failure domains is above what prices prove, and below a plan', () => {
    const { problem } = multiClassProblem({ workloads: 150, nodes: 40, seed: 2 });
    const { prices, boxes } = boundsOf(problem);
    const { objective, unplaced } = solve({ ...problem, limits: { steps: 100_000, seed: 1, starts: 1 } });
    assert.deepEqual(unplaced, []);
    assert.ok(boxes > 1.01 * prices && boxes <= objective.total, `${boxes} with whole replicas, ${prices} by prices, ${objective.total}`);
  });

  it('P9: is not asked for where nothing is: boxes are never full', () => {
    const nothing = { memoryMiB: 0, cpuSeconds: 0, imageMiB: 0, diskMiB: 0, vramMiB: 0 };
    const problem = makeProblem(
      ['a', 'b'].map((id) => makeNode(id)),
      Array.from({ length: 20 }, (_, index) => makeWorkload(`w${index}`, { demand: nothing })),
    );
    const { unplaced, objective, bound } = solve({ ...problem, limits: { steps: 1_000_000, seed: 1, starts: 1 } });
    assert.deepEqual([unplaced.length, bound], [0, objective.total]);
  });

  it('P9: is not begun where there is no time for a few rounds', () => {
    const flat = flatten(compile(multiClassProblem({ workloads: 60, nodes: 12, seed: 1 }).problem));
    const { price } = findPrices(flat, never);
    assert.deepEqual(
      boundByBoxes(flat, { price }, (steps) => steps > 1000),
      { bound: Number.NEGATIVE_INFINITY, steps: 0 },
    );
  });

  it('P9: is given up while it begins, where that takes longer than was thought', () => {
    const flat = flatten(compile(multiClassProblem({ workloads: 60, nodes: 12, seed: 1 }).problem));
    const { price } = findPrices(flat, never);
    let asked = 0;
    const { bound, steps } = boundByBoxes(flat, { price }, () => {
      asked += 1;
      return asked > 4;
    });
    assert.equal(bound, Number.NEGATIVE_INFINITY);
    const whole = boundByBoxes(flat, { price, rounds: 1 }, never).steps;
    assert.ok(steps > 0 && steps < whole / 2, `${steps} of ${whole} steps`);
  });
});
