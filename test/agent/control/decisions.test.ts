import assert from 'node:assert/strict';
import { describeMoves } from '../../../agent/control/assignments.ts';
import { DecisionBook, recordOf, weigh } from '../../../agent/control/decisions.ts';
import { toProblem, toResult } from '../../../agent/engine-planner.ts';
import { replan } from '../../../agent/placement/replan.ts';
import type { Decision, Trigger } from '../../../schemas/generated/types.ts';
import { checkDocument, describeProblems } from '../../../schemas/validate.ts';
import { box, spec } from '../site-double.ts';
import { Leader } from './leader.ts';

describe('more critical work', () => {
  it('P26: takes the place of the fewest of the least critical, and the record tells whose', async () => {
    const leader = new Leader();
    leader.nodes = [box('a', { memoryMiB: 1000 }), box('b', { memoryMiB: 300 })];
    const sized = (name: string, memoryMiB: number, criticality: number) =>
      spec(name, { resources: { memoryMiB, cpuSecondsPerRun: 0 }, criticality });
    leader.site.give(sized('archive', 300, 0.1), sized('report', 600, 0.2), sized('panel', 250, 0.8));
    await leader.round();
    assert.equal(leader.duty.unplaced().length, 0);
    leader.site.give(sized('guard', 650, 1));
    await leader.round();
    assert.deepEqual(Object.keys(leader.site.where()), ['archive/0', 'guard/0', 'panel/0']);
    assert.match(leader.decision?.reason ?? '', /1 replica gave way to more critical work \(report\/0\), 1 replica had no place/);
    assert.ok(leader.decision?.moves.some((move) => /^report\/0: . \(hot\) → nowhere$/.test(move)));
  });
});

describe('the budget of preemptions', () => {
  it('P26: beyond it nothing makes way, and the newcomer waits with its reasons', async () => {
    for (const [preemptionsMax, placed] of [
      [1, ['guard/0', 'web/0']],
      [0, ['archive/0', 'web/0']],
    ] as const) {
      const leader = new Leader({ replan: { preemptionsMax } });
      leader.nodes = [box('a', { memoryMiB: 600 })];
      const sized = (name: string, memoryMiB: number, criticality: number) =>
        spec(name, { resources: { memoryMiB, cpuSecondsPerRun: 0 }, criticality });
      leader.site.give(sized('archive', 300, 0.1), sized('web', 200, 0.5));
      await leader.round();
      leader.site.give(sized('guard', 350, 1));
      await leader.round();
      assert.deepEqual(Object.keys(leader.site.where()), placed);
      const waiting = placed.includes('guard/0' as never) ? 'archive' : 'guard';
      assert.deepEqual(
        leader.duty.unplaced().map(({ workload }) => workload),
        [waiting],
      );
      assert.match(leader.duty.unplaced()[0]?.reasons[0] ?? '', /MEMORY_SHORT/);
      await leader.round(120_000);
      assert.equal(leader.duty.pending(), false, 'and that is that');
    }
  });
});

describe('records of decisions', () => {
  it('P18: are sound documents, bounded whatever they are about', () => {
    const input = {
      nodes: [box('a', { memoryMiB: 64_000 }), box('b', { usable: false })],
      specs: Array.from({ length: 100 }, (_, index) => spec(`w${index}`, { resources: { memoryMiB: 1, cpuSecondsPerRun: 0 } })),
      current: Array.from({ length: 100 }, (_, index) => ({
        workload: `w${index}`,
        replica: 0,
        node: 'b',
        class: 'hot' as const,
        epoch: 1,
        provisional: false,
        basisRevision: 0,
        awaiting: null,
      })),
      held: new Set<string>(),
      uplink: { latencyMs: 1, mbps: 100 },
      unreachableArtefacts: new Set<string>(),
    };
    const problem = toProblem(input);
    const result = toResult(replan({ ...problem, limits: { ...problem.limits, steps: 5000 } }, undefined));
    const verdict = weigh(result, result.assignments, input.current);
    assert.equal(verdict.apply, true);
    const triggers = Array.from(
      { length: 40 },
      (_, index): Trigger => ({ kind: 'node-lost', subject: `box-${index}`, detail: 'x'.repeat(900) }),
    );
    const record = recordOf({
      by: 'a',
      at: new Date(0),
      triggers,
      result,
      verdict,
      applied: true,
      moves: describeMoves(input.current, result.assignments),
      ms: 3.4,
    });
    const checked = checkDocument('DecisionsDocument', { revision: 1, forgotten: 0, decisions: [record] });
    assert.ok(checked.ok, checked.ok ? '' : describeProblems(checked.problems));
    assert.equal(record.moves.length, 32);
    assert.equal(record.movesLeftOut, 68);
    assert.match(record.triggers.at(-1)?.detail ?? '', /25 more/);
  });

  it('P18: the newest are kept, each once, however often its plan comes, and how many were forgotten is said', async () => {
    const leader = new Leader();
    leader.site.give(spec('web'));
    await leader.round();
    const decision = leader.decision;
    assert.ok(decision !== undefined);
    const book = new DecisionBook(2);
    const at = (minute: number): Decision => ({ ...decision, at: new Date(minute * 60_000).toISOString() });
    for (const revision of [5, 5, 6, 4, 7]) book.addCommitted(revision, at(revision));
    book.addCommitted(8, at(7));
    book.addCommitted(9, { by: 'nonsense' });
    assert.deepEqual(
      book.list().decisions.map(({ planRevision }) => planRevision),
      [6, 7],
    );
    assert.equal(book.list().forgotten, 1);
  });
});
