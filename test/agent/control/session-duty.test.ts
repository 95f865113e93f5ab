import assert from 'node:assert/strict';
import { SessionDuty } from '../../../agent/control/session-duty.ts';
import type { Outcome } from '../../../agent/state/commands.ts';
import { keepingLog, ManualClock } from '../health/fixtures.ts';
import { SiteDouble, settled } from '../site-double.ts';

/** Ends are rounded up to this. */
const bucketMs = 200;

describe('the duty to end sessions', () => {
  let clock: ManualClock;
  let site: SiteDouble;
  let duty: SessionDuty;
  beforeEach(() => {
    clock = new ManualClock();
    site = new SiteDouble(clock);
    duty = new SessionDuty({ site, clock, log: keepingLog() });
    duty.check();
  });

  function open(ttlMs: number): number {
    const { revision } = site.apply({ type: 'sessionOpen', ttlMs, owner: 'b' }) as Outcome;
    duty.changed([{ key: `session/${revision}`, value: new Uint8Array(1) }]);
    return revision;
  }
  async function pass(ms: number): Promise<void> {
    const end = clock.nowMs() + ms;
    while (clock.nowMs() < end) {
      await clock.advance(Math.min(50, end - clock.nowMs()));
      duty.check();
      await settled();
    }
  }
  const alive = (): readonly number[] => site.state.sessions().map(({ session }) => session);

  it('K5: a session nobody touches ends within its time to live and a bucket, a touched one does not', async () => {
    const kept = open(1000);
    open(1000);
    for (let i = 0; i < 10; i += 1) {
      await pass(100);
      duty.touched([{ session: kept, ttlTicks: 100 }]);
    }
    await pass(bucketMs + 50);
    assert.deepEqual(alive(), [kept]);
    await pass(600);
    assert.deepEqual(alive(), [kept]);
    await pass(400 + bucketMs);
    assert.deepEqual(alive(), []);
  });

  it('K4: sessions due together are ended by one log entry', async () => {
    for (let i = 0; i < 300; i += 1) open(1001 + (i % 100));
    await pass(2000);
    assert.deepEqual(alive(), []);
    assert.equal(site.count('sessionsExpire'), 1);
  });

  it('K5: a new leader gives every session its whole time again', async () => {
    const session = open(1000);
    await pass(900);
    site.lead(undefined);
    await pass(500);
    site.lead(clock.nowMs());
    await pass(950);
    assert.deepEqual(alive(), [session]);
    await pass(100 + bucketMs);
    assert.deepEqual(alive(), []);
  });

  it('K5: a box that does not lead ends nothing', async () => {
    const session = open(1000);
    site.lead(undefined);
    await pass(5000);
    assert.deepEqual(alive(), [session]);
  });

  it('K5: an end that could not be committed is tried again, and a touch does not save the session then', async () => {
    const session = open(1000);
    site.broken = new Error('no quorum');
    await pass(1500);
    assert.deepEqual(alive(), [session]);
    duty.touched([{ session, ttlTicks: 100 }]);
    site.broken = undefined;
    await pass(100);
    assert.deepEqual(alive(), []);
  });

  it('K6: a client that moved was heard of', async () => {
    const session = open(1000);
    await pass(900);
    site.apply({ type: 'sessionMove', session, owner: 'c' });
    duty.changed([{ key: `session/${session}`, value: new Uint8Array(1) }]);
    await pass(900);
    assert.deepEqual(alive(), [session]);
  });

  it('K6: a client that moved, or came back, while the end of its session was on its way keeps it', async () => {
    for (const owner of ['b', 'c']) {
      const session = open(1000);
      site.held = true;
      await pass(1000 + bucketMs + 50);
      // Committed before the end: the client was told that its session lives.
      site.apply({ type: 'sessionMove', session, owner });
      duty.changed([{ key: `session/${session}`, value: new Uint8Array(1) }]);
      site.held = false;
      site.commit();
      await settled();
      await pass(900);
      assert.deepEqual(alive(), [session], `moved to ${owner}`);
      await pass(100 + bucketMs);
      assert.deepEqual(alive(), [], 'it ends when it is silent again');
    }
  });

  it('K6: an end that is tried again spares a client that moved meanwhile', async () => {
    const session = open(1000);
    site.broken = new Error('no quorum');
    await pass(1500);
    site.apply({ type: 'sessionMove', session, owner: 'c' });
    duty.changed([{ key: `session/${session}`, value: new Uint8Array(1) }]);
    site.broken = undefined;
    await pass(900);
    assert.deepEqual(alive(), [session]);
  });
});
