import assert from 'node:assert/strict';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { checkDocument } from '../../../schemas/validate.ts';
import { referenceByHighs } from '../../bench/placement/highs.ts';
import { parseReassignment, reassignmentProblem } from '../../bench/placement/roadef.ts';
import { judgeReassignment } from '../../bench/placement/roadef-judge.ts';
import { judge } from '../../bench/placement/subject.ts';
import { bruteForce } from './brute-force.ts';
import { randomProblem } from './random-problem.ts';

/** Two resources, the second transient; three machines in two locations and neighbourhoods; two services, the second needs the first. */
const model = [
  [2, 0, 10, 1, 1],
  [3],
  [0, 0, 10, 10, 4, 10, 0, 1, 2],
  [0, 1, 10, 10, 8, 10, 1, 0, 2],
  [1, 1, 10, 10, 8, 10, 2, 2, 0],
  [2, 1, 0, 1, 1, 0],
  [3, 0, 5, 4, 100, 0, 4, 4, 100, 1, 1, 2, 1],
  [1, 0, 1, 2, 3],
  [2, 3, 4],
].flat();
const initial = [0, 1, 0];

describe('what the placement bench translates', () => {
  it('machine reassignment: costs and rules by hand', () => {
    const instance = parseReassignment(model, initial);
    // Load 6 above safety 4 twice over, weight 10; balance 3 x (2 x 4 - 4), 3 x (2 x 6 - 6) and 3 x (2 x 10 - 10).
    assert.deepEqual(judgeReassignment(instance, initial), { cost: 20 + 12 + 18 + 30, broken: {} });
    const moved = judgeReassignment(instance, [0, 1, 1]);
    // Machine 0 has 5 of safety 4; balance 3 x (2 x 5 - 6) + 3 x (2 x 5 - 4) + 30; the move 2 + 3 + 4.
    assert.deepEqual(moved, { cost: 10 + 12 + 18 + 30 + 2 * 1 + 3 * 1 + 4 * 1, broken: {} });
    assert.deepEqual(judgeReassignment(instance, [0, 0, 2]).broken, { conflict: 1, dependency: 1 });
  });

  it('machine reassignment: of every assignment the problem says what the challenge says, and the best is found', () => {
    const instance = parseReassignment(model, initial);
    const problem = reassignmentProblem(instance);
    assert.ok(checkDocument('PlacementProblem', problem).ok);
    let least = Number.POSITIVE_INFINITY;
    for (let number = 0; number < 27; number += 1) {
      const where = [number % 3, Math.floor(number / 3) % 3, Math.floor(number / 9)];
      const { cost, broken } = judgeReassignment(instance, where);
      const kept = Object.keys(broken).length === 0;
      const assignments = where.map((machine, process) => ({
        workload: `p${process}`,
        replica: 0,
        node: `m${machine}`,
        class: 'hot' as const,
      }));
      const { feasible, value } = judge(problem, assignments);
      assert.equal(feasible, kept, `${where}: ${JSON.stringify(broken)}`);
      if (!kept) continue;
      assert.equal(Math.round(value * 1e6), cost, `${where}`);
      least = Math.min(least, cost);
    }
    const plan = solve(problem);
    assert.deepEqual(checkPlan(problem, plan), []);
    assert.equal(Math.round(plan.objective.total * 1e6), least);
  });

  it('machine reassignment: on drawn instances as well, and what is searched for keeps all rules', () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const random = new PlacementRandom(seed);
      const draw = (below: number): number => random.nextInt(below);
      const machines = Array.from({ length: 5 }, (_, machine) => ({
        neighbourhood: machine % 2,
        location: machine % 3,
        capacity: [60, 80, 70, 50, 90, 60, 80].map((most) => most + draw(20)),
        safety: [40, 60, 50, 30, 60, 40, 50],
        moveCost: Array.from({ length: 5 }, (__, to) => (to === machine ? 0 : draw(3))),
      }));
      const processes = Array.from({ length: 18 }, (_, process) => ({
        service: Math.floor(process / 3),
        takes: Array.from({ length: 7 }, () => draw(14)),
        moveCost: draw(3),
      }));
      const instance = {
        resources: Array.from({ length: 7 }, (_, resource) => ({ transient: resource % 3 === 0, weight: 1 + draw(9) })),
        machines,
        services: Array.from({ length: 6 }, (_, service) => ({ spread: 1 + (service % 3), needs: service === 5 ? [0] : [] })),
        processes,
        balances: [{ one: 0, other: 1, target: 2, weight: 3 }],
        weights: { process: 1, service: 10, machine: 2 },
        initial: processes.map((_, process) => (process + Math.floor(process / 3)) % 5),
      };
      const problem = reassignmentProblem(instance);
      assert.ok(checkDocument('PlacementProblem', problem).ok);
      const start = judgeReassignment(instance, instance.initial);
      assert.equal(judge(problem, problem.current).feasible, Object.keys(start.broken).length === 0);
      const plan = solve({ ...problem, limits: { steps: 20_000, seed, starts: 1 } });
      const where = instance.initial.map(() => -1);
      for (const { workload, node } of plan.assignments) where[Number(workload.slice(1))] = Number(node.slice(1));
      const found = judgeReassignment(instance, where);
      assert.equal(plan.unplaced.length > 0, Object.keys(found.broken).length > 0, JSON.stringify(found.broken));
      if (plan.unplaced.length === 0) assert.equal(Math.round(plan.objective.total * 1e6), found.cost);
      if (Object.keys(start.broken).length === 0) assert.ok(found.cost <= start.cost);
    }
  });

  it('P8: a mixed integer solver agrees with trying all plans, on random small problems', async function () {
    this.timeout(20_000);
    const random = new PlacementRandom(77);
    let compared = 0;
    for (let run = 0; run < 12; run += 1) {
      const problem = randomProblem(random, 3, 3);
      const best = bruteForce(problem);
      if (best.unplaced.some((count) => count > 0)) continue;
      compared += 1;
      const { assignments, bound, optimal } = await referenceByHighs(problem, 5);
      assert.ok(optimal);
      const { feasible, value, note } = judge(problem, assignments);
      assert.ok(feasible, note);
      // Tangents stay below the square: the bound too, and the plan they choose may be a little dearer.
      assert.ok(bound <= best.cost + 1e-3 && bound >= 0.97 * best.cost - 0.3, `${bound} and ${best.cost}`);
      assert.ok(value >= best.cost - 1e-3 && value <= 1.03 * best.cost + 0.3, `${value} and ${best.cost}`);
    }
    assert.ok(compared >= 5, `${compared} compared`);
  });
});
