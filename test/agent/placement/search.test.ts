import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Candidate } from '../../../agent/placement/candidate.ts';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { flatten } from '../../../agent/placement/flat.ts';
import { findPrices } from '../../../agent/placement/prices.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { search } from '../../../agent/placement/search.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { checkDocument } from '../../../schemas/validate.ts';
import { bruteForce } from './brute-force.ts';
import { makeNode, makeProblem, makeWorkload, placesOf } from './problems.ts';
import { randomProblem } from './random-problem.ts';

const never = (): boolean => false;

describe('the search on prices', () => {
  it('P8: bound <= optimum <= plan on random small problems, and the plan fits without further checks', () => {
    let feasible = 0;
    let found = 0;
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const random = new PlacementRandom(seed);
        const problem = randomProblem(random, 2 + random.nextInt(3), 2 + random.nextInt(2));
        const best = bruteForce(problem);
        if (best.unplaced.some((count) => count > 0)) return;
        feasible += 1;
        const flat = flatten(compile(problem));
        const { price, bound } = findPrices(flat, never);
        assert.ok(bound / 1e6 <= best.cost + 1e-4, `bound ${bound / 1e6}, optimum ${best.cost}`);
        const { placed, fits } = search(flat, price, new PlacementRandom(seed), { steps: 4000, target: bound, interrupted: never });
        if (placed === undefined || !fits) return;
        const candidate = new Candidate(flat.instance);
        placed.forEach((column, slot) => {
          const option = flat.instance.slots[slot]?.columns[column];
          assert.ok(option !== undefined && candidate.fits(slot, option));
          candidate.put(slot, column);
        });
        assert.ok(candidate.cost / 1e6 >= best.cost - 1e-4);
        if (!flat.tied && candidate.cost / 1e6 <= best.cost + 1e-4) found += 1;
        else if (flat.tied) found += 1;
      }),
      { numRuns: 60 },
    );
    assert.ok(feasible >= 5 && found >= 0.9 * feasible, `${found} of ${feasible}`);
  });

  const tight = (names: readonly string[]) =>
    makeProblem(
      names.map((id, index) => makeNode(id, { capacity: { memoryMiB: 460, cacheMiB: 0 }, health: { usable: true, risk: index / 20 } })),
      Array.from({ length: 40 }, (_, index) =>
        makeWorkload(`w${index}`, { criticality: 0.5, classes: ['hot'], demand: { memoryMiB: 60 + ((index * 37) % 80) } }),
      ),
      { weights: { ...makeProblem([], []).weights, balance: 0 }, limits: { steps: 200_000, seed: 3, starts: 1 } },
    );

  it('P6: same seed and steps, same plan; new names of the boxes change no value; the plan says how far it is from the bound', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
    const plan = solve(tight(names));
    assert.deepEqual(checkPlan(tight(names), plan), []);
    assert.ok(checkDocument('Plan', plan).ok);
    assert.equal(plan.unplaced.length, 0);
    assert.equal(solve(tight(names)).hash, plan.hash);
    assert.equal(plan.provenBy, 'lagrangian');
    assert.ok(
      plan.bound > 0 && plan.bound <= plan.objective.total && (plan.gapPercent ?? 100) < 30,
      `${plan.bound} to ${plan.objective.total}`,
    );
    assert.equal(solve(tight(names.map((name) => `box-${name}`))).objective.total, plan.objective.total);
  });

  it('P8: stops when it is told to, with a plan', () => {
    let asked = 0;
    const problem = tight(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']);
    const plan = solve(problem, {
      interrupted: () => {
        asked += 1;
        return asked > 20;
      },
    });
    assert.ok(plan.trace.interrupted && asked < 200);
    assert.deepEqual(checkPlan(problem, plan), []);
  });

  it('P4: what was measured at a box takes the place of what would be computed there', () => {
    const measured = [
      { node: 'a', startSeconds: 3, memoryMiB: 900 },
      { node: 'b', startSeconds: 1, memoryMiB: 1100 },
    ];
    const work = makeWorkload('w', { perHour: 10, classes: ['hot'], measured });
    const problem = makeProblem([makeNode('a'), makeNode('b')], [work], { weights: { ...makeProblem([], []).weights, balance: 0 } });
    const plan = solve(problem);
    assert.equal(placesOf(plan)['w/0'], 'a:hot');
    // 10 runs an hour x 0.5 x 3 s.
    assert.equal(plan.objective.total, 15);
    assert.deepEqual(checkPlan(problem, plan), []);
    const moved = { ...plan, assignments: plan.assignments.map((placed) => ({ ...placed, node: 'b' })) };
    assert.ok(checkPlan(problem, moved).some((text) => text.includes('memoryMiB')));
  });
});
