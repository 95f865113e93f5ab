import assert from 'node:assert/strict';
import { RunHistory } from '../../../agent/workload/run-history.ts';

/** Runs of `lengthMs` every `periodMs`, each off by up to a tenth, by a small generator of its own. */
function observe(history: RunHistory, runs: number, periodMs: number, lengthMs: number): void {
  let state = 12_345;
  const noisy = (value: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return value * (0.9 + (0.2 * state) / 2 ** 31);
  };
  for (let now = 1000, run = 0; run < runs; run += 1, now += noisy(periodMs)) {
    history.began(now, 'warm', 40);
    history.ended(now + noisy(lengthMs));
  }
}

describe('how often a job runs', () => {
  it('P2: rate, gap and length are right within a tenth after twenty runs that are off by a tenth each', () => {
    for (const [periodMs, lengthMs] of [
      [10_000, 2000],
      [600, 500],
      [3_600_000, 1000],
    ] as const) {
      const history = new RunHistory();
      observe(history, 20, periodMs, lengthMs);
      const observed = history.observed();
      assert.ok(observed !== undefined);
      const within = (value: number, expected: number): void =>
        assert.ok(Math.abs(value - expected) <= expected / 10, `${value} ${expected}`);
      assert.equal(observed.runs, 20);
      within(observed.perHour, 3_600_000 / periodMs);
      within(observed.durationSeconds, lengthMs / 1000);
      if (lengthMs < periodMs / 2) within(observed.idleGapSeconds, (periodMs - lengthMs) / 1000);
    }
  });

  it('P2: a new habit takes the place of the old one', () => {
    const history = new RunHistory();
    for (let run = 0; run < 40; run += 1) {
      history.began(run * 1000, 'cold', 100);
      history.ended(run * 1000 + 10);
    }
    for (let run = 0; run < 32; run += 1) {
      history.began(40_000 + run * 10_000, 'cold', 100);
      history.ended(40_000 + run * 10_000 + 10);
    }
    assert.equal(history.observed()?.perHour, 360);
  });

  it('P2: says nothing before two runs, and begins anew after a failure', () => {
    const history = new RunHistory();
    history.ended(5);
    history.began(10, 'hot', 1);
    history.ended(20);
    assert.equal(history.observed(), undefined);
    history.began(1010, 'hot', 1);
    history.ended(1020);
    assert.equal(history.observed()?.perHour, 3600);
    history.began(1200, 'hot', 1);
    history.failed();
    assert.equal(history.observed(), undefined);
  });

  it('P4: starts are told by class; one that had to fetch its files first does not count', () => {
    const history = new RunHistory();
    [900, 100, 110].forEach((startMs, run) => {
      history.began(run * 1000, 'cold', startMs);
      history.ended(run * 1000 + 100);
    });
    history.began(4000, 'warm', 50);
    history.ended(4100);
    assert.deepEqual(history.observed()?.startSeconds, { cold: 0.11, warm: 0.05 });
  });
});
