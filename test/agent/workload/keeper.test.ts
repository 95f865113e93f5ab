import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from '../../../agent/demo/processes.ts';
import { ended, forever, give, sees, shell, WorkBox } from './work-box.ts';

/** Ends for no signal that can be ignored, and has a child that does not either. */
const stubborn = shell('guard', `trap '' TERM; (trap '' TERM; while :; do ${forever}; done) & echo $!; while :; do ${forever}; done`, {
  onSplit: 'stop',
});

describe('work that must never run twice (onSplit: stop)', () => {
  let box: WorkBox;
  beforeEach(() => {
    box = new WorkBox();
  });
  afterEach(() => box.close());

  async function started(leaseMs: number) {
    const executor = await box.executor();
    executor.extendLease(box.clock.nowMs() + leaseMs);
    executor.setDesired([give(stubborn)]);
    const { pid } = await sees(executor, 'it runs', ({ state, pid }) => state === 'ready' && pid !== null);
    await sees(executor, 'its child runs', () => (executor.logs('guard', 0, 1)?.length ?? 0) === 1);
    const child = Number(executor.logs('guard', 0, 1)?.[0]);
    const keeper = Number(readFileSync(join(box.runtimeDir, 'instances/guard.0/process'), 'latin1').trim().split(' ')[2]);
    return { executor, pid: pid as number, child, keeper };
  }

  it('K7: is ended by its keeper, children and all, when its lease ends and no agent is there', async () => {
    const { executor, pid, child } = await started(1500);
    await executor.stop();
    await ended(pid);
    await ended(child);
    assert.ok(box.clock.nowMs() > 0);
  });

  it('K7: goes on while its lease is extended, beyond the first one', async () => {
    const { executor, pid } = await started(1500);
    const end = box.clock.nowMs() + 2500;
    while (box.clock.nowMs() < end) {
      executor.extendLease(box.clock.nowMs() + 1500);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok(isAlive(pid));
  });

  it('K7: is not started without a lease, and says so', async () => {
    const executor = await box.executor();
    executor.setDesired([give(stubborn)]);
    const status = await sees(executor, 'it is blocked', ({ state }) => state === 'blocked');
    assert.equal(status.reason, 'this box holds no lease');
    assert.equal(status.pid, null);
  });

  it('K7: is not started while another box may still run it, and says which', async () => {
    const executor = await box.executor();
    executor.extendLease(box.clock.nowMs() + 60_000);
    executor.setDesired([give(stubborn, { blockedBy: 'box-b may still run it' })]);
    const status = await sees(executor, 'it is blocked', ({ state }) => state === 'blocked');
    assert.equal(status.reason, 'box-b may still run it');
    executor.setDesired([give(stubborn)]);
    await sees(executor, 'it runs', ({ state }) => state === 'ready');
  });

  it('K7: dies with its keeper: nothing is left that no lease can reach', async () => {
    const { pid, child, keeper } = await started(60_000);
    process.kill(keeper, 'SIGKILL');
    await ended(pid);
    await ended(child).catch(() => assert.fail('its child is left'));
  });
});
