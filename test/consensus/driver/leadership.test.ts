import assert from 'node:assert/strict';
import type { ConsensusNode } from '../../../consensus/driver/node.ts';
import { Cluster } from './cluster.ts';
import { SleepingClock } from './sleeping-clock.ts';

describe('who asks a node about its leadership', function () {
  this.timeout(60_000);
  let clock: SleepingClock;
  let cluster: Cluster;
  beforeEach(async () => {
    clock = new SleepingClock();
    cluster = await Cluster.start(3, { clock });
  });
  afterEach(async () => {
    cluster.assertHealthy();
    await cluster.stop();
    clock.close();
  });

  const touch = (node: ConsensusNode): boolean => node.touch({ session: 1, ttlTicks: 100 });
  const asks: Readonly<Record<string, (node: ConsensusNode) => boolean>> = {
    'since when it leads': ({ glance }) => glance.leaderSince !== undefined,
    'who leads': ({ glance }) => glance.leader !== undefined,
    'how it is': (node) => node.status().role === 'leader',
    'to take a touch': touch,
    'to hand over': (node) => node.transferLeadership(),
  };
  for (const [what, ask] of Object.entries(asks))
    it(`K5 K7: after a pause it leads no more, even if nothing of its own has run yet: asked ${what}`, async () => {
      const { node } = await cluster.leader();
      clock.sleep(60_000);
      assert.equal(ask(node), false);
    });

  it('K5: a touch is not judged by a time from before a pause, whatever came in the same turn', async () => {
    const { node } = await cluster.leader();
    assert.ok(touch(node));
    clock.sleep(60_000);
    assert.equal(touch(node), false);
  });
});
