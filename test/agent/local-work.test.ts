import assert from 'node:assert/strict';
import type { Agreement } from '../../agent/agreement.ts';
import { LocalWork } from '../../agent/local-work.ts';
import { until } from '../consensus/driver/cluster.ts';
import { AgreementSite, NotingExecutor } from './agreement-site.ts';
import { keepingLog } from './health/fixtures.ts';
import { spec } from './site-double.ts';

const leaseMs = 300;
const digest = 'a'.repeat(64);

describe('what a box is to run', () => {
  let site: AgreementSite;
  beforeEach(async () => {
    site = await AgreementSite.open('a', 'b');
  });
  afterEach(() => site.stop());

  const workOf = (agreement: Agreement) => {
    const executor = new NotingExecutor();
    const work = new LocalWork({ agreement, executor, clock: site.clock, log: keepingLog() }, { leaseMs, isolatedAfterMs: 400 });
    const reach = (what: string, holds: () => boolean): Promise<void> =>
      until(() => {
        work.check();
        return holds();
      }, what);
    return { work, executor, reach };
  };
  const plan = async (leader: Agreement, where: Readonly<Record<string, string>>): Promise<void> => {
    const { epoch, basisRevision } = leader.state.authority();
    const assignments = Object.entries(where).map(([workload, node]) => ({ workload, replica: 0, node, class: 'hot' as const }));
    await leader.propose({
      type: 'planCommit',
      by: 'local',
      authorityEpoch: epoch,
      basisRevision,
      provisional: false,
      assignments,
      plan: null,
    });
  };
  const give = (leader: Agreement, ...specs: Parameters<typeof spec>[]): Promise<unknown> =>
    leader.propose({ type: 'workloadsApply', origin: 'site', specs: specs.map((one) => spec(...one)), replace: false });

  it('K7: says nothing to the executor before its state is known to be the site’s: adopted work goes on', async () => {
    const a = await site.start('a');
    const { work, executor, reach } = workOf(a);
    await reach('isolation', () => work.isolated());
    assert.deepEqual(executor.desired, [], 'nothing was given, and so nothing was ended');
    await site.start('b');
    await reach('the first word', () => executor.desired.length > 0);
    await reach('contact', () => !work.isolated());
  });

  it('K7: gives what is placed here, with its epoch, and tells changes only', async () => {
    await Promise.all([site.start('a'), site.start('b')]);
    const leader = await site.leader();
    await give(leader, ['web'], ['panel']);
    await plan(leader, { web: 'a', panel: 'b' });
    const a = site.boxes.get('a') as Agreement;
    const { work, executor, reach } = workOf(a);
    await reach('web', () => executor.now().join() === 'web/0');
    assert.equal(executor.desired.at(-1)?.[0]?.epoch, a.state.placement('web', 0)?.epoch);
    const told = executor.desired.length;
    for (let n = 0; n < 10; n += 1) work.check();
    assert.equal(executor.desired.length, told);
    await give(leader, ['web', { command: ['false'] }]);
    await reach('the changed command', () => executor.desired.at(-1)?.[0]?.spec.command[0] === 'false');
    await plan(leader, { panel: 'b' });
    await reach('nothing', () => executor.now().length === 0);
  });

  it('K7: `stop` work waits for its former holder, and says for whom', async () => {
    await Promise.all([site.start('a'), site.start('b')]);
    const leader = await site.leader();
    await give(leader, ['single', { onSplit: 'stop' }]);
    await plan(leader, { single: 'b' });
    await plan(leader, { single: 'a' });
    const { executor, reach } = workOf(site.boxes.get('a') as Agreement);
    await reach('the wait', () => executor.now().join() === 'single/0: b may still run it: waiting until it lets go or its lease ends');
    const epoch = leader.state.holders()[0]?.epoch as number;
    await leader.propose({ type: 'release', workload: 'single', replica: 0, epoch, reason: 'stopped' });
    await reach('the start', () => executor.now().join() === 'single/0');
  });

  it('K7: a box that reaches nobody may not begin `stop` work once its lease ended; the rest goes on', async () => {
    await Promise.all([site.start('a'), site.start('b')]);
    const leader = await site.leader();
    await give(leader, ['single', { onSplit: 'stop' }], ['web']);
    await plan(leader, { single: 'a', web: 'a' });
    const { work, executor, reach } = workOf(site.boxes.get('a') as Agreement);
    await reach('both', () => executor.now().join() === 'single/0,web/0');
    site.network.cut('a', 'b');
    await reach('the end of the lease', () => executor.now()[0] === 'single/0: this box reaches no quorum and its lease has ended');
    assert.equal(executor.now()[1], 'web/0');
    assert.ok((executor.leases.at(-1) as number) <= site.clock.nowMs(), 'keepers were promised no more');
    await reach('isolation', () => work.isolated());
    site.network.heal();
    await reach('the lease', () => executor.now().join() === 'single/0,web/0');
    assert.equal(work.isolated(), false);
  });

  it('K7: tells keepers of a lease a few times per lease, not at every heartbeat', async () => {
    await Promise.all([site.start('a'), site.start('b')]);
    await site.leader();
    const { executor, reach } = workOf(site.boxes.get('a') as Agreement);
    const begun = site.clock.nowMs();
    await reach('five extensions', () => executor.leases.length >= 5);
    await reach('two leases more', () => site.clock.nowMs() - begun > 2 * leaseMs);
    const gaps = executor.leases.slice(1).map((at, index) => at - (executor.leases[index] as number));
    assert.ok(
      gaps.every((gap) => gap >= leaseMs / 20),
      `${gaps}`,
    );
  });

  it('P20: stages every artefact of the site, also of work placed elsewhere, once', async () => {
    await Promise.all([site.start('a'), site.start('b')]);
    const leader = await site.leader();
    const artefacts = [{ name: 'model', sha256: digest, bytes: 7 }];
    await give(leader, ['web', { artefacts }], ['panel', { artefacts }]);
    await plan(leader, { web: 'b' });
    const { work, executor, reach } = workOf(site.boxes.get('a') as Agreement);
    await reach('staging', () => executor.stagings.length > 0);
    for (let n = 0; n < 10; n += 1) work.check();
    assert.deepEqual(executor.stagings, [[{ sha256: digest, bytes: 7 }]]);
  });
});
