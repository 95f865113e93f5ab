import assert from 'node:assert/strict';
import type { Message } from '../../../consensus/core/messages.ts';
import { defaultTiming, logIndex, term as logTerm } from '../../../consensus/core/types.ts';
import { decodeMessage, encodeMessage } from '../../../consensus/driver/codec.ts';
import { Cluster } from '../../sim/cluster.ts';
import { Network } from '../../sim/network.ts';
import { SeededRandom } from '../../sim/random.ts';
import { encodeWrite } from '../../sim/replica.ts';
import type { SimNode } from '../../sim/sim-node.ts';

const timing = { ...defaultTiming, restPingTicks: 75, restAfterTicks: 240 };
const voters = ['n1', 'n2', 'n3'];

/** Three members that rest, and what they sent. */
function site(seed: number, pass = (message: Message) => message) {
  const random = new SeededRandom(seed);
  const sent: Message[] = [];
  const cluster = new Cluster({
    network: new Network(random, { lossPercent: 0, duplicatePercent: 0, delayMin: 0, delayMax: 1 }),
    nodes: voters.map((id) => ({ id, membership: { voters, learners: [] }, timing, random, clockOffset: 0, compactEntries: 0 })),
    observers: [],
    diskDelay: () => 0,
    onSend: (message) => sent.push(message),
    pass,
  });
  for (const node of cluster.nodes.values()) node.start();
  const run = (ticks: number): void => {
    for (let at = 0; at < ticks; at += 1) cluster.tick();
  };
  run(600);
  return { cluster, run, sent };
}

/** All of them agreed to rest. */
function restingSite() {
  const { cluster, run, sent } = site(5);
  const leader = cluster.leaders[0];
  const followers = [...cluster.nodes.values()].filter((node) => node !== leader);
  const [first, second] = followers;
  assert.ok(leader !== undefined && first !== undefined && second !== undefined);
  assert.ok(followers.concat(leader).every(rests), 'everybody rests');
  sent.length = 0;
  return { cluster, run, sent, leader, first, second };
}

const viewOf = ({ raft }: SimNode) => raft?.view();
const rests = (node: SimNode): boolean => (viewOf(node)?.pace.rest ?? 0) > 0;
const write = (node: SimNode): void => node.do((raft) => raft.propose(7, encodeWrite({ operation: 7, key: 'k', value: 'v' })));

describe('resting', () => {
  it('C10: a site with nothing to do sends one PING to each follower in each long interval, and nobody campaigns', () => {
    const { run, sent, leader } = restingSite();
    const term = viewOf(leader)?.term;
    run(10 * timing.restPingTicks);
    assert.ok(sent.length >= 36 && sent.length <= 44, `${sent.length} messages`);
    assert.ok(sent.every(({ type }) => type === 'PING' || type === 'ACK'));
    assert.equal(viewOf(leader)?.term, term);
    assert.equal(viewOf(leader)?.role, 'leader');
  });

  it('C10: the first write wakes everybody, at the leader and at a follower', () => {
    for (const at of ['leader', 'first'] as const) {
      const { run, sent, cluster, ...site } = restingSite();
      write(site[at]);
      run(6);
      assert.equal(cluster.node('n1').replica.get('k').value, 'v');
      const woken = [...cluster.nodes.values()];
      assert.ok(!woken.some(rests), at);
      const [ping] = sent.filter(({ type }) => type === 'PING' || type === 'APPEND');
      assert.equal(ping?.type, 'PING', 'the usual pace comes before the first entry');
      run(600);
      assert.ok(woken.every(rests), 'and it rests again');
    }
  });

  it('K4: a touch wakes the site, and reaches the leader at once', () => {
    const { run, first, leader } = restingSite();
    first.do((raft) => assert.ok(raft.touch({ session: 3, ttlTicks: 1000 })));
    run(6);
    assert.ok(leader.touched.has(3));
    assert.ok(![first, leader].some(rests));
  });

  it('C10: leases go on while everybody rests', () => {
    const { run, cluster } = restingSite();
    for (let ticks = 0; ticks < 1000; ticks += 1) {
      run(1);
      for (const node of cluster.nodes.values())
        assert.ok(node.localNow < (viewOf(node)?.leaseFrom ?? 0) + 0.9 * timing.leaseTicks, `${node.id} at ${node.localNow}`);
    }
  });

  it('C10: a leader that falls silent while everybody rests is replaced soon after something is asked for', () => {
    const { run, cluster, leader, first, second } = restingSite();
    leader.paused = true;
    run(timing.restPingTicks);
    assert.ok(rests(first), 'silence is what was agreed on');
    write(first);
    run(6 * timing.electionTicks);
    assert.equal(cluster.leaders.filter((node) => node !== leader).length, 1);
    assert.ok(![first, second].some(rests));
  });

  it('C10: a leader that is woken and hears no majority steps down after one usual election timeout, and not before', () => {
    const { run, leader, first, second } = restingSite();
    first.paused = true;
    second.paused = true;
    leader.do((raft) => assert.ok(raft.touch({ session: 3, ttlTicks: 1000 })));
    run(timing.electionTicks - 2);
    assert.equal(viewOf(leader)?.role, 'leader');
    run(4);
    assert.notEqual(viewOf(leader)?.role, 'leader');
  });

  it('C10: who is woken by somebody else tells the leader: a box that left and does not know it ends no leadership', () => {
    const { run, sent, leader, first, second } = restingSite();
    const term = viewOf(leader)?.term ?? 0;
    // Just after a PING: the next one is further away than an election.
    while (!sent.some(({ type }) => type === 'ACK')) run(1);
    const facts = { term: logTerm(term + 1), poll: 1, lastTerm: logTerm(0), lastIndex: logIndex(0), reason: 'timeout' } as const;
    for (const node of [first, second]) node.step({ type: 'PREVOTE', from: 'gone', to: node.id, ...facts });
    run(3);
    assert.ok(![leader, first, second].some(rests), 'the leader knows that somebody is awake');
    run(600);
    assert.equal(viewOf(leader)?.term, term);
    assert.ok([leader, first, second].every(rests), 'and it rests again');
  });

  it('C10: as long as one member does not answer, nobody is silent for longer', () => {
    const { run, leader, second } = restingSite();
    write(leader);
    run(20);
    second.paused = true;
    run(400);
    assert.ok(!rests(leader));
  });

  it('K20: a leader does not rest while one member runs a release that knows of no rest', () => {
    const inOldForm = (message: Message): Message =>
      [message.from, message.to].includes('n3') ? decodeMessage(encodeMessage(message, 1)) : message;
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const { cluster, run } = site(seed, inOldForm);
      const [leader] = cluster.leaders;
      const term = leader && viewOf(leader)?.term;
      run(2000);
      assert.ok(![...cluster.nodes.values()].some(rests), `seed ${seed}`);
      assert.ok(leader !== undefined && viewOf(leader)?.term === term, `seed ${seed}: nobody campaigned`);
    }
  });
});
