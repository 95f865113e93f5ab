import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Candidate } from '../../../agent/placement/candidate.ts';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { enumerate } from '../../../agent/placement/enumerate.ts';
import { evaluate } from '../../../agent/placement/evaluate.ts';
import { flatten } from '../../../agent/placement/flat.ts';
import { grainOf } from '../../../agent/placement/grain.ts';
import { type Finished, finish } from '../../../agent/placement/plan-document.ts';
import { findPrices } from '../../../agent/placement/prices.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { solve } from '../../../agent/placement/solve.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';
import { bruteForce, costOf } from './brute-force.ts';
import { constrained, kinds } from './constrained-problem.ts';
import { makeNode, makeProblem, makeWorkload } from './problems.ts';

const never = (): boolean => false;

/** The best plan as the proof finds it, from no plan at all. */
function proven(problem: PlacementProblem, withPrices: boolean): Finished {
  const instance = compile(problem);
  const candidate = new Candidate(instance);
  const flat = flatten(instance);
  const priced = withPrices ? { flat, price: findPrices(flat, never).price, grain: grainOf(flat) } : undefined;
  assert.ok(enumerate(candidate, { steps: 1e7, target: 0, interrupted: never }, priced), 'nothing is left to be tried');
  return finish(candidate, 'enumeration');
}

describe('the proof', () => {
  it('P9: finds the best of all plans from nothing, whatever constrains them, full boxes and few', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.subarray([...kinds]),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(0, 1, 50),
        fc.boolean(),
        (seed, on, comfort, balance, withPrices) => {
          const drawn = constrained(seed, new Set(on));
          const nodes = drawn.nodes.map((node) => ({ ...node, comfort: { memoryMiB: comfort, cpuCores: comfort } }));
          const problem = { ...drawn, nodes, weights: { ...drawn.weights, balance } };
          const best = bruteForce(problem);
          const { unplaced, assignments } = proven(problem, withPrices);
          const missing = (counts: Iterable<number>): number => [...counts].reduce((sum, count) => sum + count, 0);
          assert.equal(missing(unplaced), missing(best.unplaced));
          const cost = costOf(problem, assignments);
          assert.ok(Math.abs(cost - best.cost) < 1e-4, `${cost} instead of ${best.cost}`);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('P9: loses no plan where partners draw each other and boxes can be off', () => {
    const sizes = fc.array(fc.integer({ min: 150, max: 600 }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(sizes, fc.array(fc.nat({ max: 3 }), { minLength: 4, maxLength: 4 }), fc.nat({ max: 300 }), (needs, friends, watts) => {
        const nodes = ['a', 'b', 'c'].map((id, index) =>
          makeNode(id, {
            energy: { idleWatts: watts, fullWatts: watts + 20, maySwitchOff: true },
            health: { usable: true, risk: index / 50 },
          }),
        );
        const workloads = needs.map((memoryMiB, index) =>
          makeWorkload(`w${index}`, { classes: ['hot'], demand: { memoryMiB, cpuSeconds: 0 }, affinity: [`w${friends[index] ?? 0}`] }),
        );
        const base = makeProblem(nodes, workloads, { energyPrice: 1 });
        const problem = { ...base, weights: { ...base.weights, energy: 20 } };
        let least = Number.POSITIVE_INFINITY;
        for (let plan = 0; plan < 3 ** 4; plan += 1) {
          const assignments = workloads.map(({ id }, index) => ({
            workload: id,
            replica: 0,
            node: nodes[Math.floor(plan / 3 ** index) % 3]?.id ?? '',
            class: 'hot' as const,
          }));
          const fits = nodes.every(
            ({ id }) => assignments.reduce((sum, { node }, index) => sum + (node === id ? (needs[index] ?? 0) : 0), 0) <= 1024,
          );
          if (fits) least = Math.min(least, evaluate(problem, { assignments }).total);
        }
        if (least === Number.POSITIVE_INFINITY) return;
        assert.ok(Math.abs(proven(problem, true).objective.total - least) < 1e-6);
      }),
      { numRuns: 60 },
    );
  });

  it('P9: reaches beyond problems that are tried completely: 24 replicas on 6 boxes, and the same plan with any seed', () => {
    // Each box has the data of four workloads, and room for three of them.
    const names = Array.from({ length: 6 }, (_, index) => `n${index}`);
    const nodes = names.map((id, index) => makeNode(id, { health: { usable: true, risk: index / 50 } }));
    const links = names.slice(1).map((b, index) => ({ a: 'n0', b, latencyMs: 1 + index, mbps: 100 }));
    const sources = names.map((id) => ({ id: `of-${id}`, nodes: [id], rateMBps: 0 }));
    const workloads = Array.from({ length: 24 }, (_, index) =>
      makeWorkload(`w${index}`, {
        perHour: 20 + 7 * index,
        demand: { memoryMiB: 180 + 13 * ((index * 5) % 7), cpuSeconds: 0 },
        inputs: [{ source: `of-n${index % 6}`, mbPerCall: 1 + (index % 5), hard: false }],
      }),
    );
    const problemWith = (seed: number): PlacementProblem =>
      makeProblem(nodes, workloads, { links, sources, limits: { steps: 400_000, seed, starts: 2 } });
    const plans = [1, 2, 3].map((seed) => solve(problemWith(seed)));
    for (const plan of plans) {
      assert.equal(plan.provenBy, 'enumeration', `${plan.gapPercent} %`);
      assert.equal(plan.bound, plan.objective.total);
      assert.equal(plan.objective.total, plans[0]?.objective.total);
      assert.deepEqual(checkPlan(problemWith(1), plan), []);
    }
  });

  it('P9: claims nothing when it was cut short', () => {
    const nodes = ['a', 'b', 'c', 'd'].map((id) => makeNode(id));
    const workloads = Array.from({ length: 20 }, (_, index) => makeWorkload(`w${index}`, { demand: { memoryMiB: 150 + 11 * index } }));
    const candidate = new Candidate(compile(makeProblem(nodes, workloads)));
    assert.equal(enumerate(candidate, { steps: 50, target: 0, interrupted: never }), false);
    assert.equal(enumerate(candidate, { steps: 1e6, target: 0, interrupted: () => true }), false);
  });
});
