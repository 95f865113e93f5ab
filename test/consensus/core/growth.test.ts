import assert from 'node:assert/strict';
import { isMember } from '../../../consensus/core/membership.ts';
import { defaultTiming, type NodeId, type RoleChange } from '../../../consensus/core/types.ts';
import { Ballots } from '../../sim/checkers/ballots.ts';
import { CommittedLog, LeaderCompleteness, StateMachineSafety } from '../../sim/checkers/committed-log.ts';
import { DurableAcks } from '../../sim/checkers/durable-acks.ts';
import { ElectionSafety } from '../../sim/checkers/election-safety.ts';
import { LogMatching } from '../../sim/checkers/log-matching.ts';
import { Memberships } from '../../sim/checkers/memberships.ts';
import { Cluster } from '../../sim/cluster.ts';
import { Network } from '../../sim/network.ts';
import { SeededRandom } from '../../sim/random.ts';
import { encodeWrite } from '../../sim/replica.ts';
import type { SimNode } from '../../sim/sim-node.ts';

/** A site on virtual time whose members come and go, with every safety checker watching. */
class Site {
  readonly random: SeededRandom;
  readonly cluster: Cluster;
  #requests = 0;

  constructor(seed: number, founders: readonly NodeId[], others: readonly NodeId[], lossPercent: number) {
    this.random = new SeededRandom(seed);
    const log = new CommittedLog();
    const matching = new LogMatching();
    const witnesses = founders.filter((founder) => founder === 'w');
    const first = { voters: founders, learners: [], witnesses };
    const memberships = new Memberships(first);
    this.cluster = new Cluster({
      network: new Network(this.random, { lossPercent, duplicatePercent: lossPercent, delayMin: 0, delayMax: 2 }),
      observers: [
        new ElectionSafety(),
        matching,
        new LeaderCompleteness(log, matching.mirror),
        new StateMachineSafety(log),
        memberships,
        new Ballots(memberships),
        new DurableAcks(() => this.cluster.nodes.values(), matching.mirror, memberships),
      ],
      diskDelay: () => this.random.nextInt(3),
      nodes: [...founders, ...others].map((id) => ({
        id,
        membership: founders.includes(id) ? first : { voters: [], learners: [] },
        witness: id === 'w',
        timing: defaultTiming,
        random: this.random,
        clockOffset: 0,
        compactEntries: 30,
      })),
    });
    for (const node of this.cluster.nodes.values()) node.start();
  }

  node = (id: NodeId): SimNode => this.cluster.node(id);

  get leader(): SimNode | undefined {
    return this.cluster.leaders.find((node) => node.raft?.view().ready);
  }

  /** Ticks until `seen`, at most 30 s of virtual time. */
  until(seen: () => boolean, what: string, each: () => void = () => undefined): void {
    for (let ticks = 0; ticks < 3000; ticks += 1) {
      if (seen()) return;
      each();
      this.cluster.tick();
    }
    assert.fail(`not within 30 s: ${what}`);
  }

  write(node: SimNode): void {
    this.#requests += 1;
    const data = encodeWrite({ operation: this.#requests, key: 'k', value: `v${this.#requests}` });
    node.do((raft) => raft.propose(this.#requests, data));
  }

  /** Asks the leader again and again, under load and with crashes in between, until the voters are these. */
  become(voters: readonly NodeId[], changes: readonly RoleChange[], withCrashes: boolean): void {
    this.until(
      () => {
        const view = this.leader?.raft?.view();
        if (view === undefined || view.membershipIndex > view.commitIndex) return false;
        return String(view.membership.voters) === String(voters) && (view.membership.votersBefore ?? []).length === 0;
      },
      `voters ${voters.join()}`,
      () => {
        const { leader } = this;
        if (leader !== undefined && this.random.chance(20)) this.write(leader);
        if (leader !== undefined && this.random.chance(5)) {
          this.#requests += 1;
          leader.do((raft) => raft.changeMembership(this.#requests, changes));
        }
        if (!withCrashes || !this.random.chance(1)) return;
        const node = this.random.pick(this.cluster.up);
        node.crash(this.random.nextInt(node.disk.pending.length + 1), false);
        this.cluster.agenda.after(this.random.between(1, 60), () => node.start());
      },
    );
  }
}

describe('a site that grows and shrinks', () => {
  it('K11: 1 -> 3 -> 5 -> 3 under load, message loss and crashes, with the first box gone at the end', () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const site = new Site(seed, ['n1'], ['n2', 'n3', 'n4', 'n5'], 5);
      const join = (...ids: readonly NodeId[]): readonly RoleChange[] => ids.map((id) => ({ id, role: 'learner' }));
      const vote = (...ids: readonly NodeId[]): readonly RoleChange[] => ids.map((id) => ({ id, role: 'voter' }));
      site.become(['n1'], join('n2', 'n3'), false);
      site.until(
        () => isMember(site.leader?.raft?.view().membership ?? { voters: [], learners: [] }, 'n3'),
        'the learners',
        () => site.leader?.do((raft) => raft.changeMembership(1e6 + site.cluster.agenda.now, join('n2', 'n3'))),
      );
      site.become(['n1', 'n2', 'n3'], vote('n2', 'n3'), true);
      site.until(
        () => isMember(site.leader?.raft?.view().membership ?? { voters: [], learners: [] }, 'n5'),
        'the learners',
        () => site.leader?.do((raft) => raft.changeMembership(1e6 + site.cluster.agenda.now, join('n4', 'n5'))),
      );
      site.become(['n1', 'n2', 'n3', 'n4', 'n5'], vote('n4', 'n5'), true);
      site.become(
        ['n3', 'n4', 'n5'],
        ['n1', 'n2'].map((id) => ({ id, role: 'none' })),
        true,
      );
      site.until(() => {
        const applied = ['n3', 'n4', 'n5'].map((id) => site.node(id).replica.get('k').value);
        return applied[0] !== '' && new Set(applied).size === 1 && site.leader !== undefined;
      }, 'three equal members');
    }
  });

  it('K17: with B down, A and the witness commit; A dies, B returns: B does not lead, and nothing is lost when A is back', () => {
    const site = new Site(1, ['a', 'b', 'w'], [], 0);
    site.until(() => site.leader !== undefined, 'a leader');
    const first = site.leader;
    assert.ok(first);
    const second = site.node(first.id === 'a' ? 'b' : 'a');
    second.crash(0, false);
    site.write(first);
    const wanted = 'v1';
    site.until(() => first.replica.get('k').value === wanted, 'a commit with the witness alone');
    first.crash(0, false);
    second.start();
    for (let ticks = 0; ticks < 1000; ticks += 1) {
      site.cluster.tick();
      assert.equal(site.leader, undefined, 'who lacks what the witness acknowledged must not lead');
    }
    first.start();
    site.until(() => site.leader !== undefined && second.replica.get('k').value === wanted, 'everything back on both');
  });

  it('K17: either box of two dies and the other goes on with the witness; the witness dies and both go on', () => {
    for (const dying of ['a', 'b', 'w']) {
      const site = new Site(7, ['a', 'b', 'w'], [], 0);
      site.until(() => site.leader !== undefined, 'a leader');
      site.node(dying).crash(0, false);
      site.until(() => site.leader !== undefined && site.leader.id !== dying, 'a leader');
      const { leader } = site;
      assert.ok(leader);
      site.write(leader);
      site.until(() => leader.replica.get('k').value === 'v1', `a commit without ${dying}`);
    }
  });
});
