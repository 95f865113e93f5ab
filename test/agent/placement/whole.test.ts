import assert from 'node:assert/strict';
import { shareCopies } from '../../../agent/placement/copies.ts';
import { flatten } from '../../../agent/placement/flat.ts';
import { findPrices } from '../../../agent/placement/prices.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { boundOfAll, hasOmitted, withoutOmitted } from '../../../agent/placement/whole.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';

const never = (): boolean => false;

describe('a bound where columns were left out', () => {
  for (const seed of [1, 2, 3])
    it(`P9: is below a plan of all columns, and nearly what all columns prove, on generated problem ${seed}`, () => {
      const { problem } = multiClassProblem({ workloads: 150, nodes: 60, seed });
      const flat = flatten(compile(problem, { columnsMax: 1 }));
      assert.ok(hasOmitted(flat));
      const capped = findPrices(flat, never).bound;
      const prices = findPrices(withoutOmitted(flat), never);
      const bound = boundOfAll(flat, prices.price, never).bound;
      const all = flatten(compile(problem));
      assert.ok(!hasOmitted(all));
      const { objective, unplaced } = solve({ ...problem, limits: { steps: 100_000, seed: 1, starts: 1 } });
      assert.deepEqual(unplaced, []);
      assert.ok(bound / 1e6 <= objective.total, `bound ${bound / 1e6}, plan ${objective.total}`);
      assert.ok(bound > capped, `bound ${bound}, with what was left out at its least cost ${capped}`);
      assert.ok(bound > 0.98 * findPrices(all, never).bound);
    });

  it('P9 P14: counts copies of shared data, each box by no more than one copy', () => {
    const { problem } = multiClassProblem({ workloads: 100, nodes: 20, seed: 4 });
    const flat = flatten(compile(problem));
    const { price, bound } = findPrices(flat, never);
    const shared = shareCopies(flat, price);
    assert.ok(shared !== undefined);
    const { slots, shared: read, sharedCount } = flat.instance;
    assert.equal(shared.free, sharedCount * 1e6 * problem.weights.colocation);
    // All readers of one source on one box would pay for one copy together: those that read others as well pay for these, too.
    const paid = new Float64Array(flat.nodes);
    const sources = new Float64Array(flat.nodes);
    for (let box = 0; box < flat.nodes; box += 1) {
      const here = new Set<number>();
      slots.forEach(({ workload }, slot) => {
        for (let column = flat.first[slot] ?? 0; column < (flat.first[slot + 1] ?? 0); column += 1) {
          if (flat.node[column] !== box) continue;
          paid[box] = (paid[box] ?? 0) + (shared.flat.cost[column] ?? 0) - (flat.cost[column] ?? 0);
          for (const source of read[workload] ?? []) here.add(source);
          break;
        }
      });
      sources[box] = here.size;
    }
    paid.forEach((sum, box) => {
      assert.ok(Math.abs(sum - (sources[box] ?? 0) * 1e6) < 1, `box ${box}: ${sum} for ${sources[box]} sources`);
    });
    const proven = boundOfAll(flat, price, never).bound;
    assert.ok(proven > bound, `${proven} with copies, ${bound} without`);
    const { objective } = solve({ ...problem, limits: { steps: 100_000, seed: 1, starts: 1 } });
    assert.ok(proven / 1e6 <= objective.total, `bound ${proven / 1e6}, plan ${objective.total}`);
  });

  it('P14: knows nothing of copies that cost nothing', () => {
    const { problem } = multiClassProblem({ workloads: 20, nodes: 8, seed: 5 });
    const flat = flatten(compile({ ...problem, weights: { ...problem.weights, colocation: 0 } }));
    assert.equal(shareCopies(flat, new Float64Array(flat.nodes * flat.width)), undefined);
  });
});
