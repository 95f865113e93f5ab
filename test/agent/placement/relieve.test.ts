import assert from 'node:assert/strict';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { flatten } from '../../../agent/placement/flat.ts';
import { findPrices } from '../../../agent/placement/prices.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { relieve } from '../../../agent/placement/relieve.ts';
import { begin } from '../../../agent/placement/search.ts';
import { shortLists } from '../../../agent/placement/short-list.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { SoftPlan } from '../../../agent/placement/soft-plan.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';

const never = (): boolean => false;

describe('feasibility first', () => {
  it('P8: where memory is short but a plan exists, all work has a place before any of it is made cheaper', () => {
    for (const seed of [1, 2, 3]) {
      const { problem } = multiClassProblem({ workloads: 300, nodes: 30, seed });
      const plan = solve({ ...problem, limits: { steps: 60_000, seed: 1, starts: 1 } });
      assert.equal(plan.unplaced.length, 0, `seed ${seed}`);
      assert.deepEqual(checkPlan(problem, plan), []);
    }
  });

  it('relieves every box, and stops when it is told to', () => {
    const { problem } = multiClassProblem({ workloads: 200, nodes: 20, seed: 1 });
    const flat = flatten(compile(problem));
    const { price } = findPrices(flat, never);
    const lists = shortLists(flat, price);
    const started = (): SoftPlan => {
      const plan = new SoftPlan(flat, price, lists.spread);
      begin(flat, plan, lists, new PlacementRandom(1));
      return plan;
    };
    const plan = started();
    assert.ok(plan.overfull > 0);
    relieve(flat, plan, lists, never);
    plan.settle();
    assert.equal(plan.overfull, 0);
    const cut = started();
    const before = cut.overfull;
    relieve(flat, cut, lists, () => true);
    assert.equal(cut.overfull, before);
  });

  it('P8: of a large site some columns are enough for a plan, and the bound stays below every plan', () => {
    const { problem } = multiClassProblem({ workloads: 120, nodes: 90, seed: 4 });
    const all = flatten(compile(problem));
    const some = flatten(compile(problem, { columnsMax: 1 }));
    assert.ok(some.cost.length < 0.6 * all.cost.length, `${some.cost.length} of ${all.cost.length}`);
    const { bound } = findPrices(all, never);
    const fewer = findPrices(some, never);
    // With all columns the bound is found to a thousandth; without, it may only be lower than the truth.
    assert.ok(fewer.bound > 0 && fewer.bound <= bound * 1.001, `${fewer.bound}, with all columns ${bound}`);
    const lists = shortLists(some, fewer.price);
    const plan = new SoftPlan(some, fewer.price, lists.spread);
    begin(some, plan, lists, new PlacementRandom(1));
    relieve(some, plan, lists, never);
    plan.settle();
    assert.equal(plan.overfull, 0);
    assert.ok(plan.value >= bound);
  });
});
