import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { done, notYet, until } from '../../agent/demo/until.ts';
import type { DecisionsDocument, WorkloadsDocument } from '../../schemas/generated/types.ts';
import { LoneAgent } from './agent-process.ts';

describe('planning from what is observed', function () {
  this.timeout(60_000);
  const lone = new LoneAgent();
  /** Stands for the device of a sensor. */
  const plug = join(lone.dir, 'ttyUSB0');
  before(async () => {
    const config = await lone.config({
      replan: { restSeconds: 0, frequencyBandPercent: 20 },
      devices: [{ id: 'press/sensor', path: plug, delivers: [{ source: 'press/vibration' }] }],
    });
    lone.write(config);
    writeFileSync(plug, '');
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

  it('P11 P18: an unplugged device takes its work along within five seconds, and brings it back', async () => {
    const file = join(lone.dir, 'reader.yaml');
    writeFileSync(
      file,
      `version: 1
workloads:
  - name: reader
    kind: service
    command: [bash, -c, "read -rt 1000 <> <(:)"]
    resources: { memoryMiB: 16 }
    inputs: [{ source: press/vibration }]
`,
    );
    assert.equal((await lone.cli(['apply', '-f', file])).code, 0);
    const placed = (wanted: boolean): Promise<void> =>
      until(wanted ? 'it has its place' : 'it lost its place', 5000, async () => {
        const { workloads } = JSON.parse((await lone.cli(['workload', 'list', '--json'])).stdout) as WorkloadsDocument;
        const replicas = workloads.find(({ name }) => name === 'reader')?.replicas.length ?? 0;
        return replicas > 0 === wanted ? done(undefined) : notYet(`${replicas} replicas`);
      });
    await placed(true);
    rmSync(plug);
    await placed(false);
    writeFileSync(plug, '');
    await placed(true);
    const { decisions } = JSON.parse((await lone.cli(['placement', 'history', '--json'])).stdout) as DecisionsDocument;
    const unplugged = decisions.filter(({ triggers }) =>
      triggers.some(({ kind, detail }) => kind === 'node-changed' && detail === 'changed: devices'),
    );
    assert.deepEqual(
      unplugged.map(({ outcome, moves }) => [outcome, ...moves]),
      [
        ['applied', 'reader/0: solo (hot) → nowhere'],
        ['applied', 'reader/0: nowhere → solo (hot)'],
      ],
    );
  });
});
