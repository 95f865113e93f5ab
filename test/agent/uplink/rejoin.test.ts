import assert from 'node:assert/strict';
import type { UplinkReport } from '../../../schemas/generated/types.ts';
import { settled, spec } from '../site-double.ts';
import { Tiers } from './tiers.ts';

/** The link is cut and the site decides alone. */
async function alone(tiers: Tiers): Promise<void> {
  tiers.mill.calls.link = 'cut';
  await tiers.until('autonomous', () => tiers.mill.mode === 'autonomous');
}

async function back(tiers: Tiers): Promise<void> {
  tiers.mill.calls.link = 'up';
  await tiers.connected();
}

describe('a site that comes back', () => {
  let tiers: Tiers;
  const epochOf = (workload: string) => tiers.mill.site.state.placement(workload, 0)?.epoch;
  const start = async (...specs: Parameters<Tiers['upper']['site']['give']>): Promise<void> => {
    tiers = new Tiers();
    tiers.upper.site.give(...specs);
    await tiers.connected();
  };
  afterEach(() => tiers.stop());

  it('K7: keeps what it decided alone: work that moved off a dead box stays where it runs', async () => {
    await start(spec('web', { requires: { nodes: ['a', 'b', 'c'] } }));
    const first = tiers.mill.site.where()['web/0'] as string;
    await alone(tiers);
    tiers.mill.dead.add(first);
    await tiers.until('moved', () => tiers.running('web').length === 1 && tiers.running('web')[0] !== first);
    const [ran] = tiers.running('web');
    const epoch = epochOf('web');
    assert.equal(tiers.mill.site.state.placement('web', 0)?.provisional, true);
    await back(tiers);
    assert.deepEqual(tiers.running('web'), [ran]);
    assert.equal(epochOf('web'), epoch, 'the same epoch: the same process');
    assert.equal(tiers.mill.site.state.placement('web', 0)?.provisional, false);
    assert.equal(tiers.upper.site.where()['web/0'], ran);
    assert.deepEqual(tiers.mill.rejoined.at(-1), { valid: 1, moved: 0, invalid: 0 });
  });

  it('K7: `stop` work that moved while the site was alone goes on without a pause', async () => {
    await start(spec('single', { onSplit: 'stop', requires: { nodes: ['a', 'b', 'c'] } }));
    const first = tiers.running('single')[0] as string;
    await alone(tiers);
    tiers.mill.dead.add(first);
    await tiers.until('moved', () => tiers.running('single').length === 1 && tiers.running('single')[0] !== first);
    const epoch = epochOf('single');
    tiers.mill.site.onApplied(() => assert.equal(epochOf('single'), epoch));
    await back(tiers);
    await tiers.until('settled above', () => tiers.upper.site.state.holders().length === 0);
    assert.equal(epochOf('single'), epoch);
  });

  it('K7: a dead box nothing is known of any more does not keep its `stop` work waiting for ever', async () => {
    await start(spec('single', { onSplit: 'stop', requires: { nodes: ['a', 'b', 'c'] } }));
    const first = tiers.running('single')[0] as string;
    const { mill } = tiers;
    mill.dead.add(first);
    mill.absent.push(first);
    await tiers.until('it runs elsewhere', () => tiers.running('single').length === 1);
    assert.notEqual(tiers.running('single')[0], first);
  });

  it('K7: its copy of what the upper site ran all the while is moved', async () => {
    await start(spec('web', { requires: { nodes: ['up-1', 'a', 'b'] } }));
    tiers.mill.dead.add('a').add('b');
    await tiers.until('up', () => tiers.running('web')[0] === 'up-1');
    await alone(tiers);
    tiers.mill.dead.clear();
    await tiers.until('a copy here', () => tiers.mill.running('web').length === 1);
    await back(tiers);
    assert.deepEqual(tiers.running('web'), ['up-1']);
    assert.deepEqual(tiers.mill.rejoined.at(-1), { valid: 0, moved: 1, invalid: 0 });
  });

  it('K7: what was deleted above meanwhile is invalid, and ends', async () => {
    await start(spec('web'), spec('gone'));
    await alone(tiers);
    tiers.upper.site.apply({ type: 'workloadDelete', name: 'gone' });
    await back(tiers);
    assert.deepEqual(tiers.mill.rejoined.at(-1), { valid: 1, moved: 0, invalid: 1 });
    assert.equal(tiers.mill.site.state.workload('gone'), undefined);
    assert.deepEqual(tiers.running('gone'), []);
  });

  it('K7: what its operator gave it while alone is taken over as it runs, and leaves with its word', async () => {
    await start(spec('web'));
    await alone(tiers);
    tiers.mill.site.give(spec('own'));
    await tiers.until('placed', () => tiers.mill.running('own').length === 1);
    const epoch = epochOf('own');
    await back(tiers);
    assert.equal(tiers.upper.site.state.workload('own')?.origin, 'child:mill');
    assert.equal(epochOf('own'), epoch);
    tiers.mill.site.apply({ type: 'workloadDelete', name: 'own' });
    await tiers.until('gone above', () => tiers.upper.site.state.workload('own') === undefined);
  });

  it('K7: is planned for only after its decisions are taken over: the upper site does not act on the first report', async () => {
    await start(spec('web', { requires: { nodes: ['a', 'b', 'up-2'] } }));
    const first = tiers.running('web')[0] as string;
    await alone(tiers);
    tiers.mill.dead.add(first);
    await tiers.until('moved', () => tiers.mill.running('web').length === 1);
    const epoch = epochOf('web');
    const { state } = tiers.upper.site;
    const places = new Set<string | undefined>();
    tiers.upper.site.onApplied(() => places.add(state.placement('web', 0)?.node));
    // Slow disks above: every decision takes a while, and plans are quick.
    tiers.upper.site.held = true;
    tiers.mill.calls.link = 'up';
    for (let n = 0; n < 30; n += 1) {
      await tiers.pass(90);
      tiers.upper.site.commit();
    }
    tiers.upper.site.held = false;
    await tiers.connected();
    assert.equal(epochOf('web'), epoch);
    assert.deepEqual(
      [...places].filter((node) => node !== first),
      [tiers.mill.site.where()['web/0']],
    );
  });

  it('K7: a plan the upper site had under way does not undo what it adopted', async () => {
    await start(spec('web', { requires: { nodes: ['a', 'b', 'c'] } }));
    const first = tiers.running('web')[0] as string;
    await alone(tiers);
    tiers.mill.dead.add(first);
    await tiers.until('moved', () => tiers.mill.running('web').length === 1);
    const [ran] = tiers.mill.running('web');
    const epoch = epochOf('web');
    tiers.upper.planner.held = true;
    tiers.upper.site.give(spec('late'));
    await tiers.until('a plan under way', () => tiers.upper.planner.inputs.at(-1)?.specs.length === 2);
    // Its answer is on its way when the site's decisions come in.
    tiers.upper.site.held = true;
    tiers.upper.planner.held = false;
    tiers.upper.planner.release();
    await tiers.pass(20);
    tiers.mill.calls.link = 'up';
    await tiers.pass(500);
    tiers.upper.site.held = false;
    const outcomes = tiers.upper.site.commit();
    await tiers.connected();
    assert.ok(
      outcomes.some((outcome) => !outcome.ok && outcome.code === 'STALE_PLAN'),
      'one of the two was refused',
    );
    assert.equal(tiers.mill.site.where()['web/0'], ran);
    assert.equal(epochOf('web'), epoch);
    await tiers.until('the late one too', () => tiers.running('late').length === 1);
  });

  it('K7: is revalidated once per absence, and served again at the next', async () => {
    await start(spec('web'));
    for (let n = 1; n <= 3; n += 1) {
      await alone(tiers);
      await back(tiers);
      assert.equal(
        tiers.upper.log.events.filter((event) => event === 'uplink.site.revalidated').length,
        n + 1,
        'the first contact is one too',
      );
    }
  });

  it('K7: is served by an upper leader that knows nothing of the first half of it', async () => {
    await start(spec('web', { requires: { nodes: ['a', 'b'] } }));
    const first = tiers.running('web')[0] as string;
    await alone(tiers);
    tiers.mill.dead.add(first);
    await tiers.until('moved', () => tiers.mill.running('web').length === 1);
    const epoch = epochOf('web');
    tiers.mill.calls.link = 'up';
    await tiers.until('adopted', () => tiers.upper.site.where()['web/0'] !== first);
    tiers.upper.changeLeader();
    await tiers.connected();
    assert.equal(epochOf('web'), epoch);
  });
});

describe('an upper leader that another one follows while it takes over what a site decided', () => {
  let tiers: Tiers;
  let first: string;
  /** What the site reports when it is back: work that moved, and some of its own. */
  let report: UplinkReport;
  let before: unknown;
  let known: unknown;
  const above = (): unknown => [...tiers.upper.site.state.rows()];
  const refused = { name: 'ConsensusError', code: 'NOT_LEADER', definite: true };
  /** It took nothing and remembers nothing. */
  function tookNothing(): void {
    const { server, log } = tiers.upper;
    assert.equal(server.reports().get('mill'), known);
    assert.ok(server.settled());
    assert.equal(log.events.filter((event) => event === 'uplink.site.revalidated').length, 1, 'the first contact');
    assert.equal(tiers.upper.site.where()['web/0'], first);
  }
  beforeEach(async () => {
    tiers = new Tiers();
    tiers.upper.site.give(spec('web', { requires: { nodes: ['a', 'b'] } }));
    await tiers.connected();
    const { mill } = tiers;
    first = tiers.running('web')[0] as string;
    await alone(tiers);
    mill.site.give(spec('own'));
    mill.dead.add(first);
    await tiers.until('moved', () => mill.running('web').length === 1 && mill.running('own').length === 1);
    const now = mill.report();
    report = { ...now, authority: { ...now.authority, mode: 'rejoining', epoch: now.authority.epoch + 1 } };
    mill.calls.link = 'up';
    before = above();
    known = tiers.upper.server.reports().get('mill');
  });
  afterEach(() => tiers.stop());

  for (const [what, since] of [
    ['leads no more', () => undefined],
    ['leads again', () => tiers.clock.nowMs()],
  ] as const) {
    it(`K7: and ${what}: takes none of the site’s own work`, async () => {
      const { site } = tiers.upper;
      site.held = true;
      const asked = assert.rejects(tiers.ask(tiers.mill, report), refused);
      await settled();
      assert.deepEqual(
        site.inFlight.map(({ command }) => command.type),
        ['workloadsApply'],
      );
      site.lead(since());
      site.commit();
      await asked;
      assert.deepEqual(above(), before);
      tookNothing();
    });

    it(`K7: and ${what}: accepts no placement, and gives no verdict until the one that leads has`, async () => {
      const { site } = tiers.upper;
      site.apply({ type: 'workloadsApply', origin: 'child:mill', specs: report.specs, replace: true });
      before = above();
      site.held = true;
      const asked = assert.rejects(tiers.ask(tiers.mill, report), refused);
      await settled();
      assert.deepEqual(
        site.inFlight.map(({ command }) => command.type),
        ['planCommit'],
      );
      site.lead(since());
      site.commit();
      await asked;
      assert.deepEqual(above(), before);
      tookNothing();
      site.lead(tiers.clock.nowMs());
      site.held = false;
      const { verdicts } = await tiers.ask(tiers.mill, report);
      assert.deepEqual(
        verdicts.map(({ workload, verdict }) => `${workload} ${verdict}`),
        ['own valid', 'web valid'],
      );
      assert.notEqual(site.where()['web/0'], first);
    });

    it(`K7: and ${what}: accepts no placement after it took the site’s own work`, async () => {
      const { site } = tiers.upper;
      let isOver = false;
      site.onApplied(() => {
        if (!isOver) site.lead(since());
        isOver = true;
      });
      const at = site.applied.length;
      await assert.rejects(tiers.ask(tiers.mill, report), refused);
      assert.deepEqual(
        site.applied.slice(at).map(({ command }) => command.type),
        ['workloadsApply'],
      );
      tookNothing();
    });
  }

  it('K7: takes no work of a site it heard before its log had a name', async () => {
    tiers.wipeUpper();
    const { site, server } = tiers.upper;
    site.held = true;
    const asked = assert.rejects(tiers.ask(tiers.mill, report), refused);
    await settled();
    site.lead(tiers.clock.nowMs());
    site.held = false;
    assert.equal(site.commit().length, 1);
    assert.equal(site.state.logName(), 'log-2', 'that is the same, whoever leads');
    await asked;
    assert.deepEqual(site.state.workloads(), []);
    assert.equal(server.reports().size, 0);
  });
});
