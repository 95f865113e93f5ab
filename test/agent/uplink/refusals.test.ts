import assert from 'node:assert/strict';
import { uplinkBytesMax } from '../../../agent/uplink/uplink-client.ts';
import { spec } from '../site-double.ts';
import { Child, Tiers } from './tiers.ts';

describe('what the link between tiers refuses', () => {
  let tiers: Tiers;
  beforeEach(async () => {
    tiers = new Tiers();
    tiers.upper.site.give(spec('web'));
    await tiers.connected();
  });
  afterEach(() => tiers.stop());
  const stateAbove = (): unknown => [...tiers.upper.site.state.rows()];

  it('D1: a report of another site than the sender’s, of boxes of another site, or by a box of no child site', async () => {
    const before = stateAbove();
    const report = tiers.mill.report();
    await assert.rejects(tiers.ask(tiers.mill, { ...report, site: 'other' }), /REPORT_INVALID: a belongs to site mill/);
    const [first] = report.nodes;
    const strange = { ...report, nodes: [{ ...first, topology: { ...first?.topology, site: 'plant' } }] };
    await assert.rejects(tiers.ask(tiers.mill, strange), /REPORT_INVALID: a belongs to site mill/);
    const member = new Child(tiers.clock, tiers.net, 'plant', ['up-2']);
    Object.assign(member.calls.self, { relation: 'member' });
    await assert.rejects(tiers.ask(member, member.report()), /not a box of a child site/);
    member.stop();
    assert.deepEqual(stateAbove(), before);
  });

  it('D1: a report that is too large, no JSON, or not of its schema', async () => {
    const before = stateAbove();
    const report = tiers.mill.report();
    await assert.rejects(tiers.ask(tiers.mill, new Uint8Array(uplinkBytesMax + 1)), /TOO_LARGE/);
    await assert.rejects(tiers.ask(tiers.mill, new TextEncoder().encode('{')), /REPORT_INVALID: the document is not JSON/);
    await assert.rejects(tiers.ask(tiers.mill, { ...report, extra: 1 }), /REPORT_INVALID: \/extra/);
    await assert.rejects(
      tiers.ask(tiers.mill, { ...report, authority: { ...report.authority, epoch: -1 } }),
      /REPORT_INVALID: \/authority\/epoch/,
    );
    assert.deepEqual(stateAbove(), before);
  });

  it('D1: a box of the upper site that does not lead says so', async () => {
    tiers.upper.site.lead(undefined);
    await assert.rejects(tiers.ask(tiers.mill, tiers.mill.report()), /NOT_LEADER/);
  });

  it('D1: an answer that is too large or not of its schema counts as none', async () => {
    const { mill } = tiers;
    const before = [...mill.site.state.rows()];
    for (const bad of [
      new Uint8Array(uplinkBytesMax + 1),
      new TextEncoder().encode('{"version":1}'),
      new TextEncoder().encode('nonsense'),
    ]) {
      mill.calls.tamper = () => bad;
      await tiers.pass(600);
      assert.equal(mill.client.view().connected, false);
    }
    assert.deepEqual([...mill.site.state.rows()], before);
    await tiers.until('autonomous', () => mill.mode === 'autonomous');
    mill.calls.tamper = (answer) => answer;
    await tiers.connected();
  });

  it('K7: intent older than the one in force, and an answer to a former authority', async () => {
    const { mill } = tiers;
    let kept: Uint8Array | undefined;
    mill.calls.tamper = (answer) => {
      kept = answer;
      return answer;
    };
    await tiers.until('an answer', () => kept !== undefined);
    const old = kept as Uint8Array;
    mill.calls.tamper = (answer) => answer;
    tiers.upper.site.give(spec('web', { replicas: 2 }));
    await tiers.until('the newer intent', () => Object.keys(mill.site.where()).length === 2);
    const basis = mill.site.state.authority().basisRevision;
    mill.calls.tamper = () => old;
    await tiers.pass(1000);
    assert.equal(mill.site.state.authority().basisRevision, basis);
    assert.ok(mill.site.applied.some(({ outcome }) => !outcome.ok && outcome.code === 'STALE_INTENT'));
    mill.site.become('autonomous');
    const { epoch } = mill.site.state.authority();
    await tiers.pass(1000);
    assert.equal(mill.site.state.authority().epoch, epoch, 'what answers another epoch moves nothing');
  });

  it('K7: a name two sites use for different things: each goes on with its own', async () => {
    const two = new Tiers({ mill: ['a', 'b'], forge: ['x', 'y'] });
    const [mill, forge] = two.children as [Child, Child];
    for (const site of [mill, forge]) {
      site.calls.link = 'cut';
      await two.until('autonomous', () => site.mode === 'autonomous');
      site.site.give(spec('panel'), spec(`${site.site.site}-own`));
      await two.until('placed', () => site.running('panel').length === 1);
      site.calls.link = 'up';
      await two.connected();
    }
    await two.pass(3000);
    assert.equal(mill.running('panel').length, 1);
    assert.equal(forge.running('panel').length, 1);
    assert.deepEqual([two.running('mill-own').length, two.running('forge-own').length], [1, 1]);
    assert.deepEqual(forge.rejoined.at(-1), { valid: 2, moved: 0, invalid: 0 });
    const applied = two.upper.site.applied.length + mill.site.applied.length + forge.site.applied.length;
    await two.pass(5000);
    assert.equal(two.upper.site.applied.length + mill.site.applied.length + forge.site.applied.length, applied, 'and all is quiet');
    two.stop();
  });
});
