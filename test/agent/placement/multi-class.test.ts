import assert from 'node:assert/strict';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { checkDocument } from '../../../schemas/validate.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';
import { peers } from '../../bench/placement/peers.ts';
import { measure } from '../../bench/placement/subject.ts';
import { asPlan } from './brute-force.ts';

describe('the problems of the placement bench', () => {
  for (const tight of [false, true]) {
    it(`are sound, repeat, and have the planted plan${tight ? ' where everything is scarce' : ''}`, () => {
      for (const [workloads, nodes] of [
        [30, 8],
        [200, 20],
      ] as const) {
        const shape = { workloads, nodes, seed: 3, tight };
        const { problem, planted } = multiClassProblem(shape);
        assert.ok(checkDocument('PlacementProblem', problem).ok);
        assert.deepEqual(checkPlan(problem, asPlan([...planted], [])), []);
        assert.deepEqual(multiClassProblem(shape).problem, problem);
        const hot = problem.workloads.reduce((sum, { demand, replicas }) => sum + demand.memoryMiB * replicas, 0);
        assert.ok(hot > 1.4 * problem.nodes.reduce((sum, { capacity }) => sum + capacity.memoryMiB, 0), 'all hot must not fit');
      }
    });
  }

  it('every peer keeps the rules: what it places, the checker passes', async () => {
    const { problem } = multiClassProblem({ workloads: 30, nodes: 8, seed: 2 });
    for (const peer of peers) {
      const { note, unplaced, value } = await measure(peer, problem, 0.05);
      assert.match(note, /^(\d+ without a place)?$/, peer.name);
      assert.ok(unplaced <= 10 && value > 0, `${peer.name}: ${unplaced}`);
    }
  });
});
