import assert from 'node:assert/strict';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { relaxation } from '../../../agent/placement/enumerate.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';

const { problem } = multiClassProblem({ workloads: 300, nodes: 200, seed: 1 });

describe('a site too large for the time there is', () => {
  it('P8: in a hurry, fewer boxes are looked at; whoever could run somewhere still can; the cheapest places are mostly among them', () => {
    const all = compile(problem);
    const some = compile(problem, { hurry: () => true });
    assert.deepEqual([all.sampled, some.sampled], [false, true]);
    const columns = ({ slots }: typeof all): number => slots.reduce((sum, slot) => sum + slot.columns.length, 0);
    assert.ok(columns(some) < 0.6 * columns(all), `${columns(some)} of ${columns(all)}`);
    some.slots.forEach((slot, index) => {
      assert.equal(slot.columns.length > 0, (all.slots[index]?.columns.length ?? 0) > 0, `slot ${index}`);
    });
    assert.ok(relaxation(some) <= 1.1 * relaxation(all), `${relaxation(some)} for ${relaxation(all)}`);
  });

  it('P8: a plan made from some of the boxes keeps all rules and claims no bound it cannot have', () => {
    let looked = 0;
    // A clock that moves on whenever it is looked at: over a fifth of it goes before the first workload is read.
    const progress = (): number => Math.min(1, 0.21 + looked++ / 12_000);
    const plan = solve(problem, { progress, interrupted: () => progress() >= 1 });
    assert.deepEqual(plan.unplaced, []);
    assert.deepEqual(checkPlan(problem, plan), []);
    assert.equal(plan.bound, 0);
    assert.equal(plan.gapPercent, undefined);
  });

  it('P8: a plan within capacity is made though the time was over before it was begun', () => {
    for (const shape of [
      { workloads: 600, nodes: 60, seed: 2 },
      { workloads: 1000, nodes: 60, seed: 4 },
    ]) {
      const { problem } = multiClassProblem(shape);
      const plan = solve(problem, { progress: () => 1, interrupted: () => true });
      assert.deepEqual(plan.unplaced, [], JSON.stringify(shape));
      assert.deepEqual(checkPlan(problem, plan), []);
      assert.equal(plan.trace.interrupted, true);
    }
  });
});
