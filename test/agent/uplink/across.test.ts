import assert from 'node:assert/strict';
import type { Decision } from '../../../schemas/generated/types.ts';
import { spec } from '../site-double.ts';
import { type Child, Tiers } from './tiers.ts';

describe('work that crosses tiers', () => {
  let tiers: Tiers;
  afterEach(() => tiers.stop());
  const only = (...nodes: string[]) => spec('single', { onSplit: 'stop', requires: { nodes } });
  const runs = (node: string) => tiers.until(`on ${node}`, () => tiers.running('single').join() === node);
  const atMostOne = (): void => {
    for (const tier of [tiers.upper, ...tiers.children])
      tier.site.onApplied(() => assert.ok(tiers.running('single').length <= 1, `two copies: ${tiers.running('single')}`));
  };

  it('K7: `stop` work moves down to a site, up again, and never runs twice', async () => {
    tiers = new Tiers();
    atMostOne();
    for (const node of ['up-1', 'a', 'up-2', 'b', 'c', 'up-1']) {
      tiers.upper.site.give(only(node));
      await runs(node);
    }
    await tiers.until('nobody is waited for', () => tiers.upper.site.state.holders().length === 0);
  });

  it('K7: `stop` work moves from one site to another through the upper site, and never runs twice', async () => {
    tiers = new Tiers({ mill: ['a', 'b'], forge: ['x', 'y'] });
    await tiers.connected();
    atMostOne();
    for (const node of ['a', 'x', 'b', 'y', 'a']) {
      tiers.upper.site.give(only(node));
      await runs(node);
    }
  });

  it('K7: a workload that is changed above is changed below, though nothing moves; one deleted above ends below', async () => {
    tiers = new Tiers();
    const given = (command: string) => spec('single', { command: [command], requires: { nodes: ['b'] } });
    const below = (): string | undefined => tiers.mill.site.state.workload('single')?.spec.command[0];
    for (const command of ['first', 'second']) {
      tiers.upper.site.give(given(command));
      await tiers.until(`the site has the ${command}`, () => below() === command);
    }
    await runs('b');
    const why = tiers.mill.site.state.plan()?.decision as Decision | undefined;
    assert.deepEqual(why?.triggers, [{ kind: 'workload', subject: 'single', detail: 'was changed' }], 'P18: and the site knows why');
    assert.equal(why.by, 'up-1');
    tiers.upper.site.apply({ type: 'workloadDelete', name: 'single' });
    await tiers.until('it is gone below', () => below() === undefined && tiers.running('single').length === 0);
  });

  it('K7: a box that may have been given the work by an answer still on its way is waited for', async () => {
    tiers = new Tiers({ mill: ['a', 'b'], forge: ['x', 'y'] });
    const [mill] = tiers.children as [Child];
    await tiers.connected();
    atMostOne();
    // The mill takes what it is told, but its own decision takes a while.
    mill.site.held = true;
    tiers.upper.site.give(only('a'));
    await tiers.until('told', () => mill.site.inFlight.length > 0);
    tiers.upper.site.give(only('x'));
    await tiers.pass(1500);
    assert.deepEqual(tiers.running('single'), []);
    mill.site.held = false;
    mill.site.commit();
    await runs('x');
  });

  it('K7: a site’s own work that the upper site places in another site runs there', async () => {
    tiers = new Tiers({ mill: ['a', 'b'], forge: ['x', 'y'] });
    const [mill, forge] = tiers.children as [Child, Child];
    await tiers.connected();
    mill.site.give(spec('guest', { requires: { nodes: ['x'] } }));
    await tiers.until('it runs', () => forge.running('guest').length === 1);
    mill.site.apply({ type: 'workloadDelete', name: 'guest' });
    await tiers.until('it ended', () => forge.site.state.workload('guest') === undefined);
  });

  it('K7: a copy made in a site does not end the one that runs in another site in touch', async () => {
    tiers = new Tiers({ mill: ['a', 'b'], forge: ['x', 'y'] });
    const [mill, forge] = tiers.children as [Child, Child];
    await tiers.connected();
    tiers.upper.site.give(spec('web', { requires: { nodes: ['a', 'x'] } }));
    mill.dead.add('a');
    await tiers.until('in the forge', () => forge.running('web').length === 1);
    const epoch = forge.site.state.placement('web', 0)?.epoch;
    mill.calls.link = 'cut';
    mill.dead.clear();
    await tiers.until('a copy in the mill', () => mill.running('web').length === 1);
    mill.calls.link = 'up';
    await tiers.connected();
    assert.deepEqual(tiers.running('web'), ['x']);
    assert.equal(forge.site.state.placement('web', 0)?.epoch, epoch);
    assert.deepEqual(mill.rejoined.at(-1), { valid: 0, moved: 1, invalid: 0 });
  });
});

describe('an upper site that lost its memory', () => {
  it('K7: what it gave goes on as the site’s own, and its new decisions are taken', async () => {
    const tiers = new Tiers();
    tiers.upper.site.give(spec('web'), spec('single', { onSplit: 'stop', requires: { nodes: ['a', 'b'] } }));
    await tiers.connected();
    for (let n = 0; n < 20; n += 1) {
      tiers.upper.site.give(spec('web', { replicas: 1 + (n % 2) }));
      await tiers.connected();
    }
    await tiers.pass(1000);
    const before = tiers.mill.site.state.placements().map(({ workload, replica, node, epoch }) => ({ workload, replica, node, epoch }));
    const basis = tiers.mill.site.state.authority().basisRevision;
    tiers.wipeUpper();
    await tiers.connected();
    assert.ok(tiers.mill.site.state.authority().basisRevision < basis, 'revisions count anew');
    assert.deepEqual(
      tiers.mill.site.state.placements().map(({ workload, replica, node, epoch }) => ({ workload, replica, node, epoch })),
      before,
    );
    assert.equal(tiers.upper.site.state.workload('web')?.origin, 'child:mill');
    tiers.upper.site.give(spec('new'));
    await tiers.until('the new one runs', () => tiers.running('new').length === 1);
    tiers.stop();
  });

  it('K7: boxes of one upper site name one log, whoever leads', async () => {
    const tiers = new Tiers();
    await tiers.connected();
    tiers.upper.changeLeader();
    tiers.upper.site.apply({ type: 'nameLog', name: 'another' });
    const { epoch } = tiers.mill.site.state.authority();
    await tiers.pass(2000);
    assert.equal(tiers.upper.site.state.logName(), 'log-1');
    assert.equal(tiers.mill.site.state.authority().epoch, epoch);
    tiers.stop();
  });
});
