import assert from 'node:assert/strict';
import { Leader } from '../control/leader.ts';
import { ManualClock } from '../health/fixtures.ts';
import { SiteDouble, spec } from '../site-double.ts';

describe('boxes under maintenance', () => {
  const cordon = (site: SiteDouble, node: string, reason: string | null = 'its fan'): string => {
    const outcome = site.apply({ type: 'maintenanceSet', node, reason });
    return outcome.ok ? 'ok' : outcome.code;
  };

  it('R2: nothing lands there after the order, in whoever’s plan; what is there stays', () => {
    const site = new SiteDouble(new ManualClock(), { hasUpper: true });
    site.give(spec('web'), spec('panel'));
    site.plan({ 'web/0': 'a' }, 'upper');
    assert.equal(cordon(site, 'a'), 'ok');
    const refused = site.plan({ 'web/0': 'a', 'panel/0': 'a' }, 'upper');
    assert.equal(refused.ok || refused.code, 'STALE_INTENT');
    assert.match(refused.ok ? '' : refused.message, /panel\/0 to a, which is under maintenance/);
    assert.equal(site.plan({ 'web/0': 'a', 'panel/0': 'b' }, 'upper').ok, true);
    assert.deepEqual(site.where(), { 'panel/0': 'b', 'web/0': 'a' });
    site.become('autonomous');
    const { epoch, basisRevision } = site.state.authority();
    const local = { type: 'planCommit', by: 'local', authorityEpoch: epoch, basisRevision, provisional: true, plan: null } as const;
    const assignments = [{ workload: 'panel', replica: 0, node: 'a', class: 'hot' }] as const;
    const own = site.apply({ ...local, assignments, decision: {} });
    assert.equal(own.ok || own.code, 'STALE_PLAN');
    assert.equal(site.apply({ ...local, assignments }).ok, true, 'what is taken over from another site runs there already');
  });

  it('R2: the order is there until it is lifted, once; its reason may change', () => {
    const site = new SiteDouble(new ManualClock());
    assert.equal(cordon(site, 'a'), 'ok');
    const first = site.state.maintenance().get('a');
    assert.equal(cordon(site, 'a', 'its disk'), 'ok');
    assert.deepEqual(site.state.maintenance().get('a'), { reason: 'its disk', revision: first?.revision });
    assert.equal(cordon(site, 'a', null), 'ok');
    assert.equal(cordon(site, 'a', null), 'NOT_FOUND');
    for (let box = 0; box < 256; box += 1) assert.equal(cordon(site, `box-${box}`), 'ok');
    assert.equal(cordon(site, 'one-more'), 'STATE_FULL');
  });

  it('R2 P18: the leader plans around it, also when the order came while it planned', async () => {
    const leader = new Leader();
    leader.cordoned = () => new Set(leader.site.state.maintenance().keys());
    leader.site.give(spec('web', { requires: { nodes: ['a', 'b'] } }));
    leader.planner.held = true;
    await leader.round();
    const chosen = ['a', 'b'];
    for (const node of chosen) cordon(leader.site, node);
    leader.planner.held = false;
    leader.planner.release();
    await leader.round();
    assert.deepEqual(leader.site.where(), {});
    assert.match(leader.duty.unplaced()[0]?.reasons[0] ?? '', /CORDONED/);
    cordon(leader.site, 'b', null);
    await leader.round();
    assert.equal(leader.at('web/0'), 'b');
    assert.deepEqual(
      leader.decision?.triggers.map(({ kind, subject }) => `${kind} ${subject}`),
      ['maintenance b'],
    );
  });
});
