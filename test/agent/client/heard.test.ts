import assert from 'node:assert/strict';
import { Heard } from '../../../agent/client/heard.ts';

describe('what a client may count on', () => {
  it('K5: a touch counts once another was taken a quarter of the time to live after its answer', () => {
    const heard = new Heard(8000, 0);
    heard.taken(1000, 1010);
    heard.taken(2000, 2010);
    assert.equal(heard.until, 5600, 'neither has certainly arrived');
    heard.taken(3005, 3010);
    assert.equal(heard.until, 5600);
    heard.taken(3010, 3020);
    assert.equal(heard.until, 6600);
  });

  it('K5: touches that a paused box takes all at once prove nothing', () => {
    const heard = new Heard(8000, 0);
    for (let began = 1000; began <= 5000; began += 500) heard.taken(began, 5001);
    assert.equal(heard.until, 5600);
  });

  it('K5: a decision of the site counts at once', () => {
    const heard = new Heard(8000, 0);
    heard.taken(1000, 1010);
    heard.decided(2000);
    heard.taken(3100, 3110);
    assert.equal(heard.until, 7600);
  });
});
