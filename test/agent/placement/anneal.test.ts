import assert from 'node:assert/strict';
import { flatten } from '../../../agent/placement/flat.ts';
import { Moves } from '../../../agent/placement/moves.ts';
import { findPrices } from '../../../agent/placement/prices.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { begin, search } from '../../../agent/placement/search.ts';
import { shortLists } from '../../../agent/placement/short-list.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { SoftPlan } from '../../../agent/placement/soft-plan.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';
import { makeNode, makeProblem, makeWorkload } from './problems.ts';

const never = (): boolean => false;

describe('annealing', () => {
  it('P8: on a site of a hundred boxes four times the steps make a better plan', function () {
    this.timeout(60_000);
    for (const seed of [1, 2]) {
      const { problem } = multiClassProblem({ workloads: 500, nodes: 100, seed, tight: true });
      const flat = flatten(compile(problem));
      const { price } = findPrices(flat, (looked) => looked > 1e7);
      const [short = 0, long = 0] = [100_000, 400_000].map((steps) => {
        let best = Number.POSITIVE_INFINITY;
        const onBetter = (cost: number): void => {
          best = cost;
        };
        search(flat, price, new PlacementRandom(1), { steps, target: 0, interrupted: never, onBetter });
        return best;
      });
      assert.ok(long < 0.995 * short, `seed ${seed}: ${long / 1e6} after ${short / 1e6}`);
    }
  });

  it('P8: two replicas of one workload that would change places are no move', () => {
    const boxes = ['a', 'b'].map((id) => makeNode(id));
    const lonely = makeProblem(boxes, [makeWorkload('w', { replicas: 2, classes: ['hot'], demand: { memoryMiB: 700 } })]);
    const made = (problem: typeof lonely): number => {
      const flat = flatten(compile(problem));
      const { price } = findPrices(flat, never);
      const lists = shortLists(flat, price);
      const plan = new SoftPlan(flat, price, lists.spread);
      const random = new PlacementRandom(1);
      begin(flat, plan, lists, random);
      const moves = new Moves(flat, plan, lists, random);
      return Array.from({ length: 1000 }, () => moves.try(0)).filter(Boolean).length;
    };
    assert.equal(made(lonely), 0);
    const strangers = ['v', 'w'].map((id) => makeWorkload(id, { classes: ['hot'], demand: { memoryMiB: 700 } }));
    assert.ok(made(makeProblem(boxes, strangers)) > 0, 'of two workloads it is one');
  });
});
