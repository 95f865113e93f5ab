import assert from 'node:assert/strict';
import { flatten } from '../../../agent/placement/flat.ts';
import { findPrices } from '../../../agent/placement/prices.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { Regroup } from '../../../agent/placement/regroup.ts';
import { relieve } from '../../../agent/placement/relieve.ts';
import { begin } from '../../../agent/placement/search.ts';
import { shortLists } from '../../../agent/placement/short-list.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { SoftPlan } from '../../../agent/placement/soft-plan.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';

describe('boxes solved again', () => {
  it('P8: a few boxes emptied and filled again: never beyond capacity, dearer only by what is allowed, and cheaper in the end', () => {
    const { problem } = multiClassProblem({ workloads: 120, nodes: 12, seed: 2 });
    const flat = flatten(compile(problem));
    const { price } = findPrices(flat, () => false);
    const lists = shortLists(flat, price);
    const plan = new SoftPlan(flat, price, lists.spread);
    const random = new PlacementRandom(5);
    begin(flat, plan, lists, random);
    relieve(flat, plan, lists, () => false);
    plan.settle();
    assert.equal(plan.overfull, 0);
    const first = plan.value;
    const regroup = new Regroup(flat, plan, lists, price);
    let changes = 0;
    for (let turn = 0; turn < 400; turn += 1) {
      const before = plan.value;
      const placed = plan.placed.slice();
      const allowance = turn % 2 === 0 ? 0 : 1000;
      const changed = regroup.run(random, allowance);
      if (changed) changes += 1;
      else assert.deepEqual(plan.placed, placed);
      const kept = plan.value;
      plan.settle();
      assert.ok(Math.abs(plan.value - kept) < 1, 'the value is kept up to date');
      assert.equal(plan.overfull, 0);
      assert.ok(plan.value <= before + allowance);
    }
    assert.ok(changes > 3, `${changes} changes`);
    assert.ok(plan.value < first);
  });
});
