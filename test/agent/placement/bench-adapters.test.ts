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

  it('machine reassignment: the problem is sound, keeps conflicts and capacity, and moves what pays', () => {
    const instance = parseReassignment(model, initial);
    const problem = reassignmentProblem(instance);
    assert.ok(checkDocument('PlacementProblem', problem).ok);
    const plan = solve(problem);
    assert.deepEqual(checkPlan(problem, plan), []);
    const where = plan.assignments.map(({ node }) => Number(node.slice(1)));
    const { broken } = judgeReassignment(instance, where);
    assert.equal(broken['conflict'], undefined);
    assert.equal(broken['capacity'], undefined);
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
