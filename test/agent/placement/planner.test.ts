import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { Planner } from '../../../agent/placement/planner.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';
import { makeNode, makeProblem, makeWorkload } from './problems.ts';

const small = makeProblem([makeNode('a'), makeNode('b')], [makeWorkload('w', { replicas: 2 })]);
const endless = makeProblem(
  Array.from({ length: 12 }, (_, index) => makeNode(`n${index}`)),
  Array.from({ length: 80 }, (_, index) => makeWorkload(`w${index}`, { demand: { memoryMiB: 100 + index } })),
  { limits: { steps: 2 ** 31 - 1, seed: 1, starts: 64 } },
);

describe('the planner', function () {
  this.timeout(20_000);
  let planner: Planner;
  beforeEach(() => {
    planner = new Planner({ idleMs: 50 });
  });
  afterEach(() => planner.stop());

  it('plans in its thread what solve() plans, explains it, and ends the thread when idle', async () => {
    assert.equal(planner.running, false);
    const plan = await planner.solve(small);
    assert.equal(plan.hash, solve(small).hash);
    assert.ok((plan.trace.elapsedMs ?? -1) >= 0);
    const { replicas } = await planner.explain({ problem: small }, plan, 'w');
    assert.equal(replicas.length, 2);
    assert.equal(planner.running, true);
    for (let deadline = Date.now() + 5000; planner.running && Date.now() < deadline; ) await wait(10);
    assert.equal(planner.running, false);
    assert.equal((await planner.solve(small)).hash, plan.hash);
  });

  it('P8: the same steps give the same plan again, here and in two threads at a time', async () => {
    const { problem } = multiClassProblem({ workloads: 80, nodes: 12, seed: 2 });
    const limited = { ...problem, limits: { steps: 20_000, seed: 5, starts: 2 } };
    const { hash, trace } = solve(limited);
    const second = new Planner();
    const plans = await Promise.all([planner.solve(limited), second.solve(structuredClone(limited))]);
    await second.stop();
    assert.deepEqual(
      [solve(limited), ...plans].map((plan) => [plan.hash, plan.trace.steps]),
      Array.from({ length: 3 }, () => [hash, trace.steps]),
    );
    assert.notEqual(solve({ ...limited, limits: { ...limited.limits, seed: 6 } }).hash, hash);
  });

  it('gives up at once when nobody waits, and the thread is free for the next problem', async () => {
    await planner.solve(small);
    const abort = new AbortController();
    const asked = planner.solve(endless, { signal: abort.signal });
    abort.abort();
    await assert.rejects(asked, { code: 'ABORTED' });
    assert.equal((await planner.solve(small)).unplaced.length, 0);
  });

  it('returns the best plan so far when its milliseconds are over', async () => {
    const plan = await planner.solve({ ...endless, limits: { ...endless.limits, milliseconds: 100 } });
    assert.ok(plan.trace.interrupted);
    assert.equal(plan.assignments.length + plan.unplaced.length, 80);
  });

  it('refuses a plan that the checker does not pass, whoever made it', async () => {
    const lying = new Planner({ workerUrl: new URL('./lying-worker.ts', import.meta.url) });
    await assert.rejects(lying.solve(small), { code: 'BAD_PLAN', message: 'Cannot use the plan: w/0 and w/1 are on one box, a' });
    await lying.stop();
  });

  it('says with a code what went wrong', async () => {
    await assert.rejects(planner.solve({ ...small, nodes: [makeNode('a'), makeNode('a')] }), { code: 'BAD_PROBLEM' });
    const slow = new Planner({ timeoutMs: 50 });
    await assert.rejects(slow.solve(endless), { code: 'TIMEOUT' });
    await slow.stop();
    await assert.rejects(slow.solve(small), { code: 'STOPPED' });
    const absent = new Planner({ workerUrl: new URL('./nothing-here.ts', import.meta.url) });
    await assert.rejects(absent.solve(small), { code: 'WORKER_FAILED' });
    await absent.stop();
  });
});
