import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CliError } from '../../../agent/cli/http-client.ts';
import { planProblem } from '../../../agent/cli/plan.ts';
import { planInThread } from '../../../agent/cli/plan-thread.ts';
import { showReport } from '../../../agent/cli/show-problem.ts';
import { makeNode, makeProblem, makeWorkload } from '../placement/problems.ts';

const sourceOf = (path: string): string => JSON.stringify(new URL(`../../../${path}`, import.meta.url).href);

/** Interrupts itself as soon as there is a plan, and says what came of it: an hour is allowed. */
const interrupted = `
  import { planInThread } from ${sourceOf('agent/cli/plan-thread.ts')};
  import { multiClassProblem } from ${sourceOf('test/bench/placement/multi-class.ts')};
  const { problem } = multiClassProblem({ workloads: 120, nodes: 15, seed: 1 });
  let signals = 0;
  const interrupt = () => {
    signals += 1;
    if (signals === 1) process.kill(process.pid, 'SIGINT');
  };
  const onProgress = { say: interrupt, doing: () => undefined, end: () => undefined };
  const { plan, endedEarly } = await planInThread(problem, { file: 'x', whatIf: [], budget: 3_600_000, pareto: true }, onProgress);
  process.stdout.write(JSON.stringify({ interrupted: plan.trace.interrupted, placed: plan.assignments.length > 0, endedEarly }));
`;

describe('planning in a thread', () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-interrupt-'));
  after(() => rmSync(directory, { recursive: true }));
  const problem = makeProblem([makeNode('a'), makeNode('b')], [makeWorkload('w', { replicas: 2 })]);

  it('P8 P16: gives what planning here gives', async () => {
    const options = { file: 'x', whatIf: [], pareto: true };
    assert.deepEqual(await planInThread(problem, options), planProblem(problem, options));
  });

  it('P9: Ctrl-C ends the search with the best plan so far, and begins no other', async () => {
    const script = join(directory, 'interrupted.mjs');
    writeFileSync(script, interrupted);
    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 15_000, killSignal: 'SIGKILL' });
    assert.deepEqual(JSON.parse(stdout), { interrupted: true, placed: true, endedEarly: ['choices'] });
  });

  it('P17: Ctrl-C leaves no what-if: plans of unlike effort would look like an effect', () => {
    const options = { file: 'x', whatIf: ['resize:a:memoryMiB=4000'] };
    assert.equal(planProblem(problem, options).whatIf?.effect.saved, 0);
    for (const after of [0, 1, 2]) {
      let asked = 0;
      const report = planProblem(problem, { ...options, budget: 3_600_000 }, undefined, () => {
        asked += 1;
        return asked > after;
      });
      assert.deepEqual([report.whatIf, report.endedEarly], [undefined, ['whatIf']]);
      assert.match(showReport(report), /not compared with the one without the change/);
    }
  });

  it('D1: what is wrong with a problem or its options is told as if it had been found here', async () => {
    await assert.rejects(planInThread(problem, { file: 'x', whatIf: [], weights: 'speed=3' }), (error) => {
      assert.ok(error instanceof CliError);
      assert.deepEqual([error.exitCode, error.code], [2, 'WEIGHTS_INVALID']);
      return true;
    });
  });
});
