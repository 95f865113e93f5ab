import assert from 'node:assert/strict';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { explain } from '../../../agent/placement/explain.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { changed, effectOf } from '../../../agent/placement/what-if.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';
import { makeNode, makeProblem, makeWorkload } from './problems.ts';

/** Few replicas are tried one by one, many are searched: both must do without boxes. */
const counts = [1, 3, 40];
const workloads = (count: number): ReturnType<typeof makeWorkload>[] =>
  Array.from({ length: count }, (_, i) => makeWorkload(`w${i}`, { replicas: 1 + (i % 2) }));

describe('a problem that lacks boxes or workloads', () => {
  it('P1: without boxes everything is left without a place, and that is the reason given', () => {
    for (const count of counts) {
      const plain = makeProblem([], workloads(count));
      const bonded = { ...plain, groups: [{ id: 'g', members: ['w0'], apart: true }] };
      const standing: PlacementProblem = { ...plain, current: [{ workload: 'w0', replica: 0, node: 'gone', class: 'hot' }] };
      for (const problem of [plain, bonded, standing]) {
        const plan = solve(problem);
        assert.deepEqual(checkPlan(problem, plan), []);
        assert.deepEqual([plan.assignments, plan.objective.total], [[], 0]);
        assert.equal(plan.unplaced.length, count + Math.floor(count / 2));
        for (const { workload, replica, summary } of plan.unplaced)
          assert.equal(summary, `${workload}/${replica} has no place: there are no boxes`);
        assert.deepEqual(
          explain(problem, plan, 'w0').replicas.map(({ chosen, options }) => [chosen, options]),
          [[null, []]],
        );
      }
    }
  });

  it('P17: the first box is added: what it takes is told', () => {
    const problem = makeProblem([], workloads(3));
    const after = changed(problem, { kind: 'add', nodes: [makeNode('first', { health: { usable: true, risk: 0.5 } })] });
    assert.ok(solve(after).objective.total > 0);
    const { placed, moved } = effectOf(solve(problem), solve(after));
    assert.deepEqual([placed, moved], [3, 3]);
  });

  it('P1: without workloads, or with nothing at all, the plan is empty and costs nothing', () => {
    for (const nodes of [[], [makeNode('a'), makeNode('b')]]) {
      const problem = makeProblem(nodes, []);
      const plan = solve(problem);
      assert.deepEqual(checkPlan(problem, plan), []);
      assert.deepEqual([plan.assignments, plan.unplaced, plan.objective.total, plan.provenBy], [[], [], 0, 'enumeration']);
      assert.equal(explain(problem, plan, 'w').known, false);
    }
  });
});
