import assert from 'node:assert/strict';
import { BootClock } from '../../../consensus/driver/boot-clock.ts';

describe('boot clock', () => {
  it('agrees with /proc/uptime, has a finer grain, and never goes back', () => {
    const clock = new BootClock();
    const seen = new Set<number>();
    let last = clock.nowMs();
    const start = performance.now();
    for (let i = 0; i < 20_000; i++) {
      const now = clock.nowMs();
      assert.ok(now >= last);
      last = now;
      seen.add(now);
    }
    const microsecondsEach = ((performance.now() - start) * 1000) / 20_000;
    clock.close();
    assert.ok(seen.size > 1000, `${seen.size} different readings`);
    assert.ok(Math.abs(last - process.hrtime()[0] * 1000) < 365 * 24 * 3600 * 1000);
    assert.ok(microsecondsEach < 100, `${microsecondsEach} µs a reading`);
  });

  it('counts the time the box slept, at the first reading after it', () => {
    let uptime = 1000;
    let monotonic = 400;
    const clock = new BootClock({ uptimeMs: () => uptime, monotonicMs: () => monotonic });
    assert.equal(clock.nowMs(), 1000);
    monotonic += 7;
    assert.equal(clock.nowMs(), 1007, 'finer than the steps of uptime');
    monotonic += 3;
    uptime += 3_600_010;
    assert.equal(clock.nowMs(), 3_601_010);
    monotonic += 5;
    assert.equal(clock.nowMs(), 3_601_015);
    uptime -= 500;
    assert.equal(clock.nowMs(), 3_601_015, 'never back');
  });

  it('calls back after a while unless cancelled', async () => {
    const clock = new BootClock();
    const called = await new Promise<string>((resolve) => {
      const cancel = clock.after(1, () => resolve('cancelled one'));
      cancel();
      clock.after(5, () => resolve('other one'));
    });
    clock.close();
    assert.equal(called, 'other one');
  });
});
