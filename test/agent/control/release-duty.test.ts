import assert from 'node:assert/strict';
import { ReleaseDuty } from '../../../agent/control/release-duty.ts';
import { keepingLog, ManualClock } from '../health/fixtures.ts';
import { SiteDouble, settled, spec } from '../site-double.ts';

const leaseMs = 3000;

function stage({
  hasUpper = false,
  members = ['a', 'b', 'c'],
  hasOtherTiers = true,
}: {
  readonly hasUpper?: boolean;
  readonly members?: string[];
  readonly hasOtherTiers?: boolean;
} = {}) {
  const clock = new ManualClock();
  const site = new SiteDouble(clock, { hasUpper, members });
  const running = new Set<string>();
  const child = new Map<string, boolean>();
  const duty = new ReleaseDuty(
    {
      site,
      clock,
      log: keepingLog(),
      runsHere: (workload, replica) => running.has(`${workload}/${replica}`),
      heldByChild: (_workload, _replica, node) => child.get(node),
    },
    { leaseMs, hasOtherTiers },
  );
  site.give(spec('single', { onSplit: 'stop' }));
  const awaiting = () => site.state.placement('single', 0)?.awaiting?.node;
  const checked = async () => {
    duty.check();
    await settled();
    return awaiting();
  };
  /** The wait for `holder` ends one millisecond after a tenth more than a lease, not before. */
  const endsWithTheLease = async (holder: string): Promise<void> => {
    await clock.advance(leaseMs * 1.1);
    assert.equal(await checked(), holder);
    await clock.advance(1);
    assert.equal(await checked(), undefined);
  };
  return { clock, site, duty, running, child, awaiting, endsWithTheLease };
}

describe('the wait for a former holder ends', () => {
  it('K7: when nothing of it runs on its own box any more, leader or not', async () => {
    const { site, duty, running, awaiting } = stage();
    site.plan({ 'single/0': 'a' });
    running.add('single/0');
    site.plan({ 'single/0': 'b' });
    site.lead(undefined);
    duty.check();
    await settled();
    assert.equal(awaiting(), 'a', 'its process is still there');
    running.clear();
    duty.check();
    await settled();
    assert.equal(awaiting(), undefined);
    assert.deepEqual(site.state.holders(), []);
  });

  it('K7: when the lease of a silent box has certainly ended: a tenth more than a lease after its last ACK', async () => {
    const { clock, site, endsWithTheLease } = stage();
    site.plan({ 'single/0': 'b' });
    site.plan({ 'single/0': 'c' });
    await clock.advance(10_000);
    site.acks.set('b', clock.nowMs());
    await endsWithTheLease('b');
  });

  it('K7: a new leader waits out a whole lease, whatever it heard before', async () => {
    const { clock, site, duty, endsWithTheLease } = stage();
    site.plan({ 'single/0': 'b' });
    site.plan({ 'single/0': 'c' });
    site.acks.set('b', clock.nowMs());
    await clock.advance(60_000);
    site.lead(clock.nowMs());
    duty.check();
    await endsWithTheLease('b');
  });

  it('K7: never by a box that does not lead', async () => {
    const { clock, site, duty, awaiting } = stage();
    site.plan({ 'single/0': 'b' });
    site.plan({ 'single/0': 'c' });
    site.lead(undefined);
    await clock.advance(60_000);
    duty.check();
    await settled();
    assert.equal(awaiting(), 'b');
  });

  it('K7: in a child site, when that site says so, and not while it says nothing', async () => {
    const { clock, site, duty, child, awaiting } = stage();
    site.plan({ 'single/0': 'press-1' });
    site.plan({ 'single/0': 'a' });
    for (const said of [undefined, true]) {
      if (said !== undefined) child.set('press-1', said);
      await clock.advance(60_000);
      duty.check();
      await settled();
      assert.equal(awaiting(), 'press-1');
    }
    child.set('press-1', false);
    duty.check();
    await settled();
    assert.equal(awaiting(), undefined);
  });

  it('K7: on a box of the upper tier, when the upper site hands the replica on, and not when the site decides alone', async () => {
    const { clock, site, duty, awaiting } = stage({ hasUpper: true });
    site.plan({ 'single/0': 'cloud-1' }, 'upper');
    site.plan({}, 'upper');
    duty.check();
    await settled();
    assert.equal(site.state.holders().length, 1, 'nobody was given the replica yet');

    site.become('autonomous');
    site.plan({ 'single/0': 'b' }, 'local', true);
    await clock.advance(60_000);
    duty.check();
    await settled();
    assert.equal(awaiting(), 'cloud-1', 'the upper tier may run it still');

    site.become('rejoining');
    duty.check();
    await settled();
    assert.equal(awaiting(), 'cloud-1', 'the upper site was not heard yet');
    site.plan({ 'single/0': 'b' }, 'upper');
    duty.check();
    await settled();
    assert.equal(awaiting(), undefined);
  });

  it('K7: when a box that left the site can have no lease any more, and no sooner', async () => {
    const { clock, site, duty, endsWithTheLease } = stage({ members: ['a', 'c'], hasOtherTiers: false });
    site.plan({ 'single/0': 'b' });
    site.plan({ 'single/0': 'c' });
    await clock.advance(60_000);
    site.acks.set('b', clock.nowMs());
    duty.check();
    await clock.advance(leaseMs);
    duty.check();
    await settled();
    // Its leaving is committed: the leader has nothing to do with it any more, and may have heard of it until just now.
    site.acks.delete('b');
    duty.check();
    await endsWithTheLease('b');
  });

  it('K7: when a box that leaves to begin anew can have no lease any more, and no sooner', async () => {
    const { clock, site, duty, awaiting, endsWithTheLease } = stage();
    site.plan({ 'single/0': 'b' });
    site.plan({ 'single/0': 'c' });
    await clock.advance(60_000);
    site.acks.set('b', clock.nowMs());
    duty.check();
    await clock.advance(1000);
    // It has left the membership for a moment, and the leader forgot when it heard it; to the site it belongs all the same.
    site.acks.delete('b');
    duty.check();
    await settled();
    assert.equal(awaiting(), 'b', 'what it ran may run on: its lease began a second ago');
    await endsWithTheLease('b');
  });

  it('K7: is asked for once at a time, and again after a failure', async () => {
    const { site, duty } = stage();
    site.plan({ 'single/0': 'a' });
    site.plan({ 'single/0': 'b' });
    site.held = true;
    duty.check();
    duty.check();
    assert.equal(site.inFlight.length, 1);
    site.inFlight[0]?.fail(new Error('NOT_LEADER'));
    site.inFlight = [];
    await settled();
    duty.check();
    assert.equal(site.inFlight.length, 1);
    site.commit();
    assert.deepEqual(site.state.holders(), []);
  });
});
