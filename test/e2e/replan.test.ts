import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { done, notYet, until } from '../../agent/demo/until.ts';
import type { DecisionsDocument } from '../../schemas/generated/types.ts';
import { LoneAgent } from './agent-process.ts';

describe('planning from what is observed', function () {
  this.timeout(60_000);
  const lone = new LoneAgent();
  before(async () => {
    lone.write({ ...(await lone.config()), replan: { restSeconds: 0, frequencyBandPercent: 20 } });
    await lone.start();
  });
  after(() => lone.remove());

  it('P2 P18: a job that runs less often than was said is planned with what was seen, and the record says so', async () => {
    const file = join(lone.dir, 'work.yaml');
    writeFileSync(
      file,
      `version: 1
workloads:
  - name: sampler
    kind: job
    command: [bash, -c, "read -rt 0.05 <> <(:); true"]
    resources: { memoryMiB: 16, cpuSecondsPerRun: 0.001 }
    perHour: 360000
    durationSeconds: 0.01
    classes: [warm]
`,
    );
    const applied = await lone.cli(['apply', '-f', file]);
    assert.equal(applied.code, 0, applied.stderr);
    const decision = await until('twenty runs were seen', 40_000, async () => {
      const { decisions } = JSON.parse((await lone.cli(['placement', 'history', '--json'])).stdout) as DecisionsDocument;
      const found = decisions.find(({ triggers }) => triggers.some(({ kind }) => kind === 'frequency'));
      return found === undefined ? notYet(`${decisions.length} decisions`) : done(found);
    });
    assert.match(decision.triggers[0]?.detail ?? '', /^360000 runs per hour became [0-9]+$/);
    assert.equal(decision.outcome, 'kept', 'there is but one box');
  });
});
