import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { isAlive } from '../../../agent/demo/processes.ts';
import { ended, forever, give, sees, shell, WorkBox } from './work-box.ts';

describe('a workload on a box', () => {
  let box: WorkBox;
  beforeEach(() => {
    box = new WorkBox();
  });
  afterEach(() => box.close());

  it('is asked to end, and after its grace ended with everything it started', async () => {
    const executor = await box.executor();
    executor.setDesired([
      give(shell('mixer', `trap '' TERM; (trap '' TERM; while :; do ${forever}; done) & echo $!; wait; while :; do ${forever}; done`)),
    ]);
    const { pid } = await sees(executor, 'it runs', ({ state }) => state === 'ready');
    await sees(executor, 'its child runs', () => (executor.logs('mixer', 0, 1)?.length ?? 0) === 1);
    const child = Number(executor.logs('mixer', 0, 1)?.[0]);
    executor.setDesired([]);
    await sees(executor, 'it is being stopped', ({ state }) => state === 'stopping');
    await ended(pid as number);
    await ended(child);
  });

  it('may end in its own way within its grace', async () => {
    const executor = await box.executor();
    executor.setDesired([
      give(shell('mixer', `trap 'touch told; exit 0' TERM; echo up; while :; do ${forever}; done`, { stopGraceMs: 10_000 })),
    ]);
    const { pid } = await sees(executor, 'it is up', ({ state }) => state === 'ready' && executor.logs('mixer', 0, 1)?.[0] === 'up');
    executor.setDesired([]);
    await ended(pid as number);
  });

  it('is started again after growing pauses, and says how it ended', async () => {
    const executor = await box.executor();
    executor.setDesired([give(shell('broken', 'exit 3'))]);
    const status = await sees(executor, 'three restarts', ({ restarts }) => restarts >= 3);
    assert.deepEqual(status.lastExit, { code: 3, signal: null, reason: 'ended' });
    assert.equal((await sees(executor, 'a pause', ({ state }) => state === 'backoff')).state, 'backoff');
  });

  it('that cannot be started says why, and takes nothing else down', async () => {
    const executor = await box.executor();
    const missing = shell('missing', '', { command: ['no-such-program'] });
    executor.setDesired([give(missing), give(shell('sound', forever.repeat(1)))]);
    const status = await sees(executor, 'it failed', ({ lastExit }) => lastExit !== null, 'missing');
    assert.equal(status.lastExit?.code, 127);
    assert.match(executor.logs('missing', 0, 5)?.join(' ') ?? '', /no-such-program/);
    await sees(executor, 'the other runs', ({ state }) => state === 'ready', 'sound');
  });

  it('that takes far more memory than it claimed is ended, and the reason shown', async () => {
    const executor = await box.executor();
    const hungry = shell('hungry', '', {
      command: ['node', '-e', 'globalThis.x = Buffer.alloc(200 << 20, 1); setInterval(() => {}, 1000)'],
      restart: { policy: 'never' },
    });
    executor.setDesired([give(hungry)]);
    const status = await sees(executor, 'it was ended', ({ lastExit }) => lastExit !== null);
    assert.match(status.lastExit?.reason ?? '', /^MEMORY_EXCEEDED: [0-9]+ MiB used, 32 claimed$/);
    assert.equal(status.state, 'exited');
  });

  it('keeps the newest of its output, and no more than it may', async () => {
    const executor = await box.executor('boot-1', 16);
    executor.setDesired([
      give(shell('chatty', `i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done; echo last; while :; do ${forever}; done`)),
    ]);
    await sees(executor, 'all was written', () => executor.logs('chatty', 0, 1)?.[0] === 'last');
    await sees(executor, 'the old half is gone', () => (executor.logs('chatty', 0, 1_000_000)?.join('\n').length ?? Infinity) <= 16 * 1024);
    assert.equal(executor.logs('chatty', 0, 1)?.[0], 'last');
    assert.equal(executor.logs('never-seen', undefined, 1), undefined);
  });

  it('is ready when its probe says so, and started again when the probe fails', async () => {
    const executor = await box.executor();
    const probed = shell('panel', `rm -f sick; while :; do ${forever}; done`, {
      probe: { kind: 'exec', command: ['bash', '-c', 'test ! -e sick'], intervalSeconds: 1, timeoutSeconds: 2, failures: 2 },
    });
    executor.setDesired([give(probed)]);
    const { pid } = await sees(executor, 'it is ready', ({ state }) => state === 'ready');
    executor.setDesired([give(probed)]);
    writeFileSync(`${box.runtimeDir}/instances/panel.0/work/sick`, '');
    const again = await sees(executor, 'a new process', (status) => status.pid !== null && status.pid !== pid);
    assert.match(again.lastExit?.reason ?? '', /^its probe failed 2 times in a row$/);
  });

  it('is ready when its port answers', async () => {
    const executor = await box.executor();
    const serve = `require('node:http').createServer((_, r) => r.end('fine')).listen(process.env.PORT, '127.0.0.1')`;
    const served = shell('server', '', {
      command: ['node', '-e', serve],
      resources: { memoryMiB: 128 },
      ports: [{ name: 'http', env: 'PORT' }],
      probe: { kind: 'http', port: 'http', path: '/', intervalSeconds: 1, timeoutSeconds: 2 },
    });
    executor.setDesired([give(served)]);
    const { ports } = await sees(executor, 'it is ready', ({ state }) => state === 'ready');
    assert.equal(await (await fetch(`http://127.0.0.1:${ports['http']}/`)).text(), 'fine');
  });

  it('runs what it was given, from files that are whole', async () => {
    const program = Buffer.from('console.log(process.env.HOLDFAST_NODE, process.env.HOLDFAST_WORKLOAD); setInterval(() => {}, 1000);');
    const sha256 = createHash('sha256').update(program).digest('hex');
    const executor = await box.executor();
    const spec = shell('filed', '', {
      command: ['node', 'main.mjs'],
      resources: { memoryMiB: 128 },
      artefacts: [{ name: 'main.mjs', sha256, bytes: program.length }],
    });
    executor.setDesired([give(spec)]);
    const waiting = await sees(executor, 'it waits for its file', ({ state }) => state === 'backoff');
    assert.match(waiting.reason ?? '', /No reachable box gave artefact/);
    await box.store.putStream(sha256, program.length, Readable.from([program]));
    await sees(executor, 'it runs', () => executor.logs('filed', 0, 1)?.[0] === 'box-a filed');
  });
});

describe('a job on a box', () => {
  let box: WorkBox;
  beforeEach(() => {
    box = new WorkBox();
  });
  afterEach(() => box.close());

  /** A job that takes a while to get ready: hot jobs do that once, the others at every run. */
  const job = (name: string) =>
    shell(
      name,
      `touch "init-$$"; read -rt 0.2 <> <(:); ran() { ls init-* | wc -l; }; if [ -p /dev/stdin ]; then while read -r _; do ran; done; else ran; fi`,
      {
        kind: 'job',
        resident: true,
        perHour: 7200,
        restart: { policy: 'always', backoffMs: 50 },
      },
    );

  it('P4: hot stays in memory, warm keeps its files, cold starts from nothing', async () => {
    const executor = await box.executor();
    executor.setDesired([give(job('hot')), give(job('warm'), { class: 'warm' }), give(job('cold'), { class: 'cold' })]);
    const hot = await sees(executor, 'hot ran', ({ runs, pid }) => runs >= 2 && pid !== null, 'hot');
    await sees(executor, 'hot ran on', ({ runs }) => runs >= 4, 'hot');
    assert.equal(executor.instances().find(({ workload }) => workload === 'hot')?.pid, hot.pid, 'one process for all runs');
    assert.deepEqual(new Set(executor.logs('hot', 0, 100)), new Set(['1']), 'it got ready once');
    const warm = await sees(executor, 'warm ran', ({ runs }) => runs >= 3, 'warm');
    assert.ok(warm.runs >= 3);
    assert.ok((warm.observed?.perHour ?? 0) > 0 && (warm.observed?.startSeconds.warm ?? -1) >= 0, 'P2: and it was seen how often');
    assert.ok(executor.logs('warm', 0, 100)?.includes('2'), 'the second run found the files of the first');
    await sees(executor, 'cold ran', ({ runs }) => runs >= 3, 'cold');
    assert.ok(
      (executor.logs('cold', 0, 100) ?? []).every((line) => line === '1'),
      'no run found anything',
    );
    // A ready process is told to run; the others are started. The gap is the time a keeper and a process take.
    const last = (name: string): number => executor.instances().find(({ workload }) => workload === name)?.lastStartMs ?? Infinity;
    assert.ok(last('hot') < last('warm') && last('hot') < last('cold'));
  });

  it('P4: the starts measured are shorter warm than cold, and shortest hot: cold brings its files from the store at every run', async () => {
    const content = Buffer.from('what it works with');
    const sha256 = createHash('sha256').update(content).digest('hex');
    const executor = await box.executor();
    await box.store.putStream(sha256, content.length, Readable.from([content]));
    const pathOf = box.store.pathOf.bind(box.store);
    // A disk that takes its time.
    box.store.pathOf = (digest) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
      return pathOf(digest);
    };
    const filed = (name: string) => ({ ...job(name), artefacts: [{ name: 'model.bin', sha256, bytes: content.length }] });
    const started: Record<string, number> = {};
    // One after the other: on a slow disk one would wait for the other.
    for (const workClass of ['cold', 'warm', 'hot'] as const) {
      executor.setDesired([give(filed(workClass), { class: workClass })]);
      const { observed } = await sees(executor, `${workClass} ran`, ({ observed: seen }) => (seen?.runs ?? 0) >= 3, workClass);
      started[workClass] = observed?.startSeconds[workClass] ?? Number.NaN;
    }
    const { hot = Number.NaN, warm = Number.NaN, cold = Number.NaN } = started;
    assert.ok(hot < warm && warm < cold, JSON.stringify(started));
  });

  it('P2: a gap lies between the end of a run and the next, however long the run', async () => {
    const executor = await box.executor();
    const { perHour: _, ...slow } = job('slow');
    executor.setDesired([give({ ...slow, idleGapSeconds: 0.3 }, { class: 'warm' })]);
    const { observed } = await sees(executor, 'it ran', ({ runs }) => runs >= 3, 'slow');
    // The job takes 0.2 s: counted from its beginning, the gap would be 0.1 s.
    assert.ok((observed?.idleGapSeconds ?? 0) >= 0.25, `${observed?.idleGapSeconds}`);
  });

  it('P4: a hot job whose process dies gets a new one and goes on', async () => {
    const executor = await box.executor();
    executor.setDesired([give(job('hot'))]);
    const { pid } = await sees(executor, 'it ran', ({ runs, pid }) => runs >= 1 && pid !== null);
    process.kill(pid as number, 'SIGKILL');
    const again = await sees(executor, 'another process', (status) => status.pid !== null && status.pid !== pid);
    assert.ok(isAlive(again.pid as number));
  });
});
