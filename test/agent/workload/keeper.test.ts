import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from '../../../agent/demo/processes.ts';
import { done, notYet, until } from '../../../agent/demo/until.ts';
import { ended, forever, give, sees, shell, WorkBox } from './work-box.ts';

/** Ends for no signal that can be ignored, and has a child that does not either. */
const stubborn = shell('guard', `trap '' TERM; (trap '' TERM; while :; do ${forever}; done) & echo $!; while :; do ${forever}; done`, {
  onSplit: 'stop',
});

describe('work that must never run twice (onSplit: stop)', () => {
  let box: WorkBox;
  const agents: ChildProcess[] = [];
  beforeEach(() => {
    box = new WorkBox();
  });
  afterEach(async () => {
    for (const agent of agents.splice(0)) agent.kill('SIGKILL');
    await box.close();
  });

  const keeperOf = (): number => Number(readFileSync(join(box.runtimeDir, 'instances/guard.0/process'), 'latin1').trim().split(' ')[2]);

  /** The process number the workload printed: its child's. */
  const childOf = (): Promise<number> =>
    until(
      'its child runs',
      15_000,
      async () => {
        const line = readFileSync(join(box.runtimeDir, 'instances/guard.0/output'), 'latin1');
        return line.endsWith('\n') ? done(Number(line)) : notYet(line);
      },
      { everyMs: 20 },
    );

  async function started(leaseMs: number) {
    const executor = await box.executor();
    executor.extendLease(box.clock.nowMs() + leaseMs);
    executor.setDesired([give(stubborn)]);
    const { pid } = await sees(executor, 'it runs', ({ state, pid }) => state === 'ready' && pid !== null);
    return { executor, pid: pid as number, child: await childOf(), keeper: keeperOf() };
  }

  /** The same under an agent that is a process of its own, and extends the lease while it is well. */
  async function underAgent(leaseMs: number) {
    const file = join(import.meta.dirname, 'agent-child.ts');
    const agent = spawn(process.execPath, [file, box.dir, String(leaseMs), JSON.stringify(stubborn)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    agents.push(agent);
    const [line] = (await once(agent.stdout, 'data')) as [Buffer];
    return { agent, pid: Number(line.toString()), child: await childOf(), keeper: keeperOf() };
  }

  it('K7: is ended by its keeper, children and all, when its lease ends and no agent looks after it', async () => {
    const { executor, pid, child } = await started(1500);
    await executor.stop();
    await ended(pid);
    await ended(child);
  });

  it('K7: goes on for many leases under an agent that is well, and is ended when that is killed', async () => {
    const leaseMs = 600;
    const { agent, pid, child, keeper } = await underAgent(leaseMs);
    const end = box.clock.nowMs() + 3 * leaseMs;
    await until('three leases are over', 15_000, async () => (box.clock.nowMs() > end ? done(true) : notYet('')), { everyMs: 50 });
    assert.ok(isAlive(pid) && isAlive(child) && isAlive(keeper));
    agent.kill('SIGKILL');
    await ended(pid);
    await ended(child);
    await ended(keeper);
  });

  it('K7: is ended although its agent is only frozen', async () => {
    const { agent, pid, child } = await underAgent(600);
    agent.kill('SIGSTOP');
    await ended(pid);
    await ended(child);
    assert.ok(isAlive(agent.pid as number), 'the agent was frozen, not gone');
  });

  it('K7: is killed with its keeper when no agent is there to see it', async () => {
    const { agent, pid, keeper } = await underAgent(60_000);
    agent.kill('SIGSTOP');
    process.kill(keeper, 'SIGKILL');
    await ended(pid);
  });

  it('K7: that an agent left behind is found by the next, and goes on under its lease', async () => {
    const { agent, pid } = await underAgent(10_000);
    agent.kill('SIGKILL');
    await once(agent, 'exit');
    const next = await box.executor();
    assert.deepEqual(
      next.instances().map(({ pid, adopted }) => ({ pid, adopted })),
      [{ pid, adopted: true }],
    );
    next.setDesired([give(stubborn)]);
    await box.looks(2);
    assert.ok(isAlive(pid));
  });

  it('K7: is not started without a lease, and says so', async () => {
    const executor = await box.executor();
    executor.setDesired([give(stubborn)]);
    const status = await sees(executor, 'it is blocked', ({ state }) => state === 'blocked');
    assert.equal(status.reason, 'this box holds no lease');
    assert.equal(status.pid, null);
    executor.extendLease(box.clock.nowMs() - 1);
    await box.looks(2);
    assert.equal(executor.instances()[0]?.state, 'blocked', 'one that has ended is none');
    executor.extendLease(box.clock.nowMs() + 60_000);
    await sees(executor, 'it runs', ({ state }) => state === 'ready');
  });

  it('K7: is not started while another box may still run it, and says which', async () => {
    const executor = await box.executor();
    executor.extendLease(box.clock.nowMs() + 60_000);
    executor.setDesired([give(stubborn, { blockedBy: 'box-b may still run it' })]);
    await box.looks(2);
    const [status] = executor.instances();
    assert.deepEqual([status?.state, status?.reason, status?.pid], ['blocked', 'box-b may still run it', null]);
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
