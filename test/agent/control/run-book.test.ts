import assert from 'node:assert/strict';
import { RunBook, ratesOf } from '../../../agent/control/run-book.ts';
import { startSeconds } from '../../../agent/placement/merit.ts';
import { specsToProblem } from '../../../agent/placement/spec-to-problem.ts';
import type { InstanceStatus, ReportedNode } from '../../../schemas/generated/types.ts';
import { makeNode } from '../placement/problems.ts';
import { box, spec } from '../site-double.ts';
import { Leader } from './leader.ts';

const job = spec('reporter', { kind: 'job', perHour: 60 });

/** A box that saw a job run. */
function seen(node: string, workload: string, perHour: number, runs = 20): ReportedNode {
  const status: InstanceStatus = {
    workload,
    replica: 0,
    epoch: 1,
    class: 'warm',
    state: 'waiting',
    pid: null,
    startedAt: null,
    adopted: false,
    restarts: 0,
    runs,
    lastStartMs: 10,
    ports: {},
    lastExit: null,
    reason: null,
    observed: { runs, perHour, idleGapSeconds: 3600 / perHour - 2, durationSeconds: 2, startSeconds: { warm: 0.4 } },
  };
  return { ...box(node), instances: [status] };
}

describe('what planning learns of runs', () => {
  it('P2: nothing from fewer than twenty runs, and nothing of services', () => {
    const book = new RunBook();
    book.learn([seen('a', 'reporter', 240, 19)], [job]);
    assert.equal(book.learned().size, 0);
    book.learn([seen('a', 'web', 240)], [spec('web')]);
    assert.equal(book.learned().size, 0);
  });

  it('P2: the mean of its replicas, kept when the job moves, forgotten with the workload', () => {
    const book = new RunBook();
    book.learn([seen('a', 'reporter', 200), seen('b', 'reporter', 280)], [job]);
    assert.equal(book.learned().get('reporter')?.perHour, 240);
    book.learn([box('c')], [job]);
    assert.equal(book.learned().get('reporter')?.perHour, 240);
    book.learn([box('c')], []);
    assert.equal(book.learned().size, 0);
  });

  it('P2: takes the place of the guess in the problem, as P4 measured starts do, in the class they were seen in', () => {
    const book = new RunBook();
    book.learn([seen('a', 'reporter', 240)], [job]);
    const { workloads } = specsToProblem({ specs: [job], nodes: [box('a')], current: [], learned: book.learned() });
    const [workload] = workloads;
    assert.ok(workload !== undefined);
    assert.equal(workload.perHour, 240);
    assert.equal(workload.durationSeconds, 2);
    assert.equal(startSeconds(workload, makeNode('a'), 'warm'), 0.4);
    assert.notEqual(startSeconds(workload, makeNode('a'), 'cold'), 0.4);
    assert.notEqual(startSeconds(workload, makeNode('b'), 'warm'), 0.4);
  });

  it('P2: without runs to learn from, the rate, the gap or once an hour', () => {
    const specs = [job, spec('gap', { kind: 'job', idleGapSeconds: 9, durationSeconds: 1 }), spec('hourly', { kind: 'job' }), spec('web')];
    assert.deepEqual(
      [...ratesOf(specs, new Map())],
      [
        ['reporter', 60],
        ['gap', 360],
        ['hourly', 1],
      ],
    );
  });
});

describe('the drift of frequencies', () => {
  it('P18: calls for a plan beyond the band and not within it', async () => {
    const leader = new Leader({ replan: { frequencyBandPercent: 30, restMs: 1000 } });
    leader.site.give(job);
    await leader.round();
    const plans = leader.planner.inputs.length;
    await leader.round(1000);
    leader.nodes = [seen('a', 'reporter', 77), box('b'), box('c')];
    await leader.round();
    assert.equal(leader.planner.inputs.length, plans, '28 % more is within the band');
    leader.nodes = [seen('a', 'reporter', 80), box('b'), box('c')];
    await leader.round();
    assert.equal(leader.planner.inputs.length, plans + 1);
    assert.deepEqual(
      [leader.kept.at(-1) ?? leader.decision].flatMap((decision) => decision?.triggers ?? []),
      [{ kind: 'frequency', subject: 'reporter', detail: '60 runs per hour became 80' }],
    );
    assert.equal(leader.planner.inputs.at(-1)?.learned?.get('reporter')?.perHour, 80);
  });
});
