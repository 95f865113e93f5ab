import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, killBox, processesOf } from '../../../agent/demo/processes.ts';
import { done, notYet, until } from '../../../agent/demo/until.ts';
import type { InstanceRecord } from '../../../agent/workload/instance-dir.ts';
import { startTicks } from '../../../agent/workload/process-facts.ts';
import { ended, forever, give, sees, shell, WorkBox } from './work-box.ts';

const spec = shell('pump', `trap 'echo told to end; exit 0' TERM; echo up; while :; do ${forever}; done`);

describe('an agent that comes back', () => {
  let box: WorkBox;
  const strangers: ChildProcess[] = [];
  beforeEach(() => {
    box = new WorkBox();
  });
  afterEach(async () => {
    for (const process of strangers.splice(0)) process.kill('SIGKILL');
    await box.close();
  });

  /** A process that has nothing to do with this box, in a group of its own. */
  function stranger(): number {
    const process = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    strangers.push(process);
    return process.pid as number;
  }

  function change(facts: Partial<InstanceRecord>): void {
    const file = join(box.runtimeDir, 'instances', 'pump.0', 'record.json');
    writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as InstanceRecord), ...facts }));
  }

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

  it('K7: signals nothing before the site was asked what is to run here, and ends then what is not', async () => {
    const pid = await orphan();
    const second = await box.executor();
    // Two looks would have been enough to tell it to end, and its grace is over after three.
    await box.looks(5);
    assert.ok(isAlive(pid));
    assert.deepEqual(second.logs('pump', 0, 10), ['up'], 'it was not told to end either');
    assert.equal(second.instances()[0]?.state, 'ready');
    second.setDesired([]);
    await ended(pid);
    await until('nothing is left of it', 15_000, async () => (second.instances().length === 0 ? done(true) : notYet('there')));
    assert.deepEqual(readdirSync(join(box.runtimeDir, 'instances')), []);
  });

  it('K7: ends another program of the same name, and starts the one that is wanted', async () => {
    const pid = await orphan();
    const second = await box.executor();
    second.setDesired([give({ ...spec, env: { SPEED: '2' } })]);
    const status = await sees(second, 'a new process', (status) => status.pid !== null && status.pid !== pid);
    assert.equal(status.adopted, false);
    assert.equal(isAlive(pid), false, 'never both');
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
    // The process numbers of a former boot mean nothing: even one that is taken again is not ours.
    await killBox(box.runtimeDir);
    await ended(pid);
    const bystander = stranger();
    change({ pid: bystander, ticks: startTicks(bystander) ?? 0 });
    const second = await box.executor('boot-2');
    assert.deepEqual(second.instances(), []);
    await box.looks(2);
    assert.ok(isAlive(bystander));
  });

  it('K7: takes over nothing, and signals nobody, when another process got the same number', async () => {
    const pid = await orphan();
    await killBox(box.runtimeDir);
    await ended(pid);
    const bystander = stranger();
    change({ pid: bystander, group: bystander, keeper: bystander });
    const second = await box.executor();
    assert.deepEqual(second.instances(), []);
    second.setDesired([give(spec)]);
    await sees(second, 'a process of its own', (status) => status.state === 'ready' && status.pid !== bystander);
    assert.ok(isAlive(bystander));
  });

  it('K7: ends what an agent started and died before it wrote that down', async () => {
    const pid = await orphan();
    rmSync(join(box.runtimeDir, 'instances', 'pump.0', 'record.json'));
    const second = await box.executor();
    assert.deepEqual(second.instances(), [], 'nothing runs here, it says');
    await ended(pid);
    await until('its keeper is gone', 15_000, async () =>
      processesOf(box.runtimeDir).length === 0 ? done(true) : notYet(String(processesOf(box.runtimeDir))),
    );
  });

  it('K7: does not believe a record that is damaged', async () => {
    await orphan();
    writeFileSync(join(box.runtimeDir, 'instances', 'pump.0', 'record.json'), '{"version": 1, "pid":');
    const second = await box.executor();
    assert.deepEqual(second.instances(), []);
    second.setDesired([give(spec)]);
    await sees(second, 'it runs', ({ state, adopted }) => state === 'ready' && !adopted);
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
