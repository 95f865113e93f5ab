import assert from 'node:assert/strict';
import type { Ack, Message } from '../../../consensus/core/messages.ts';
import { Touches } from '../../../consensus/core/touches.ts';
import { defaultTiming, logIndex, term, tick } from '../../../consensus/core/types.ts';
import { Cluster } from '../../sim/cluster.ts';
import { Network } from '../../sim/network.ts';
import { SeededRandom } from '../../sim/random.ts';
import { LoneRaft } from './lone-raft.ts';

describe('touches of sessions', () => {
  it('K4: are repeated until the leader shows that it has an answer that carried them', () => {
    const touches = new Touches();
    touches.touch({ session: 7, ttlTicks: 100 }, tick(1), 80);
    assert.deepEqual(touches.carry(5), [{ session: 7, ttlTicks: 100 }]);
    assert.equal(touches.carry(6).length, 1);
    touches.echoed(4, tick(0));
    assert.equal(touches.size, 1, 'an answer before it');
    touches.touch({ session: 8, ttlTicks: 100 }, tick(1), 80);
    touches.echoed(6, tick(1));
    assert.deepEqual(touches.carry(7), [{ session: 8, ttlTicks: 100 }], 'the newer one was in none of them');
    touches.touch({ session: 8, ttlTicks: 100 }, tick(1), 80);
    touches.echoed(7, tick(1));
    assert.equal(touches.size, 1, 'touched again after the answer left');
  });

  it('K5: are refused while one waits for too long: the leader does not hear us, though we may hear it', () => {
    const touches = new Touches();
    const touch = (session: number, now: number): boolean => touches.touch({ session, ttlTicks: 100 }, tick(now), 80);
    assert.ok(touch(7, 10));
    touches.carry(1);
    assert.ok(touch(7, 90), 'the first one has waited 80 ticks');
    assert.ok(!touch(7, 91));
    assert.ok(!touch(8, 91), 'another session has no better way');
    touches.echoed(1, tick(85));
    touches.carry(2);
    assert.ok(touch(8, 165), 'nothing of before 85 waits any more');
    touches.forgetCarried();
    assert.ok(!touch(8, 166), 'a term heard of late tells nothing of when its leader began to count');
    touches.carry(3);
    assert.ok(!touch(8, 167), 'told to the new leader, and not known to have arrived');
    touches.echoed(3, tick(167));
    touches.carry(4);
    assert.ok(touch(8, 168));
  });

  it('K5: are refused while one waits that only a lost answer carried, though an older one is known to have arrived', () => {
    const touches = new Touches();
    const touch = (now: number): boolean => touches.touch({ session: 7, ttlTicks: 100 }, tick(now), 80);
    assert.ok(touch(0));
    touches.carry(1);
    assert.ok(touch(5));
    touches.carry(2);
    assert.ok(touch(79));
    touches.echoed(1, tick(0));
    touches.carry(3);
    assert.ok(!touch(86), 'the touch of 5 reached nobody');
  });

  it('K5: are refused when no PING comes to carry them, though late APPENDs make the leader seem to be there', () => {
    const touches = new Touches();
    const touch = (session: number, now: number): boolean => touches.touch({ session, ttlTicks: 100 }, tick(now), 80);
    touches.carry(1);
    assert.ok(touch(7, 10));
    assert.ok(touch(8, 90), 'the first one has waited 80 ticks');
    assert.ok(!touch(7, 91));
    touches.forgetCarried();
    assert.ok(!touch(7, 180), 'and no term that it hears of changes that');
    touches.carry(2);
    assert.ok(!touch(7, 182), 'told, and not known to have arrived');
    touches.echoed(2, tick(181));
    touches.carry(3);
    assert.ok(touch(7, 183));
  });

  it('K5: of a session that is touched more often than PINGs come are not refused', () => {
    const touches = new Touches();
    for (let ping = 1; ping <= 100; ping += 1) {
      touches.echoed(ping - 1, tick(10 * (ping - 1)));
      touches.carry(ping);
      for (let at = 0; at < 3; at += 1) assert.ok(touches.touch({ session: 7, ttlTicks: 100 }, tick(10 * ping + at), 40), `PING ${ping}`);
    }
  });

  it('K4: told to one leader are told to the next', () => {
    const touches = new Touches();
    touches.touch({ session: 7, ttlTicks: 100 }, tick(1), 80);
    touches.carry(5);
    touches.forgetCarried();
    touches.echoed(5, tick(1));
    assert.equal(touches.size, 1);
  });

  it('K5: are refused by a learner that does not hear its leader any more, though it may not campaign', () => {
    const lone = new LoneRaft({ voters: ['n2', 'n3'], learners: ['n1'] });
    lone.raft.step({
      type: 'PING',
      from: 'n2',
      to: 'n1',
      term: term(1),
      commitIndex: logIndex(0),
      seq: 1,
      sentAt: tick(0),
      ackSeqSeen: 0,
      ackSeqMajority: 0,
      electionTicks: 0,
      restTicks: 0,
      lastIndex: logIndex(0),
    });
    lone.saved();
    assert.ok(lone.raft.touch({ session: 3, ttlTicks: 500 }));
    lone.pass(2 * defaultTiming.electionTicks);
    assert.equal(lone.raft.view().leader, undefined);
    assert.ok(!lone.raft.touch({ session: 3, ttlTicks: 500 }));
  });

  it('K4: the leader hears of its own at once', () => {
    const lone = new LoneRaft();
    lone.elect();
    lone.raft.touch({ session: 3, ttlTicks: 50 });
    assert.deepEqual(lone.saved().touched, [{ session: 3, ttlTicks: 50 }]);
  });

  /** Three members; everything sent is counted, and what the leader hears is kept. */
  function site(lossPercent: number) {
    const random = new SeededRandom(11);
    const network = new Network(random, { lossPercent, duplicatePercent: 0, delayMin: 0, delayMax: 1 });
    const voters = ['n1', 'n2', 'n3'];
    const sent: Message[] = [];
    const cluster = new Cluster({
      network,
      nodes: voters.map((id) => ({
        id,
        membership: { voters, learners: [] },
        timing: defaultTiming,
        random,
        clockOffset: 0,
        compactEntries: 100,
      })),
      observers: [],
      diskDelay: () => 0,
      onSend: (message) => sent.push(message),
    });
    for (const node of cluster.nodes.values()) node.start();
    for (let ticks = 0; ticks < 200; ticks += 1) cluster.tick();
    const leader = cluster.leaders[0];
    const follower = [...cluster.nodes.values()].find((node) => node !== leader);
    assert.ok(leader?.raft !== undefined && follower?.raft !== undefined);
    return { cluster, sent, leader: leader.raft, leaderId: leader.id, follower: follower.raft, followerId: follower.id };
  }
  const acksOf = (sent: readonly Message[], from: string): readonly Ack[] =>
    sent.filter((message): message is Ack => message.type === 'ACK' && message.from === from);

  it('K4: 10,000 sessions are renewed with no log entry and at most two frames a follower and interval', () => {
    const { cluster, sent, leader, follower, followerId, leaderId } = site(0);
    const entries = leader.view().lastIndex;
    for (let interval = 0; interval < 5; interval += 1) {
      for (let session = 1; session <= 10_000; session += 1) assert.ok(follower.touch({ session, ttlTicks: 1000 }));
      sent.length = 0;
      for (let ticks = 0; ticks < defaultTiming.pingTicks; ticks += 1) cluster.tick();
      const frames = sent.filter(({ from, to }) => (from === followerId && to === leaderId) || (from === leaderId && to === followerId));
      assert.ok(frames.filter(({ from }) => from === followerId).length <= 2, `${frames.length} frames`);
      assert.ok(acksOf(sent, followerId).some(({ touches }) => touches.length === 10_000));
    }
    for (let ticks = 0; ticks < 3 * defaultTiming.pingTicks; ticks += 1) cluster.tick();
    sent.length = 0;
    for (let ticks = 0; ticks < 2 * defaultTiming.pingTicks; ticks += 1) cluster.tick();
    assert.ok(
      acksOf(sent, followerId).every(({ touches }) => touches.length === 0),
      'what was heard is not told again',
    );
    assert.equal(leader.view().lastIndex, entries, 'nothing was written');
  });

  it('K4: every touch arrives although three messages of ten are lost', () => {
    const { cluster, sent, follower, followerId } = site(30);
    for (let session = 1; session <= 300; session += 1) {
      follower.touch({ session, ttlTicks: 1000 });
      cluster.tick();
    }
    for (let ticks = 0; ticks < 600; ticks += 1) cluster.tick();
    const heard = new Set([...cluster.nodes.values()].flatMap(({ touched }) => [...touched]));
    assert.equal(heard.size, 300, 'whoever led then heard of it');
    sent.length = 0;
    cluster.network.faults.lossPercent = 0;
    for (let ticks = 0; ticks < 100; ticks += 1) cluster.tick();
    sent.length = 0;
    for (let ticks = 0; ticks < 30; ticks += 1) cluster.tick();
    assert.ok(acksOf(sent, followerId).every(({ touches }) => touches.length === 0));
  });
});
