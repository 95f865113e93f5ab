import assert from 'node:assert/strict';
import { Candidate } from '../../../agent/placement/candidate.ts';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { placeByDiffusion, placeByRegret, placingOrder } from '../../../agent/placement/construct.ts';
import { flatten } from '../../../agent/placement/flat.ts';
import { findPrices } from '../../../agent/placement/prices.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { replan } from '../../../agent/placement/replan.ts';
import { shortLists } from '../../../agent/placement/short-list.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';

class Enough extends Error {}

const { problem } = multiClassProblem({ workloads: 120, nodes: 20, seed: 1 });
const limited = { ...problem, limits: { steps: 20_000, seed: 1, starts: 2 } };

describe('being told to stop', () => {
  it('P8: every stage asks at least so often: a workload, 16 replicas, a round of prices, 512 evaluations', () => {
    let asked = 0;
    const since = (work: () => unknown): number => {
      const before = asked;
      work();
      return asked - before;
    };
    const checkpoint = (): void => {
      asked += 1;
    };
    const instance = compile(problem, { checkpoint });
    const slots = instance.slots.length;
    assert.ok(asked >= problem.workloads.length, 'listing columns');
    const flat = flatten(instance);
    assert.ok(since(() => flatten(instance)) >= slots / 16, 'packing columns');
    let rounds = 0;
    const priced = since(() => findPrices(flat, () => ++rounds >= 30));
    assert.ok(priced >= 30, 'prices');
    const { price } = findPrices(flat, () => true);
    assert.ok(since(() => shortLists(flat, price)) >= slots / 16, 'short lists');
    for (const build of [placeByRegret, placeByDiffusion]) {
      const candidate = new Candidate(instance);
      const order = placingOrder(candidate);
      const times = since(() =>
        build === placeByRegret ? placeByRegret(candidate, order) : placeByDiffusion(candidate, new PlacementRandom(1)),
      );
      assert.ok(times >= Math.floor(candidate.steps / 512), `${build.name}: ${times} times in ${candidate.steps} evaluations`);
      assert.ok(candidate.steps > 512);
    }
    const plan = solve(limited);
    assert.ok(since(() => checkPlan(problem, plan, checkpoint)) >= plan.assignments.length, 'checking');
  });

  it('P8: whenever it is told so, it ends there and then, whatever it is doing', () => {
    let asked = 0;
    const first = solve(limited, {
      checkpoint: () => {
        asked += 1;
      },
    });
    const all = asked;
    const standing = { ...limited, current: first.assignments };
    for (const run of [
      (checkpoint: () => void) => solve(limited, { checkpoint }),
      (checkpoint: () => void) => replan(standing, new Set(['w1/0']), { checkpoint }),
    ]) {
      for (let share = 0; share < 1; share += 0.05) {
        const last = 1 + Math.floor(share * share * all);
        asked = 0;
        const stop = (): void => {
          asked += 1;
          if (asked >= last) throw new Enough();
        };
        try {
          run(stop);
          assert.ok(asked < last, 'it was told, and went on');
        } catch (error) {
          assert.ok(error instanceof Enough, String(error));
        }
        assert.ok(asked <= last, `${asked - last} times more after it was told`);
      }
    }
  });

  it('P8: asking changes nothing of the plan', () => {
    assert.equal(solve(limited, { checkpoint: () => {} }).hash, solve(limited).hash);
  });
});
