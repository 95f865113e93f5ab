import assert from 'node:assert/strict';
import { defaultTiming, type Entry } from '../../../consensus/core/types.ts';
import { ElectionSafety } from '../../sim/checkers/election-safety.ts';
import { Cluster } from '../../sim/cluster.ts';
import { Network } from '../../sim/network.ts';
import type { Observer } from '../../sim/observer.ts';
import { SeededRandom } from '../../sim/random.ts';
import { encodeWrite } from '../../sim/replica.ts';

/** About half a minute; fewer with ELECTIONS=3000. */
const wanted = Number(process.env.ELECTIONS ?? 100_000);
const seed = Number(process.env.SEED ?? 1);

function site(random: SeededRandom, observer: Observer): Cluster {
  const voters = ['n1', 'n2', 'n3'];
  const network = new Network(random, { lossPercent: 2, duplicatePercent: 2, delayMin: 0, delayMax: 2 });
  const nodes = voters.map((id) => ({
    id,
    membership: { voters, learners: [] },
    timing: defaultTiming,
    random,
    clockOffset: 0,
    compactEntries: 20,
  }));
  return new Cluster({ network, nodes, observers: [observer], diskDelay: () => random.nextInt(2) });
}

/** Runs until there is one leader that everybody follows. */
function settle(cluster: Cluster): void {
  for (let ticks = 0; ticks < 2000; ticks += 1) {
    cluster.tick();
    const views = cluster.up.map((node) => node.raft?.view());
    if (
      views.length === 3 &&
      views.every((view) => view?.leader !== undefined && view.leader === views[0]?.leader && view.term === views[0]?.term)
    )
      return;
  }
  assert.fail('no leader within 20 s');
}

describe('elections', () => {
  it('K3: a leader that is cut off acknowledges nothing that comes after the cut, and knows within one election timeout', () => {
    for (let run = 0; run < 50; run += 1) {
      const random = new SeededRandom(seed + run);
      const acknowledged: number[] = [];
      const observer: Observer = { applied: (_node, entry: Entry) => void (entry.origin && acknowledged.push(entry.origin.requestId)) };
      const cluster = site(random, observer);
      Object.assign(cluster.network.faults, { lossPercent: 0, delayMax: 1 });
      for (const node of cluster.nodes.values()) node.start();
      settle(cluster);
      const leader = cluster.leaders[0];
      assert.ok(leader !== undefined);
      for (let ticks = 50; ticks > 0; ticks -= 1) cluster.tick();
      cluster.network.partition([[leader.id], [...cluster.nodes.keys()].filter((id) => id !== leader.id)]);
      leader.do((raft) => raft.propose(7, encodeWrite({ operation: 7, key: 'k', value: 'late' })));
      for (let ticks = defaultTiming.electionTicks + defaultTiming.pingTicks; ticks > 0; ticks -= 1) cluster.tick();
      assert.notEqual(leader.raft?.view().role, 'leader', `run ${run}`);
      leader.do((raft) => raft.propose(8, encodeWrite({ operation: 8, key: 'k', value: 'later' })));
      for (let ticks = 100; ticks > 0; ticks -= 1) cluster.tick();
      assert.deepEqual(acknowledged, [], `run ${run}`);
    }
  });

  it(`K1: never two leaders in a term, and a member that comes back never raises the term of a healthy group, in ${wanted} elections`, function () {
    this.timeout(60_000 + wanted * 3);
    const random = new SeededRandom(seed);
    const safety = new ElectionSafety();
    const cluster = site(random, safety);
    for (const node of cluster.nodes.values()) node.start();
    settle(cluster);
    let previous = 0;
    while (safety.elections < wanted) {
      const leader = cluster.leaders[0];
      assert.ok(leader !== undefined);
      if (random.chance(25)) {
        const away = random.pick([...cluster.nodes.values()].filter((node) => node !== leader));
        const before = leader.raft?.view().term;
        Object.assign(cluster.network.faults, { lossPercent: 0 });
        cluster.network.partition([[away.id], [...cluster.nodes.keys()].filter((id) => id !== away.id)]);
        for (let ticks = random.between(100, 300); ticks > 0; ticks -= 1) cluster.tick();
        cluster.network.heal();
        for (let ticks = 30; ticks > 0; ticks -= 1) cluster.tick();
        assert.equal(leader.raft?.view().term, before, `replay with SEED=${seed}: ${away.id} raised the term`);
        assert.equal(away.raft?.view().leader, leader.id, `replay with SEED=${seed}`);
        Object.assign(cluster.network.faults, { lossPercent: 2 });
      }
      leader.crash(0, false);
      for (const peer of cluster.up) if (random.chance(80)) peer.step({ type: 'LINK_LOST', peer: leader.id });
      for (let ticks = random.between(20, 120); ticks > 0; ticks -= 1) cluster.tick();
      leader.start();
      for (const peer of cluster.up) peer.step({ type: 'LINK_UP', peer: leader.id });
      settle(cluster);
      assert.ok(safety.elections > previous, 'a lost leader is replaced');
      previous = safety.elections;
    }
  });
});
