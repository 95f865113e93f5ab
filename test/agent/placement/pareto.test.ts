import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { archive, choicesMax, criteria, type Point, pareto } from '../../../agent/placement/pareto.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { makeNode, makeProblem, makeWorkload } from './problems.ts';
import { randomProblem } from './random-problem.ts';

const value = fc.integer({ min: 0, max: 20 });
const points = fc.array(fc.tuple(value, value, value, value), { minLength: 1, maxLength: 60 }).map((drawn) =>
  drawn.map(
    ([delay, imbalance, risk, moves], i): Point => ({
      hash: i.toString(16).padStart(16, '0'),
      assignments: [],
      values: { delay, imbalance, risk, moves },
      total: delay + imbalance + risk + moves,
    }),
  ),
);

/** Written anew: worse in nothing, and not equal. */
function beats(a: Point, b: Point): boolean {
  const pairs = criteria.map((name) => [a.values[name], b.values[name]] as const);
  return pairs.filter(([x, y]) => x > y).length === 0 && pairs.filter(([x, y]) => x < y).length > 0;
}

describe('choices', () => {
  it('P15: none of those kept beats another, each extreme is there, and there are at most 15', () => {
    fc.assert(
      fc.property(points, (all) => {
        const own = all[0];
        assert.ok(own !== undefined);
        const kept = archive(all, own);
        assert.ok(kept.length <= choicesMax && kept.includes(own));
        const others = kept.filter((point) => point !== own);
        for (const a of others) for (const b of all) assert.ok(!beats(b, a), `${b.hash} beats ${a.hash}`);
        for (const name of criteria)
          assert.equal(Math.min(...kept.map(({ values }) => values[name])), Math.min(...all.map(({ values }) => values[name])), name);
        assert.equal(new Set(kept.map(({ values }) => JSON.stringify(values))).size, kept.length, 'no two are equal');
      }),
    );
  });

  it('P15: the order in which plans were found does not matter', () => {
    fc.assert(
      fc.property(points, (all) => {
        const own = all[0];
        assert.ok(own !== undefined);
        const hashes = (list: readonly Point[]): readonly string[] => archive(list, own).map(({ hash }) => hash);
        assert.deepEqual(hashes([...all].reverse()), hashes(all));
      }),
    );
  });

  it('P15: every choice of a drawn problem can be carried out, and places as much as the plan', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => {
        const random = new PlacementRandom(seed);
        const problem = randomProblem(random, 2 + random.nextInt(3), 2 + random.nextInt(3));
        const plan = solve(problem);
        for (const { assignments, total } of pareto(problem, plan, solve)) {
          assert.equal(assignments.length, plan.assignments.length);
          assert.ok(total >= plan.objective.total - 1e-6 || plan.provenBy !== 'enumeration', 'the plan is the best by its own weights');
          const wrong = checkPlan(problem, { ...plan, assignments: [...assignments] });
          assert.deepEqual(
            wrong.filter((text) => !text.includes('occurs') && !text.includes('not a replica')),
            [],
          );
        }
      }),
      { numRuns: 15 },
    );
  });

  it('P15: where delay, risk and moves pull apart there are three choices and more, each with what it gives up', () => {
    const problem = makeProblem(
      [
        makeNode('near', { health: { usable: true, risk: 0.8 } }),
        makeNode('far', { health: { usable: true, risk: 0 } }),
        makeNode('here', { health: { usable: true, risk: 0.4 } }),
      ],
      [makeWorkload('w', { perHour: 600, inputs: [{ source: 's', mbPerCall: 0, hard: false }], startup: { initSeconds: 20 } })],
      {
        links: [
          { a: 'near', b: 'far', latencyMs: 90, mbps: 100 },
          { a: 'near', b: 'here', latencyMs: 40, mbps: 100 },
        ],
        sources: [{ id: 's', nodes: ['near'], rateMBps: 1 }],
        current: [{ workload: 'w', replica: 0, node: 'here', class: 'hot' }],
      },
    );
    const choices = pareto(problem, solve(problem), solve);
    assert.ok(choices.length >= 3, `${choices.length} choices`);
    assert.deepEqual(
      ['least delay', 'least risk', 'least moves', 'the plan', 'knee'].filter((name) => !choices.some(({ names }) => names.includes(name))),
      [],
    );
    for (const { names, gains, givesUp } of choices) {
      assert.equal(gains.length + givesUp.length === 0, names.includes('the plan'));
      for (const text of [...gains, ...givesUp])
        assert.match(text, /^[0-9.]+ (s\/h (\(\d+ %\) )?(less|more) (delay|imbalance|risk)|(fewer|more) moves?)$/);
    }
    const safest = choices.find(({ names }) => names.includes('least risk'));
    assert.equal(safest?.assignments[0]?.node, 'far');
    assert.ok(safest.givesUp.some((text) => text.endsWith('more delay')));
  });
});
