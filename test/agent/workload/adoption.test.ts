import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from '../../../agent/demo/processes.ts';
import { ended, forever, give, sees, shell, WorkBox } from './work-box.ts';

const spec = shell('pump', `trap 'echo told to end; exit 0' TERM; echo up; while :; do ${forever}; done`);

describe('an agent that comes back', () => {
  let box: WorkBox;
  beforeEach(() => {
    box = new WorkBox();
  });
  afterEach(() => box.close());

  async function orphan(): Promise<number> {
    const first = await box.executor();
    first.setDesired([give(spec)]);
    const { pid } = await sees(first, 'the workload runs', ({ state, pid }) => state === 'ready' && pid !== null);
    await first.stop();
    return pid as number;
  }

  it('K7: finds its work by process id and start time, and keeps it under the same id', async () => {
    const pid = await orphan();
    const second = await box.executor();
    assert.deepEqual(
      second.instances().map(({ workload, pid, adopted, epoch }) => ({ workload, pid, adopted, epoch })),
      [{ workload: 'pump', pid, adopted: true, epoch: 1 }],
    );
    second.setDesired([give(spec)]);
    await sees(second, 'it is still there', (status) => status.pid === pid && status.state === 'ready' && status.restarts === 0);
  });

  it('K7: signals nothing before the site was asked what is to run here', async () => {
    const pid = await orphan();
    const second = await box.executor();
    // Two of its rounds, seen by the counter of a second workload, would have ended what is not wanted.
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.ok(isAlive(pid));
    assert.deepEqual(second.logs('pump', 0, 10), ['up'], 'it was not told to end either');
    second.setDesired([]);
    await ended(pid);
  });

  it('K7: keeps the process under a newer epoch when the same box was chosen again', async () => {
    const pid = await orphan();
    const second = await box.executor();
    second.setDesired([give(spec, { epoch: 7 })]);
    await sees(second, 'the new epoch', (status) => status.epoch === 7 && status.pid === pid);
    await second.stop();
    const third = await box.executor();
    assert.equal(third.instances()[0]?.epoch, 7, 'and remembers it');
  });

  it('K7: does not take over what ran before the machine was started again', async () => {
    const pid = await orphan();
    const second = await box.executor('boot-2');
    assert.deepEqual(second.instances(), []);
    process.kill(pid, 'SIGKILL');
  });

  it('K7: does not take over another process that got the same number', async () => {
    const pid = await orphan();
    const file = join(box.runtimeDir, 'instances', 'pump.0', 'record.json');
    const record = JSON.parse(readFileSync(file, 'utf8')) as { ticks: number };
    writeFileSync(file, JSON.stringify({ ...record, ticks: record.ticks + 1 }));
    const second = await box.executor();
    assert.deepEqual(second.instances(), []);
    assert.ok(isAlive(pid), 'nor does it end it');
  });

  it('K7: starts what ended while nobody watched once more, and says how it ended', async () => {
    const pid = await orphan();
    const second = await box.executor();
    second.setDesired([give(spec)]);
    process.kill(pid, 'SIGKILL');
    const again = await sees(second, 'a new process', (status) => status.pid !== null && status.pid !== pid);
    assert.equal(again.lastExit?.signal, 'signal 9');
    assert.equal(again.restarts, 1);
  });
});
