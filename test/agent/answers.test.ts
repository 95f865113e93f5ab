import assert from 'node:assert/strict';
import { Answers } from '../../agent/answers.ts';
import { FactBook } from '../../agent/fact-book.ts';
import { checkDocument } from '../../schemas/validate.ts';
import { AgreementSite, NotingExecutor } from './agreement-site.ts';
import { box, spec } from './site-double.ts';

describe('the documents of the HTTP interface', () => {
  let site: AgreementSite;
  let answers: Answers;
  let isolated = false;
  let slowDisk: { readonly p99Ms: number; readonly boundMs: number } | undefined;
  let agreement: Awaited<ReturnType<AgreementSite['start']>>;
  const executor = new NotingExecutor();

  before(async () => {
    site = await AgreementSite.open('a');
    agreement = await site.start('a');
    const settings = site.settings('a');
    const facts = new FactBook(
      { clock: site.clock, gossip: { publish: async () => {}, subscribe: () => {} }, peers: () => [] },
      { self: 'a', members: () => ['a'], lostAfterMs: 3000 },
    );
    answers = new Answers({
      settings,
      agreement,
      facts,
      executor,
      peers: () => [],
      counters: () => ({ strangersRefused: 1, hellosRefused: 2, framesRefused: 3, gossipRefused: 4 }),
      uplink: () => undefined,
      foreignNodes: () => [box('cloud-1', { site: 'plant', level: 1 })],
      unplaced: () => 1,
      isolated: () => isolated,
      healing: () => undefined,
      slowDisk: () => slowDisk,
      nowMs: () => site.clock.nowMs(),
      peerId: settings.members[0]?.peerId ?? '',
      run: 1,
      version: '0.1.0',
    });
    const leader = await site.leader();
    await leader.propose({ type: 'workloadsApply', origin: 'site', specs: [spec('web', { replicas: 2 })], replace: false });
    const assignments = [
      { workload: 'web', replica: 0, node: 'a', class: 'hot' as const },
      { workload: 'web', replica: 1, node: 'cloud-1', class: 'hot' as const },
    ];
    await leader.propose({
      type: 'planCommit',
      by: 'local',
      authorityEpoch: 0,
      basisRevision: 0,
      provisional: false,
      assignments,
      plan: null,
    });
    const { topology } = box('a');
    facts.topology.setOwn({ from: 'a', document: topology, receivedAt: site.clock.nowMs() });
    facts.instances.setOwn({
      from: 'a',
      document: { version: 1, node: 'a', run: 1, seq: 1, observes: [], instances: [], staged: [] },
      receivedAt: site.clock.nowMs(),
    });
    executor.running = [
      {
        workload: 'web',
        replica: 0,
        epoch: 3,
        class: 'hot',
        state: 'ready',
        pid: 4711,
        startedAt: 1,
        adopted: true,
        restarts: 0,
        runs: 0,
        ports: {},
        lastExit: null,
        reason: null,
      },
    ];
  });
  after(() => site.stop());

  it('D1 D4: the status follows its schema and shows who decides', () => {
    const status = answers.status();
    assert.deepEqual(checkDocument('StatusDocument', status), { ok: true, value: status });
    assert.equal(status.authority.mode, 'autonomous');
    assert.deepEqual(status.workloads, { desired: 1, ready: 1, blocked: 0, unplaced: 1 });
    assert.equal(status.refused.frames, 3);
    assert.deepEqual(
      status.members.map(({ name, verdict }) => [name, verdict]),
      [['a', 'alive']],
    );
  });

  it('K13: a log whose end is uncertain is told, and is left out otherwise', () => {
    assert.ok(!('uncertain' in answers.status().consensus));
    const view = agreement.status();
    agreement.status = () => ({ ...view, uncertain: true });
    try {
      const status = answers.status();
      assert.equal(status.consensus.uncertain, true);
      assert.deepEqual(checkDocument('StatusDocument', status), { ok: true, value: status });
    } finally {
      Reflect.deleteProperty(agreement, 'status');
    }
  });

  it('D4: isolation is this box’s own, over what the site has decided', () => {
    isolated = true;
    const { authority } = answers.status();
    assert.deepEqual([authority.mode, authority.siteMode], ['isolated', 'autonomous']);
    isolated = false;
  });

  it('K14: a disk that is too slow is told, with the bound', () => {
    slowDisk = { p99Ms: 812.4, boundMs: 500 };
    const status = answers.status();
    assert.deepEqual(checkDocument('StatusDocument', status), { ok: true, value: status });
    assert.deepEqual(status.storage, { state: 'slow', detail: 'Writes to the log take up to 812 ms, above /timing/slowSyncMs (500)' });
    slowDisk = undefined;
    assert.deepEqual(answers.status().storage, { state: 'ok', detail: null });
  });

  it('D1 D4: nodes and workloads follow their schemas, boxes of other tiers included', () => {
    const nodes = answers.nodes();
    assert.deepEqual(checkDocument('NodesDocument', nodes), { ok: true, value: nodes });
    assert.deepEqual(
      nodes.nodes.map(({ name, site: of, usable }) => [name, of, usable]),
      [
        ['a', 'mill', true],
        ['cloud-1', 'plant', true],
      ],
    );
    const workloads = answers.workloads();
    assert.deepEqual(checkDocument('WorkloadsDocument', workloads), { ok: true, value: workloads });
    const [web] = workloads.workloads;
    assert.deepEqual(
      web?.replicas.map(({ node, pid, adopted, state }) => [node, pid, adopted, state]),
      [
        ['a', 4711, true, 'ready'],
        ['cloud-1', null, false, null],
      ],
    );
  });
});
