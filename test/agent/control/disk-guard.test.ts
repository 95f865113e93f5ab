import assert from 'node:assert/strict';
import { DiskGuard } from '../../../agent/control/disk-guard.ts';
import { SyncTimes } from '../../../consensus/driver/sync-times.ts';

describe('the guard against a slow disk', () => {
  let nowMs: number;
  let leads: boolean;
  let handedOver: number[];
  let told: boolean[];
  let times: SyncTimes;
  let guard: DiskGuard;
  beforeEach(() => {
    nowMs = 0;
    leads = true;
    handedOver = [];
    told = [];
    times = new SyncTimes();
    guard = new DiskGuard(
      {
        clock: { nowMs: () => nowMs, after: () => () => undefined },
        log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
        leads: () => leads,
        sync: () => times.view(nowMs),
        handOver: () => {
          handedOver.push(nowMs);
          return true;
        },
        onChange: (slow) => told.push(slow !== undefined),
      },
      { boundMs: 100 },
    );
  });

  /** One write after the other for a while, looked at after each. */
  function write(ms: number, forMs: number): void {
    for (const end = nowMs + forMs; nowMs < end; ) {
      times.began(nowMs);
      nowMs += ms;
      times.ended(nowMs);
      guard.check();
    }
  }

  it('K14: a leader whose writes stay slow hands over once and is flagged, until they are fast again', () => {
    write(50, 5000);
    assert.deepEqual([handedOver, guard.slow()], [[], undefined]);
    write(300, 20_000);
    assert.equal(handedOver.length, 1);
    assert.equal(guard.slow()?.boundMs, 100);
    assert.equal(guard.slow()?.p99Ms, 300);
    leads = false;
    write(10, 20_000);
    assert.equal(guard.slow(), undefined);
    assert.deepEqual(told, [true, false]);
  });

  it('K14: where every disk is slow leadership does not wander: once a minute at most', () => {
    write(300, 150_000);
    assert.equal(handedOver.length, 3);
    for (const [i, at] of handedOver.entries()) assert.ok(i === 0 || at - (handedOver[i - 1] ?? 0) >= 60_000);
  });

  it('K14: two stalls are none; a box that does not lead is only flagged', () => {
    write(10, 2000);
    for (const _stall of [1, 2]) {
      write(1, 300);
      write(350, 1);
    }
    write(10, 8000);
    assert.deepEqual([handedOver, told], [[], []]);
    leads = false;
    write(300, 10_000);
    assert.deepEqual([handedOver, told], [[], [true]]);
  });

  it('K14: a write that hangs counts before it ends', () => {
    times.began(nowMs);
    for (; nowMs < 4000; nowMs += 250) guard.check();
    assert.equal(handedOver.length, 1);
    assert.ok((guard.slow()?.p99Ms ?? 0) > 3000);
  });

  it('K14: what nobody writes is not slow, and one in a hundred may be', () => {
    assert.equal(times.view(0).p99Ms, undefined);
    for (let i = 0; i < 200; i += 1) {
      times.began(nowMs);
      nowMs += i % 100 === 0 ? 900 : 1;
      times.ended(nowMs);
    }
    assert.deepEqual([times.view(nowMs).p99Ms, times.view(nowMs).count], [1, 200]);
    assert.equal(times.view(nowMs + 10_001).p99Ms, undefined);
  });
});
