import assert from 'node:assert/strict';
import fc from 'fast-check';
import { flatten } from '../../../agent/placement/flat.ts';
import { findPrices } from '../../../agent/placement/prices.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { solve } from '../../../agent/placement/solve.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';
import { bruteForce, costOf } from './brute-force.ts';
import { constrained, kinds } from './constrained-problem.ts';
import { makeNode, makeProblem, makeWorkload } from './problems.ts';

const boundOf = (problem: PlacementProblem): number => findPrices(flatten(compile(problem)), () => false).bound / 1e6;
const near = (value: number, expected: number): void =>
  assert.ok(value <= expected && value > 0.999 * expected - 1e-4, `${value} instead of ${expected}`);

describe('the bound that prices prove', () => {
  it('P9: counts what load costs at least, as worked out by hand', () => {
    const hot = { classes: ['hot' as const], demand: { memoryMiB: 435.2, cpuSeconds: 0 } };
    const work = ['u', 'v'].map((id) => makeWorkload(id, hot));
    // 870.4 of 1024 MiB are a share of 0.85, half of the way from comfort to full: 10 s/h x 0.5 x 0.5.
    near(boundOf(makeProblem([makeNode('a')], work)), 2.5);
    // Where there are two boxes each is used to 0.425.
    near(boundOf(makeProblem([makeNode('a'), makeNode('b')], work)), 0);
    // With 0.9 of a third box for itself a load of 0.775 is comfortable: none of it is above.
    near(boundOf(makeProblem([makeNode('a', { comfort: { memoryMiB: 0.9 } })], work)), 0);
  });

  it('P9 P12: counts each copy on a box, or in a failure domain, of its own, as worked out by hand', () => {
    const risky = (id: string, risk: number, domain: string) => makeNode(id, { domain, health: { usable: true, risk } });
    const nodes = [risky('a', 0, 'east'), risky('b', 0.1, 'east'), risky('c', 0.2, 'west')];
    const copies = makeWorkload('w', { replicas: 2, classes: ['hot'] });
    // Criticality 0.5 x 60 s/h x risk: the second copy on b, or where domains count on c.
    near(boundOf(makeProblem(nodes, [copies])), 3);
    near(boundOf(makeProblem(nodes, [{ ...copies, spread: 'domain' }])), 6);
    near(boundOf(makeProblem(nodes, [{ ...copies, replicas: 3 }])), 9);
  });

  it('P9: is below the best of all plans, whatever constrains them and however full boxes may be', () => {
    let above = 0;
    fc.assert(
      fc.property(
        fc.nat(),
        fc.subarray([...kinds]),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(0, 1, 50),
        (seed, on, comfort, balance) => {
          const drawn = constrained(seed, new Set(on));
          const nodes = drawn.nodes.map((node) => ({ ...node, comfort: { memoryMiB: comfort, cpuCores: comfort } }));
          const problem = { ...drawn, nodes, weights: { ...drawn.weights, balance } };
          const { objective, unplaced, assignments, provenBy } = solve(problem);
          const best = bruteForce(problem);
          assert.equal(provenBy, 'enumeration');
          assert.ok(Math.abs(costOf(problem, assignments) - best.cost) < 1e-4);
          if (unplaced.length > 0) return;
          // Without what fixed replicas cost by themselves.
          const bound = boundOf(problem);
          assert.ok(bound <= objective.total, `bound ${bound}, optimum ${objective.total}`);
          if (bound > 0.9 * objective.total) above += 1;
        },
      ),
      { numRuns: 150 },
    );
    assert.ok(above > 10, `only ${above} bounds come near`);
  });

  it('P9: shows that the plan of a site of many copies is near the optimum', () => {
    const nodes = Array.from({ length: 5 }, (_, index) => makeNode(`n${index}`, { health: { usable: true, risk: index / 20 } }));
    const work = Array.from({ length: 12 }, (_, index) =>
      makeWorkload(`w${index}`, { replicas: 1 + (index % 3), classes: ['hot'], demand: { memoryMiB: 130 + index } }),
    );
    const plan = solve(makeProblem(nodes, work, { limits: { steps: 60_000, seed: 1, starts: 1 } }));
    assert.deepEqual(plan.unplaced, []);
    assert.ok((plan.gapPercent ?? 100) < 5, `${plan.gapPercent} %`);
  });
});
