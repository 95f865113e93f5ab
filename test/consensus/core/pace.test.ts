import assert from 'node:assert/strict';
import { createPace, electionTicksOf } from '../../../consensus/core/pace.ts';
import { defaultTiming } from '../../../consensus/core/types.ts';
import { Patience, patienceMs } from '../../../consensus/driver/patience.ts';

const peer = { id: 'n2', match: 0, next: 1, rttTicks: 3, rttVarTicks: 1, linkUp: true, lastAckAt: 5, needsAfter: 0 } as never;

describe('adaptive election timeout', () => {
  it('C10: follows this box and the leader, within its own bounds', () => {
    const pace = createPace(defaultTiming);
    const ticks = () => electionTicksOf({ timing: defaultTiming, pace });
    assert.equal(ticks(), 40);
    pace.measured = 70;
    assert.equal(ticks(), 70);
    pace.led = 90;
    assert.equal(ticks(), 90);
    pace.led = 5000;
    assert.equal(ticks(), 120, 'whatever a leader says');
    [pace.led, pace.measured] = [1, 1];
    assert.equal(ticks(), 40);
    const fixed = { ...defaultTiming, electionMaxTicks: 40 };
    pace.measured = 100;
    assert.equal(electionTicksOf({ timing: fixed, pace }), 40, 'constant when the bounds are equal');
  });

  it('C10: is made of syncs and round trips, keeps what was last known of the disk, and shrinks slowly', () => {
    const patience = new Patience();
    assert.equal(patience.update(200, [peer]), patienceMs({ syncMs: 200, roundTripMs: 70 }));
    assert.equal(patience.update(undefined, [peer]), 1150);
    assert.equal(patience.measured.syncMs, 200);
    assert.equal(patience.update(1, []), 0.9 * 1150);
    assert.equal(patience.update(500, []), 2000, 'and grows at once');
  });
});
