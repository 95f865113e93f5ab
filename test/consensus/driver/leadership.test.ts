import assert from 'node:assert/strict';
import { term } from '../../../consensus/core/types.ts';
import type { ConsensusNode } from '../../../consensus/driver/node.ts';
import { Cluster } from './cluster.ts';
import { put } from './kv-machine.ts';
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

  it('K5 K7: what is meant for its term is done in it', async () => {
    const { node, machine } = await cluster.leader();
    await node.propose(put('end', 'now'), { inTerm: node.glance.term });
    assert.equal(machine.get('end'), 'now');
  });

  it('K5 K7: what is meant for its term no other leader does, and it is refused for certain', async () => {
    const leader = await cluster.leader();
    const others = cluster.ids.filter((id) => id !== leader.id);
    for (const id of others) cluster.network.cut(leader.id, id);
    const meant = leader.node.propose(put('end', 'of the old'), { inTerm: leader.node.glance.term });
    const refused = assert.rejects(meant, { code: 'NOT_LEADER', definite: true });
    const anybody = leader.node.propose(put('begin', 'of anybody'));
    await cluster.leader(others);
    cluster.network.heal();
    await refused;
    await anybody;
    const { node, machine } = await cluster.leader();
    await node.read();
    assert.deepEqual([machine.get('begin'), machine.get('end')], ['of anybody', undefined]);
  });

  it('K5 K7: what is meant for a term it does not lead in is refused at once', async () => {
    const { node } = await cluster.leader();
    const [follower] = await cluster.followers();
    const refusal = { code: 'NOT_LEADER', definite: true };
    const inTerm = node.glance.term;
    await assert.rejects(node.propose(put('end', 'x'), { inTerm: term(inTerm - 1) }), refusal);
    await assert.rejects(follower?.node.propose(put('end', 'x'), { inTerm }) ?? Promise.resolve(), refusal);
    await assert.rejects(follower?.node.changeMembership([{ id: 'n9', role: 'learner' }], { inTerm }) ?? Promise.resolve(), refusal);
  });
});
