import assert from 'node:assert/strict';
import fc from 'fast-check';
import { priceAt } from '../../../agent/control/energy-price.ts';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { evaluate } from '../../../agent/placement/evaluate.ts';
import { solve } from '../../../agent/placement/solve.ts';
import type { PlacedReplica, PlacementProblem } from '../../../schemas/generated/types.ts';
import { makeNode, makeProblem, makeWorkload, placesOf } from './problems.ts';

const hungry = { idleWatts: 60, fullWatts: 100, maySwitchOff: true };
const priced = (problem: PlacementProblem, price: number): PlacementProblem => ({
  ...problem,
  energyPrice: price,
  weights: { ...problem.weights, energy: 100 },
});
const boxes = (problem: PlacementProblem): number => new Set(solve(problem).assignments.map(({ node }) => node)).size;

describe('the price of energy', () => {
  const nodes = ['a', 'b', 'c'].map((id) => makeNode(id, { energy: hungry }));
  const work = ['u', 'v', 'w'].map((id) => makeWorkload(id, { classes: ['hot'], demand: { memoryMiB: 300, cpuSeconds: 0 } }));

  it('P25: gathers work on fewer boxes when energy is dear, and spreads it when it is not', () => {
    assert.equal(boxes(makeProblem(nodes, work)), 2, 'balance alone: two of three fit below comfort');
    assert.equal(boxes(priced(makeProblem(nodes, work), 3)), 1);
    const always = nodes.map((node) => ({ ...node, energy: { ...hungry, maySwitchOff: false } }));
    assert.equal(boxes(priced(makeProblem(always, work), 3)), 2, 'what stays on anyhow saves nothing');
  });

  it('P25: saves energy at equal deadlines: no run waits longer, and all data comes within its latency', () => {
    const watched = work.map((workload) => ({
      ...workload,
      inputs: [{ source: 's', mbPerCall: 0, hard: true, maxLatencyMs: 2 }],
    }));
    const links = ['b', 'c'].map((b) => ({ a: 'a', b, latencyMs: 2, mbps: 1000 }));
    const day = makeProblem([...nodes, makeNode('far', { energy: hungry })], watched, {
      links: [...links, { a: 'c', b: 'far', latencyMs: 2, mbps: 1000 }],
      sources: [{ id: 's', nodes: ['b'], rateMBps: 1 }],
    });
    const night = priced(day, 3);
    const watts = (problem: PlacementProblem): number => hungry.idleWatts * boxes(problem);
    const waits = (problem: PlacementProblem): number =>
      solve(problem)
        .objective.terms.filter(({ name }) => name === 'startup' || name === 'transfer')
        .reduce((sum, { cost }) => sum + cost, 0);
    assert.deepEqual([watts(day), watts(night)], [120, 60]);
    assert.ok(waits(night) <= waits(day), `${waits(night)} s/h where energy is dear, ${waits(day)} else`);
    assert.deepEqual(checkPlan(night, solve(night)), []);
    // Where no box has room for all, two stay on.
    const small = { ...night, nodes: night.nodes.map((node) => ({ ...node, capacity: { ...node.capacity, memoryMiB: 650 } })) };
    assert.equal(watts(small), 120, 'deadlines and room come first');
  });

  it('P25 P7: idle power of boxes with work that could be off, and power for work, by hand', () => {
    const busy = makeWorkload('u', { classes: ['hot'], perHour: 3600, durationSeconds: 1, demand: { cpuSeconds: 2 } });
    const problem = priced(makeProblem([makeNode('a', { energy: hungry })], [busy]), 0.3);
    const plan = solve(problem);
    // 100 s per unit of money x 0.3 per kWh x (60 W idle + half of 40 W): two of four cores are busy.
    assert.equal(plan.objective.terms.find(({ name }) => name === 'energy')?.cost, 2.4);
    assert.deepEqual(checkPlan(problem, plan), []);
  });

  it('P25: prefers the thrifty box for work that computes', () => {
    const busy = makeWorkload('u', { classes: ['hot'], perHour: 3600, demand: { cpuSeconds: 1 } });
    const mixed = [
      makeNode('a', { energy: { idleWatts: 20, fullWatts: 220 } }),
      makeNode('b', { energy: { idleWatts: 20, fullWatts: 40 } }),
    ];
    assert.deepEqual(placesOf(solve(priced(makeProblem(mixed, [busy]), 0.3))), { 'u/0': 'b:hot' });
  });

  it('P25: a box is vacated by many moves together, which no single move would begin', () => {
    const many = ['a', 'b', 'c', 'd'].map((id) => makeNode(id, { energy: hungry, capacity: { memoryMiB: 4000, cpuCores: 64 } }));
    const light = Array.from({ length: 36 }, (_, index) =>
      makeWorkload(`w${index}`, { classes: ['hot'], demand: { memoryMiB: 60, cpuSeconds: 0 } }),
    );
    const current = light.map(
      ({ id }, index): PlacedReplica => ({ workload: id, replica: 0, node: 'abcd'[index % 4] as string, class: 'hot' }),
    );
    const problem = priced(
      makeProblem(many, light, { current, moveThresholdSeconds: 0, limits: { steps: 60_000, seed: 1, starts: 1 } }),
      10,
    );
    const plan = solve({ ...problem, weights: { ...problem.weights, migration: 0.5 } });
    assert.equal(new Set(plan.assignments.map(({ node }) => node)).size, 1);
    const dear = solve({ ...problem, weights: { ...problem.weights, migration: 1000 } });
    assert.deepEqual(dear.moves, [], 'unless moving is dearer');
  });

  it('P25: the optimum is found with it, and the bound stays below', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ idleWatts: fc.integer({ min: 0, max: 200 }), more: fc.integer({ min: 0, max: 200 }), maySwitchOff: fc.boolean() }),
          {
            minLength: 3,
            maxLength: 3,
          },
        ),
        fc.array(fc.integer({ min: 100, max: 600 }), { minLength: 1, maxLength: 4 }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        (watts, sizes, price) => {
          const site = watts.map(({ idleWatts, more, maySwitchOff }, index) =>
            makeNode(`n${index}`, { energy: { idleWatts, fullWatts: idleWatts + more, maySwitchOff } }),
          );
          const jobs = sizes.map((memoryMiB, index) =>
            makeWorkload(`w${index}`, { classes: ['hot'], perHour: 3600, demand: { memoryMiB, cpuSeconds: 0.5 } }),
          );
          const problem = priced(makeProblem(site, jobs), price);
          const plan = solve(problem);
          assert.deepEqual(checkPlan(problem, plan), []);
          if (plan.unplaced.length > 0) return;
          const places = (index: number, made: readonly PlacedReplica[]): number => {
            const job = jobs[index];
            if (job === undefined) {
              const room = site.every(({ id, capacity }) => {
                const here = made.filter(({ node }) => node === id);
                const used = here.reduce((sum, { workload }) => sum + (jobs.find((one) => one.id === workload)?.demand.memoryMiB ?? 0), 0);
                return used <= capacity.memoryMiB;
              });
              return room ? evaluate(problem, { assignments: [...made] }).total : Number.POSITIVE_INFINITY;
            }
            return Math.min(
              ...site.map(({ id }) => places(index + 1, [...made, { workload: job.id, replica: 0, node: id, class: 'hot' }])),
            );
          };
          const least = places(0, []);
          assert.ok(Math.abs(plan.objective.total - least) < 1e-5, `${plan.objective.total} ${least}`);
          assert.ok(plan.bound <= least + 1e-5);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('P7: the fewest boxes, when boxes count', () => {
    const problem = makeProblem(nodes, work);
    const counted = { ...problem, weights: { ...problem.weights, hardware: 50 } };
    assert.equal(boxes(counted), 1);
    assert.equal(solve(counted).objective.terms.find(({ name }) => name === 'hardware')?.cost, 50);
  });

  it('P25: goes by the time of day, over midnight too', () => {
    const steps = [
      { from: '06:00', perKwh: 0.3 },
      { from: '22:00', perKwh: 0.1 },
    ];
    const at = (hours: number, minutes: number): number | undefined => priceAt(steps, new Date(2026, 2, 2, hours, minutes));
    assert.deepEqual([at(5, 59), at(6, 0), at(21, 59), at(22, 0), at(0, 0)], [0.1, 0.3, 0.3, 0.1, 0.1]);
    assert.equal(priceAt([], new Date(0)), undefined);
  });
});
