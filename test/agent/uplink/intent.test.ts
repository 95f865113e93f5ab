import assert from 'node:assert/strict';
import { composeIntent, stillHolds } from '../../../agent/uplink/intent.ts';
import type { UplinkReport } from '../../../schemas/generated/types.ts';
import { ManualClock } from '../health/fixtures.ts';
import { box, SiteDouble, spec } from '../site-double.ts';

const single = { workload: 'single', replica: 0 };
type Placed = UplinkReport['placements'][number];

function placed(node: string, awaiting: string | null = null, workload = 'single'): Placed {
  const waits = awaiting === null ? null : { node: awaiting, epoch: 1 };
  return { workload, replica: 0, node, class: 'hot', epoch: 9, provisional: false, basisRevision: 0, awaiting: waits };
}

function report(more: Partial<UplinkReport> = {}): UplinkReport {
  return {
    version: 1,
    site: 'mill',
    authority: { mode: 'connected', epoch: 2, basisRevision: 5 },
    nodes: [box('a'), box('b')],
    absent: ['c'],
    specs: [],
    placements: [],
    holders: [],
    ...more,
  };
}

describe('whether a site still holds what was taken away from it', () => {
  const holds = (more: Partial<UplinkReport>, node = 'b', since = 5): boolean | undefined => stillHolds(report(more), node, single, since);

  it('K7: it does while it has it there, and while it waits for another box of its own', () => {
    assert.equal(holds({ placements: [placed('b')] }), true);
    assert.equal(holds({ placements: [placed('a')] }), false);
    assert.equal(holds({ holders: [{ ...single, node: 'b' }] }), true);
    assert.equal(holds({ holders: [{ ...single, node: 'a' }] }), true, 'it was on a before it was on b, and may be there yet');
    assert.equal(holds({ holders: [{ ...single, node: 'c' }] }), true, 'absent boxes are its own');
    assert.equal(holds({ holders: [{ ...single, node: 'cloud-1' }] }), false, 'boxes of other tiers are waited for elsewhere');
    assert.equal(holds({ holders: [{ ...single, replica: 1, node: 'b' }] }), false);
  });

  it('K7: nobody knows before it has taken the plan that took it away, nor for boxes of others', () => {
    assert.equal(holds({}, 'b', 6), undefined);
    assert.equal(holds({}, 'x'), undefined);
    assert.equal(holds({}, 'c'), false);
  });
});

describe('what an upper site tells a child site to run', () => {
  const upper = (): SiteDouble => new SiteDouble(new ManualClock(), { site: 'plant', members: ['up-1'] });
  const told = (site: SiteDouble, more: Partial<UplinkReport> = {}): unknown => {
    const intent = composeIntent(report(more), site.state);
    return intent && [intent.specs.map(({ name }) => name), intent.assignments.map(({ workload, node }) => `${workload} ${node}`)];
  };

  it('K7: nothing before there is a plan', () => {
    assert.equal(told(upper()), null);
  });

  it('K7: its own work, the site’s work, and no other site’s unless it was placed here', () => {
    const site = upper();
    site.give(spec('web'));
    for (const name of ['mill', 'forge'])
      site.apply({ type: 'workloadsApply', origin: `child:${name}`, specs: [spec(`${name}-own`), spec(`${name}-guest`)], replace: true });
    site.plan({ 'web/0': 'up-1', 'mill-own/0': 'a', 'mill-guest/0': 'x', 'forge-own/0': 'x', 'forge-guest/0': 'b' });
    assert.deepEqual(told(site, { specs: [spec('mill-own'), spec('mill-guest')] }), [
      ['forge-guest', 'web'],
      ['forge-guest b', 'mill-guest x', 'mill-own a', 'web up-1'],
    ]);
  });

  it('K7: a name that means something else there stays as the site has it', () => {
    const site = upper();
    site.give(spec('panel'), spec('web'));
    site.plan({ 'panel/0': 'up-1', 'web/0': 'b' });
    assert.deepEqual(told(site, { specs: [spec('panel')], placements: [placed('a', null, 'panel'), placed('b', null, 'web')] }), [
      ['web'],
      ['web b', 'panel a'],
    ]);
  });

  it('K7: `stop` work only when nobody is waited for, or when the site itself sees to that', () => {
    const site = upper();
    site.give(spec('single', { onSplit: 'stop' }));
    site.plan({ 'single/0': 'a' });
    site.plan({ 'single/0': 'b' });
    const [withheld, handed] = [
      [['single'], []],
      [['single'], ['single b']],
    ];
    assert.deepEqual(told(site), withheld);
    assert.deepEqual(told(site, { placements: [placed('a')] }), withheld);
    assert.deepEqual(told(site, { placements: [placed('b')] }), handed, 'it runs there: leaving it out would end it');
    assert.deepEqual(told(site, { placements: [placed('b', 'a')] }), handed, 'the site waits for a itself');
    assert.deepEqual(told(site, { placements: [placed('b', 'cloud-1')] }), withheld, 'nobody there could wait for a box of this tier');
    site.apply({ type: 'release', ...single, epoch: 2, reason: 'stopped' });
    assert.deepEqual(told(site), handed);
  });
});
