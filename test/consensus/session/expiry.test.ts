import assert from 'node:assert/strict';
import { tick } from '../../../consensus/core/types.ts';
import { Expiry } from '../../../consensus/session/expiry.ts';

describe('expiry of sessions', () => {
  it('K5: a session ends within [ttl, ttl + bucket] of its last touch', () => {
    const expiry = new Expiry({ bucketTicks: 20 });
    for (let session = 1; session <= 500; session += 1) {
      const born = tick(session * 3);
      const ttl = 100 + (session % 7) * 13;
      expiry.track(session, ttl, born);
      const touched = tick(born + (session % 90));
      expiry.touch(session, touched);
      const early = expiry.takeDue(tick(touched + ttl - 1), 10);
      assert.deepEqual(early, [], `${session} ended early`);
      assert.deepEqual(expiry.takeDue(tick(touched + ttl + 20), 10), [session], `${session} outlived its bucket`);
    }
    assert.equal(expiry.size, 0);
  });

  it('K5: an old touch that arrives late shortens nothing', () => {
    const expiry = new Expiry({ bucketTicks: 1 });
    expiry.track(1, 100, tick(0));
    expiry.touch(1, tick(80));
    expiry.touch(1, tick(40));
    assert.deepEqual(expiry.takeDue(tick(179), 10), []);
    assert.deepEqual(expiry.takeDue(tick(180), 10), [1]);
  });

  it('K5: once its end is on its way, a touch comes too late', () => {
    const expiry = new Expiry({ bucketTicks: 1 });
    expiry.track(1, 10, tick(0));
    assert.deepEqual(expiry.takeDue(tick(10), 10), [1]);
    expiry.touch(1, tick(10));
    assert.deepEqual(expiry.takeDue(tick(1000), 10), []);
  });

  it('K4: sessions that end together end in one batch, oldest first, and no more at once than asked for', () => {
    const expiry = new Expiry({ bucketTicks: 10 });
    for (let session = 1; session <= 30; session += 1) expiry.track(session, 95 + (session % 5), tick(0));
    assert.deepEqual(expiry.takeDue(tick(99), 100), []);
    assert.equal(expiry.takeDue(tick(100), 12).length, 12);
    assert.equal(expiry.takeDue(tick(100), 100).length, 18);
  });
});
