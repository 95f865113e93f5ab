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
    let [uptime, monotonic, wall] = [1000, 400, 5_000_000];
    let readings = 0;
    const uptimeMs = () => {
      readings += 1;
      return uptime;
    };
    const clock = new BootClock({ uptimeMs, monotonicMs: () => monotonic, wallMs: () => wall });
    assert.equal(clock.nowMs(), 1000);
    monotonic += 7;
    wall += 7;
    assert.equal(clock.nowMs(), 1007, 'finer than the steps of uptime');
    const before = readings;
    monotonic += 2;
    wall += 2;
    clock.nowMs();
    assert.equal(readings, before, 'uptime is not read while both clocks keep step');
    monotonic += 1;
    wall += 3_600_001;
    uptime += 3_600_010;
    assert.equal(clock.nowMs(), 3_601_010);
    monotonic += 5;
    wall += 5;
    assert.equal(clock.nowMs(), 3_601_015);
    uptime -= 500;
    wall -= 86_400_000;
    assert.equal(clock.nowMs(), 3_601_015, 'never back');
  });

  it('a process that was held up between two of its readings is not told that time twice', () => {
    let [uptime, monotonic, heldUp] = [1000, 400, 0];
    const uptimeMs = () => {
      monotonic += heldUp;
      uptime += heldUp;
      heldUp = 0;
      return uptime;
    };
    const clock = new BootClock({ uptimeMs, monotonicMs: () => monotonic, wallMs: () => 5_000_000 + monotonic });
    clock.nowMs();
    uptime += 100;
    monotonic += 100;
    heldUp = 2000;
    clock.nowMs();
    assert.equal(clock.nowMs(), 3100, 'a lease granted elsewhere is not over early');
  });

  it('counts sleep within 10 ms of running even where somebody held the wall clock still', () => {
    let [uptime, monotonic] = [1000, 400];
    const clock = new BootClock({ uptimeMs: () => uptime, monotonicMs: () => monotonic, wallMs: () => 5_000_000 + monotonic });
    clock.nowMs();
    uptime += 60_000;
    monotonic += 10;
    assert.equal(clock.nowMs(), 61_000);
  });

  it('goes on after it was closed, for work that ends later than everything else', async () => {
    const clock = new BootClock();
    clock.close();
    const before = clock.nowMs();
    await new Promise((resolve) => clock.after(20, () => resolve(undefined)));
    assert.ok(clock.nowMs() - before >= 15);
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
