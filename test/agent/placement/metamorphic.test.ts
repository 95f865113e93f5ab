import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { solve } from '../../../agent/placement/solve.ts';
import type { PlacementProblem, Plan } from '../../../schemas/generated/types.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';
import { asPlan, bruteForce, costOf } from './brute-force.ts';
import { constrained, kinds } from './constrained-problem.ts';
import { makeNode } from './problems.ts';
import { randomProblem } from './random-problem.ts';

/** Small enough for all plans to be tried: what is compared is the optimum, not luck. */
const small = (seed: number): PlacementProblem => {
  const random = new PlacementRandom(seed);
  return randomProblem(random, 2 + random.nextInt(3), 3 + random.nextInt(3));
};
const runs = { numRuns: 25 };
const missing = ({ unplaced }: Plan): number => unplaced.length;
const near = (a: number, b: number): void => assert.ok(Math.abs(a - b) <= 1e-4 * Math.max(1, Math.abs(b)), `${a} and ${b}`);

describe('how plans change when problems do', () => {
  it('P7: costs k times as large give the same plan at k times the cost', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(0.5, 2, 8), (seed, factor) => {
        const problem = small(seed);
        const weights = Object.fromEntries(Object.entries(problem.weights).map(([name, weight]) => [name, weight * factor]));
        const plan = solve(problem);
        const scaled = solve({ ...problem, weights: { ...problem.weights, ...weights } });
        assert.equal(missing(scaled), missing(plan));
        near(scaled.objective.total, factor * plan.objective.total);
        near(costOf(problem, scaled.assignments), plan.objective.total);
      }),
      runs,
    );
  });

  it('P8: other names and another order of boxes, links and work change no value', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const problem = small(seed);
        const plan = solve(problem);
        const random = new PlacementRandom(seed + 1);
        const shuffled = {
          ...problem,
          nodes: random.shuffle([...problem.nodes]),
          workloads: random.shuffle([...problem.workloads]),
          links: random.shuffle(problem.links.map(({ a, b, ...link }) => ({ ...link, a: b, b: a }))),
        };
        const renamed = JSON.parse(
          JSON.stringify(problem)
            .replaceAll(/"w(\d)"/g, '"job-$1"')
            .replaceAll(/"([abcd])"/g, '"box-$1"'),
        );
        // Links name their ends a and b: those are keys, not boxes.
        const named = JSON.parse(JSON.stringify(renamed).replaceAll('"box-a":', '"a":').replaceAll('"box-b":', '"b":'));
        for (const other of [shuffled, named]) {
          const same = solve(other);
          assert.deepEqual(checkPlan(other, same), []);
          assert.equal(missing(same), missing(plan));
          near(same.objective.total, plan.objective.total);
        }
      }),
      runs,
    );
  });

  it('P8: a box nothing can use changes nothing; less room anywhere never makes a plan better', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const problem = small(seed);
        const plan = solve(problem);
        const useless = makeNode('useless', { capacity: { memoryMiB: 0, cacheMiB: 0, cpuCores: 0, diskMiB: 0 } });
        assert.equal(solve({ ...problem, nodes: [...problem.nodes, useless] }).objective.total, plan.objective.total);
        const tight = {
          ...problem,
          nodes: problem.nodes.map((node, index) =>
            index === seed % problem.nodes.length
              ? { ...node, capacity: { ...node.capacity, memoryMiB: Math.floor(0.7 * node.capacity.memoryMiB) } }
              : node,
          ),
        };
        const less = solve(tight);
        assert.ok(missing(less) >= missing(plan));
        // What fits into less room fits into more, where the same load is the lighter one.
        if (missing(less) === 0) assert.ok(less.objective.total >= plan.objective.total - 1e-6);
      }),
      runs,
    );
  });

  it('P8: a problem too large to try all plans: twice the costs give the same plan, and its bound', () => {
    const { problem } = multiClassProblem({ workloads: 60, nodes: 10, seed: 5 });
    const limited = { ...problem, limits: { steps: 20_000, seed: 3, starts: 1 } };
    const { weights } = problem;
    const doubled = {
      ...limited,
      weights: { ...weights, ...Object.fromEntries(Object.entries(weights).map(([key, value]) => [key, 2 * value])) },
    };
    const plan = solve(limited);
    const twice = solve(doubled);
    for (const one of [plan, twice]) assert.ok(one.unplaced.length === 0 && one.bound <= one.objective.total);
    near(twice.bound / 2, plan.bound);
    assert.deepEqual(checkPlan(doubled, twice), []);
  });
});

describe('every kind of constraint, on and off', () => {
  it('P1 P3 P8 P9 P12: on all small shapes no plan breaks a rule, the optimum is found, and bound <= optimum <= plan', () => {
    const seen = { kinds: new Map<string, number>(kinds.map((kind) => [kind, 0])), shapes: new Set<string>(), whole: 0, part: 0 };
    const shapes = fc.record({ boxes: fc.integer({ min: 1, max: 4 }), workloads: fc.integer({ min: 1, max: 5 }) });
    // Up to 5 workloads on 4 boxes in 3 classes. Each kind alone and all but one on the largest shape, each shape with none and with all
    // kinds; then anything.
    const all = [...kinds];
    const sizes = [1, 2, 3, 4].flatMap((boxes) => [1, 2, 3, 4, 5].map((workloads) => ({ boxes, workloads })));
    const largest = { boxes: 4, workloads: 5 };
    const examples: [number, (typeof kinds)[number][], typeof largest, number][] = [
      ...all.map((kind, seed): (typeof examples)[number] => [seed, [kind], largest, 6]),
      ...all.map((kind, seed): (typeof examples)[number] => [seed, all.filter((one) => one !== kind), largest, 5]),
      ...sizes.map((size, seed): (typeof examples)[number] => [seed, [], size, 6]),
      ...sizes.map((size, seed): (typeof examples)[number] => [seed, all, size, 6]),
    ];
    fc.assert(
      fc.property(fc.nat(), fc.subarray(all), shapes, fc.integer({ min: 5, max: 6 }), (seed, on, shape, replicas) => {
        const problem = constrained(seed, new Set(on), { ...shape, replicas });
        for (const kind of on) seen.kinds.set(kind, (seen.kinds.get(kind) ?? 0) + 1);
        seen.shapes.add(`${problem.nodes.length} ${problem.workloads.length}`);
        const plan = solve(problem);
        assert.deepEqual(checkPlan(problem, plan), []);
        const best = bruteForce(problem);
        const cost = costOf(problem, plan.assignments);
        assert.equal(
          missing(plan),
          best.unplaced.reduce((sum, count) => sum + count, 0),
        );
        near(cost, best.cost);
        assert.equal(plan.provenBy, 'enumeration');
        // What is fixed costs what it costs, and plans do not count it.
        const uncounted = cost - plan.objective.total;
        if (problem.fixed.length === 0) near(uncounted, 0);
        const optimum = best.cost - uncounted;
        assert.ok(plan.bound <= optimum + 1e-4 && optimum <= plan.objective.total + 1e-4, `${plan.bound}, ${optimum}`);
        // A search that is given next to nothing proves little: its bound holds all the same.
        const hasty = solve({ ...problem, limits: { ...problem.limits, steps: 1 } }, { interrupted: () => true });
        assert.deepEqual(checkPlan(problem, hasty), []);
        if (hasty.unplaced.length === 0) {
          assert.deepEqual(plan.unplaced, []);
          assert.ok(hasty.bound <= optimum + 1e-4 && optimum <= hasty.objective.total + 1e-4, `${hasty.bound}, ${optimum}`);
        }
        seen[plan.unplaced.length === 0 ? 'whole' : 'part'] += 1;
      }),
      { numRuns: 300, examples },
    );
    for (const [kind, times] of seen.kinds) assert.ok(times > 20, `${kind}: ${times}`);
    assert.equal(seen.shapes.size, 20);
    assert.ok(seen.whole > 20 && seen.part > 20, `${seen.whole} whole, ${seen.part} in part`);
  });

  it('P1 P3 P8 P12: no plan breaks a rule, and the best of all is found', () => {
    const seen = new Map(kinds.map((kind) => [kind, 0]));
    fc.assert(
      fc.property(fc.nat(), fc.subarray([...kinds]), (seed, on) => {
        const problem = constrained(seed, new Set(on));
        for (const kind of on) seen.set(kind, (seen.get(kind) ?? 0) + 1);
        const plan = solve(problem);
        assert.deepEqual(checkPlan(problem, plan), []);
        assert.deepEqual(
          checkPlan(
            problem,
            asPlan(
              plan.assignments,
              plan.unplaced.map((one) => ({ ...one, node: '', class: 'cold' })),
            ),
          ),
          [],
        );
        const best = bruteForce(problem);
        assert.equal(
          missing(plan),
          best.unplaced.reduce((sum, count) => sum + count, 0),
        );
        near(costOf(problem, plan.assignments), best.cost);
        // What is fixed costs what it costs: plans do not count it.
        if (problem.fixed.length === 0) near(plan.objective.total, best.cost);
      }),
      { numRuns: 80, examples: [[1, [...kinds]], ...kinds.map((kind): [number, (typeof kinds)[number][]] => [7, [kind]])] },
    );
    for (const [kind, times] of seen) assert.ok(times > 5, `${kind}: ${times}`);
  });

  it('P8: told to stop at any look, the search does not ask again, and has a valid plan', () => {
    const { problem } = multiClassProblem({ workloads: 60, nodes: 10, seed: 6 });
    for (const last of [0, 1, 5, 40, 200]) {
      let asked = 0;
      const plan = solve(problem, {
        interrupted: () => {
          asked += 1;
          return asked > last;
        },
      });
      // Once it was told, it does not ask again: what was said is kept.
      assert.equal(asked, last + 1);
      assert.ok(plan.trace.interrupted);
      assert.deepEqual(checkPlan(problem, plan), []);
    }
  });
});
