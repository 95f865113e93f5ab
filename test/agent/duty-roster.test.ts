import assert from 'node:assert/strict';
import { DutyRoster } from '../../agent/duty-roster.ts';
import { ManualClock } from './health/fixtures.ts';
import { settled } from './site-double.ts';

describe('the duty roster', () => {
  const clock = new ManualClock();
  const rounds: string[] = [];
  const roster = new DutyRoster(clock, [() => rounds.push('first'), () => rounds.push('second')], {
    onFailure: (error) => assert.fail(String(error)),
  });

  it('D4: calls every duty at once, in order, and again a few times a second', async () => {
    roster.start();
    assert.deepEqual(rounds, ['first', 'second']);
    await clock.advance(1000);
    assert.equal(rounds.length, 12);
  });

  it('D4: however much news a turn of the loop brings, one round answers it', async () => {
    rounds.length = 0;
    for (let n = 0; n < 100; n += 1) roster.poke();
    assert.deepEqual(rounds, [], 'not in the middle of what brings the news');
    await settled();
    assert.deepEqual(rounds, ['first', 'second']);
  });

  it('D4: ends with the agent, also for news already on its way', async () => {
    rounds.length = 0;
    roster.poke();
    roster.stop();
    roster.poke();
    await settled();
    await clock.advance(1000);
    assert.deepEqual(rounds, []);
  });

  it('D4: a duty that fails is told of, and takes no other down', () => {
    const told: string[] = [];
    const failing = new DutyRoster(
      new ManualClock(),
      [
        () => {
          throw new Error('no such box');
        },
        () => told.push('the next'),
      ],
      { onFailure: (error) => told.push(String(error)) },
    );
    failing.start();
    failing.stop();
    assert.deepEqual(told, ['Error: no such box', 'the next']);
  });
});
