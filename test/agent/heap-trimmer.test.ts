import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { HeapTrimmer } from '../../agent/heap-trimmer.ts';
import packageJson from '../../package.json' with { type: 'json' };

/** A trimmer whose clocks the test moves: `step(cpuShare)` lets two seconds pass. */
function trimmed() {
  const time = { nowMs: 0, cpuMs: 0 };
  const told: boolean[] = [];
  const trimmer = new HeapTrimmer({ nowMs: () => time.nowMs, cpuMs: () => time.cpuMs, preferSmall: (on) => void told.push(on) });
  const step = (cpuShare: number): void => {
    for (let part = 0; part < 10; part += 1) {
      time.nowMs += 200;
      time.cpuMs += 200 * cpuShare;
      trimmer.check();
    }
  };
  return { step, told };
}

/** Old garbage of 60 MiB, then the low but steady allocation of an agent at rest; prints the size of its heap twice. */
const program = `
  import { trimHeap } from ${JSON.stringify(new URL('../../agent/heap-trimmer.ts', import.meta.url).href)};
  let kept = [];
  for (let i = 0; i < 600_000; i += 1) kept.push({ i, text: 'x' + i });
  kept = [];
  const before = process.memoryUsage().heapTotal;
  const trimmer = trimHeap(() => performance.now());
  const began = performance.now();
  setInterval(() => {
    let some = [];
    for (let i = 0; i < 2000; i += 1) some.push({ i });
    trimmer.check();
    const after = process.memoryUsage().heapTotal;
    if (after < before / 2 || performance.now() - began > 40_000) {
      console.log(JSON.stringify({ before, after }));
      process.exit();
    }
  }, 50);
`;

describe('memory after a burst of work', () => {
  it('is given back after four quiet seconds, and one busy look ends that', () => {
    const { step, told } = trimmed();
    step(0.9);
    step(0.02);
    assert.deepEqual(told, []);
    step(0.02);
    step(0.02);
    assert.deepEqual(told, [true]);
    step(0.2);
    assert.deepEqual(told, [true, false]);
    step(0.02);
    assert.deepEqual(told, [true, false], 'quiet is counted anew');
  });

  it('shrinks the heap of a real process that goes on allocating a little', async function () {
    this.timeout(60_000);
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...packageJson.config.nodeFlags,
      '--input-type=module',
      '--eval',
      program,
    ]);
    const { before, after }: { before: number; after: number } = JSON.parse(stdout);
    assert.ok(before > 50 * 2 ** 20, `the garbage is there: ${before} B`);
    assert.ok(after < before / 2, `${before} B shrank to ${after} B only`);
  });
});
