import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { evaluate } from '../../../agent/placement/evaluate.ts';
import { archive, choicesMax, criteria, ownOf, type Point, pareto } from '../../../agent/placement/pareto.ts';
import { planHash } from '../../../agent/placement/plan-document.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { solve } from '../../../agent/placement/solve.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';
import { makeNode, makeProblem, makeWorkload } from './problems.ts';
import { randomProblem } from './random-problem.ts';

const value = fc.integer({ min: 0, max: 20 });
const points = fc.array(fc.tuple(value, value, value, value, value), { minLength: 1, maxLength: 60 }).map((drawn) =>
  drawn.map(
    ([delay, imbalance, risk, moves, rest], i): Point => ({
      hash: i.toString(16).padStart(16, '0'),
      assignments: [],
      values: { delay, imbalance, risk, moves },
      total: delay + imbalance + risk + rest,
      others: { minimumSize: rest },
    }),
  ),
);

/** Written anew: worse in nothing, the total included, and not equal. */
function beats(a: Pick<Point, 'values' | 'total'>, b: Pick<Point, 'values' | 'total'>): boolean {
  const pairs = [...criteria.map((name) => [a.values[name], b.values[name]] as const), [a.total, b.total] as const];
  return pairs.filter(([x, y]) => x > y).length === 0 && pairs.filter(([x, y]) => x < y).length > 0;
}

describe('choices', () => {
  it('P15: none of those kept beats another, each extreme is there, and there are at most 15', () => {
    fc.assert(
      fc.property(points, (all) => {
        const own = ownOf(all, all[0]?.hash ?? '');
        assert.equal(own.total, Math.min(...all.map(({ total }) => total)), 'the plan has the least total');
        const kept = archive(all, own);
        assert.ok(kept.length <= choicesMax && kept.includes(own));
        for (const a of kept) for (const b of all) assert.ok(!beats(b, a), `${b.hash} beats ${a.hash}`);
        for (const name of criteria)
          assert.equal(Math.min(...kept.map(({ values }) => values[name])), Math.min(...all.map(({ values }) => values[name])), name);
        assert.equal(new Set(kept.map(({ values, total }) => JSON.stringify([values, total]))).size, kept.length, 'no two are equal');
      }),
    );
  });

  it('P15: the order in which plans were found does not matter', () => {
    fc.assert(
      fc.property(points, (all) => {
        const given = all[0]?.hash ?? '';
        const hashes = (list: readonly Point[]): readonly string[] => archive(list, ownOf(list, given)).map(({ hash }) => hash);
        assert.deepEqual(hashes([...all].reverse()), hashes(all));
      }),
    );
  });

  it('P15: every choice of a drawn problem can be carried out, and places as much as the plan', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => {
        const random = new PlacementRandom(seed);
        const problem = randomProblem(random, 2 + random.nextInt(3), 2 + random.nextInt(3));
        const { plan, choices } = pareto(problem, solve(problem), solve);
        assert.deepEqual(
          choices.filter(({ names }) => names.includes('the plan')).map(({ hash }) => hash),
          [plan.hash],
        );
        for (const a of choices) for (const b of choices) assert.ok(!beats(a, b), `${a.hash} beats ${b.hash}`);
        for (const { assignments, total } of choices) {
          assert.equal(assignments.length, plan.assignments.length);
          assert.ok(total >= plan.objective.total, 'the plan is the best by its own weights');
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
    const { choices } = pareto(problem, solve(problem), solve);
    assert.ok(choices.length >= 3, `${choices.length} choices`);
    assert.deepEqual(
      ['least delay', 'least risk', 'least moves', 'the plan', 'knee'].filter((name) => !choices.some(({ names }) => names.includes(name))),
      [],
    );
    for (const { names, gains, givesUp } of choices) {
      assert.equal(gains.length + givesUp.length === 0, names.includes('the plan'));
      for (const text of [...gains, ...givesUp])
        assert.match(text, /^[0-9.]+ (s\/h (\(\d+ %\) )?(less|more) (delay|imbalance|risk|migration|in all)|(fewer|more) moves?)$/);
      assert.equal(
        givesUp.some((text) => text.endsWith('more in all')),
        !names.includes('the plan'),
        'what it costs in all is said',
      );
    }
    const safest = choices.find(({ names }) => names.includes('least risk'));
    assert.equal(safest?.assignments[0]?.node, 'far');
    assert.ok(safest.givesUp.some((text) => text.endsWith('more delay')));
  });

  it('P15: a choice that is as good as the plan in delay, risk and moves says by what else it is not', () => {
    const problem = makeProblem(
      [makeNode('plain', { capacity: { cpuCores: 1 } }), makeNode('gpu', { capacity: { vramMiB: 8000 } })],
      [makeWorkload('w', { perHour: 3600, demand: { cpuSeconds: 0.9 } })],
      { weights: { ...makeProblem([], []).weights, minimumSize: 100 } },
    );
    const { plan, choices } = pareto(problem, solve(problem), solve);
    assert.equal(plan.assignments[0]?.node, 'plain');
    const level = choices.find(({ names }) => names.includes('least imbalance'));
    assert.equal(level?.assignments[0]?.node, 'gpu');
    assert.deepEqual(level.gains, ['4.4 s/h (100 %) less imbalance']);
    assert.deepEqual(level.givesUp, ['100 s/h more minimumSize', '95.6 s/h more in all']);
  });

  it('P15: a better plan that is found on the way becomes the plan', () => {
    const { problem } = multiClassProblem({ workloads: 40, nodes: 8, seed: 2 });
    const searched = (steps: number) => (one: PlacementProblem) => solve({ ...one, limits: { ...one.limits, seed: 5, steps } });
    const poor = searched(1)(problem);
    const { plan, choices } = pareto(problem, poor, searched(4000));
    assert.ok(plan.objective.total < poor.objective.total, `${plan.objective.total}, was ${poor.objective.total}`);
    assert.deepEqual(checkPlan(problem, plan), []);
    assert.deepEqual(plan.objective, evaluate(problem, plan));
    assert.ok(plan.alternatives.some(({ hash }) => hash === poor.hash));
    assert.deepEqual([plan.bound, plan.provenBy], [poor.bound, poor.provenBy]);
    assert.ok((plan.gapPercent ?? 0) < (poor.gapPercent ?? 0));
    assert.equal(choices.find(({ names }) => names.includes('the plan'))?.hash, plan.hash);
    assert.equal(Math.min(...choices.map(({ total }) => total)), plan.objective.total);
  });

  it('P15: so does one that places more, whatever it costs; one that costs less by placing less is no choice', () => {
    const problem = makeProblem(
      [makeNode('a', { capacity: { memoryMiB: 250 }, health: { usable: true, risk: 0.9 } })],
      [
        makeWorkload('high', { criticality: 0.9, classes: ['hot'] }),
        makeWorkload('low', { criticality: 0.1, classes: ['hot'] }),
        makeWorkload('last', { criticality: 0.05, classes: ['hot'] }),
      ],
    );
    const whole = solve(problem);
    assert.deepEqual(
      whole.unplaced.map(({ workload }) => workload),
      ['last'],
    );
    const assignments = [
      { workload: 'last', replica: 0, node: 'a', class: 'hot' as const },
      { workload: 'low', replica: 0, node: 'a', class: 'hot' as const },
    ];
    const part = { ...whole, assignments, hash: planHash(assignments), objective: evaluate(problem, { assignments }) };
    const { plan, choices } = pareto(problem, part, solve);
    assert.ok(plan.objective.total > part.objective.total);
    assert.equal(plan.hash, whole.hash);
    assert.deepEqual(plan.unplaced, whole.unplaced);
    assert.deepEqual(
      choices.map(({ hash }) => hash),
      [whole.hash],
    );
  });
});
