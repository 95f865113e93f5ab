import assert from 'node:assert/strict';
import { type Command, type Envelope, encodeEnvelope, type Outcome } from '../../../agent/state/commands.ts';
import { SiteState } from '../../../agent/state/site-state.ts';
import { type Entry, logIndex, term } from '../../../consensus/core/types.ts';
import type { WorkloadSpec } from '../../../schemas/generated/types.ts';

class Site {
  readonly state: SiteState;
  #index = 0;
  constructor(hasUpper = false) {
    this.state = new SiteState(hasUpper);
  }
  raw(data: Uint8Array): Outcome {
    this.#index += 1;
    const entry: Entry = { term: term(1), index: logIndex(this.#index), kind: 'command', origin: undefined, data };
    return this.state.apply(entry).result as Outcome;
  }
  send(envelope: Envelope): Outcome {
    return this.raw(encodeEnvelope(envelope));
  }
  do(command: Command): Outcome {
    return this.send({ command });
  }
  plan(assignments: readonly [workload: string, node: string][], by: 'local' | 'upper' = 'local'): Outcome {
    const { epoch, basisRevision } = this.state.authority();
    return this.do({
      type: 'planCommit',
      by,
      authorityEpoch: epoch,
      basisRevision,
      provisional: false,
      plan: null,
      assignments: assignments.map(([workload, node]) => ({ workload, replica: 0, node, class: 'hot' as const })),
    });
  }
}

const spec = (name: string, onSplit: 'keep' | 'stop' = 'keep'): WorkloadSpec => ({
  name,
  kind: 'service',
  command: ['true'],
  resources: { memoryMiB: 1 },
  onSplit,
});
const apply = (...specs: WorkloadSpec[]): Command => ({ type: 'workloadsApply', origin: 'site', specs, replace: false });

function codeOf(outcome: Outcome): string {
  return outcome.ok ? 'ok' : outcome.code;
}

describe('the replicated state', () => {
  it('keeps values with the revision of their last change, and compares before it sets', () => {
    const site = new Site();
    assert.deepEqual(site.do({ type: 'kvPut', key: 'colour', value: 'red' }), { ok: true, revision: 1 });
    assert.deepEqual(site.state.kv('colour'), { value: 'red', revision: 1 });
    assert.equal(codeOf(site.do({ type: 'kvPut', key: 'colour', value: 'blue', expectRevision: 7 })), 'REVISION_CONFLICT');
    assert.equal(site.state.kv('colour')?.value, 'red');
    assert.equal(codeOf(site.do({ type: 'kvPut', key: 'colour', value: 'blue', expectRevision: 1 })), 'ok');
    assert.equal(codeOf(site.do({ type: 'kvDelete', key: 'size' })), 'NOT_FOUND');
    assert.equal(codeOf(site.do({ type: 'kvDelete', key: 'colour' })), 'ok');
    assert.equal(site.state.kv('colour'), undefined);
  });

  it('answers bytes that are no command with a code and changes nothing', () => {
    const site = new Site();
    const before = [...site.state.rows()];
    for (const text of [
      '',
      '{',
      'null',
      '{"command":{}}',
      '{"command":{"type":"constructor"}}',
      '{"command":{"type":"kvPut","key":1}}',
      '{"command":{"type":"planCommit"}}',
      '{"request":{},"command":{"type":"workloadDelete","name":"x"}}',
      '{"idempotencyKey":7,"command":{"type":"workloadDelete","name":"x"}}',
      '{"command":{"type":"kvTxn","guards":[],"operations":[{"type":"put","key":"x"}]}}',
      '{"command":{"type":"kvTxn","guards":[{"session":null,"key":"x","value":"y"}],"operations":[]}}',
      '{"command":{"type":"kvTxn","operations":[]}}',
    ]) {
      assert.equal(codeOf(site.raw(new TextEncoder().encode(text))), 'BAD_COMMAND', text);
    }
    assert.equal(codeOf(site.raw(Uint8Array.of(0xff, 0xfe))), 'BAD_COMMAND');
    assert.deepEqual([...site.state.rows()], before);
  });

  it('gives a replica a new epoch only when its box changes', () => {
    const site = new Site();
    site.do(apply(spec('web')));
    site.plan([['web', 'a']]);
    const first = site.state.placement('web', 0);
    site.plan([['web', 'a']]);
    assert.equal(site.state.placement('web', 0)?.epoch, first?.epoch);
    site.plan([['web', 'b']]);
    assert.ok((site.state.placement('web', 0)?.epoch ?? 0) > (first?.epoch ?? 0));
    assert.equal(site.state.placement('web', 0)?.awaiting, null, 'keep work waits for nobody');
  });

  it('lets a stop replica wait until its former holder let go, over several moves', () => {
    const site = new Site();
    site.do(apply(spec('guard', 'stop')));
    site.plan([['guard', 'a']]);
    const held = site.state.placement('guard', 0)?.epoch ?? -1;
    site.plan([['guard', 'b']]);
    assert.deepEqual(site.state.placement('guard', 0)?.awaiting, { node: 'a', epoch: held });
    site.plan([['guard', 'c']]);
    assert.deepEqual(
      site.state.placement('guard', 0)?.awaiting,
      { node: 'a', epoch: held },
      'b never ran it: a is still the one to wait for',
    );
    assert.equal(codeOf(site.do({ type: 'release', workload: 'guard', replica: 0, epoch: held + 1, reason: 'operator' })), 'NOT_FOUND');
    assert.equal(codeOf(site.do({ type: 'release', workload: 'guard', replica: 0, epoch: held, reason: 'lease-ended' })), 'ok');
    assert.equal(site.state.placement('guard', 0)?.awaiting, null);
  });

  it('remembers the holder of a deleted stop workload, so that its successor waits too', () => {
    const site = new Site();
    site.do(apply(spec('guard', 'stop')));
    site.plan([['guard', 'a']]);
    site.do({ type: 'workloadDelete', name: 'guard' });
    assert.equal(site.state.holders().length, 1);
    site.do(apply(spec('guard', 'stop')));
    site.plan([['guard', 'b']]);
    assert.equal(site.state.placement('guard', 0)?.awaiting?.node, 'a');
  });

  it('K7: says of each placement asked about whether it is valid, moved or invalid', () => {
    const site = new Site();
    site.do(apply(spec('web'), spec('db')));
    site.plan([
      ['web', 'a'],
      ['db', 'b'],
    ]);
    const epoch = site.state.placement('web', 0)?.epoch ?? -1;
    const verdicts = site.state.revalidate('a', [
      { workload: 'web', replica: 0, epoch },
      { workload: 'web', replica: 0, epoch: epoch - 1 },
      { workload: 'db', replica: 0, epoch },
      { workload: 'gone', replica: 0, epoch },
    ]);
    assert.deepEqual(
      verdicts.map(({ verdict }) => verdict),
      ['valid', 'moved', 'moved', 'invalid'],
    );
  });

  it('refuses a plan made under another authority, and intent older than the one in force', () => {
    const site = new Site(true);
    site.do(apply(spec('web')));
    assert.equal(codeOf(site.plan([['web', 'a']])), 'STALE_AUTHORITY', 'the upper site decides while it is connected');
    const intent = (basisRevision: number): Outcome =>
      site.do({
        type: 'planCommit',
        by: 'upper',
        authorityEpoch: site.state.authority().epoch,
        basisRevision,
        provisional: false,
        assignments: [{ workload: 'web', replica: 0, node: 'a', class: 'hot' }],
        plan: null,
      });
    assert.equal(codeOf(intent(9)), 'ok');
    assert.equal(codeOf(intent(8)), 'STALE_INTENT');
    assert.equal(codeOf(site.do({ type: 'authority', mode: 'autonomous', fromEpoch: 0 })), 'ok');
    assert.equal(codeOf(site.do({ type: 'authority', mode: 'rejoining', fromEpoch: 0 })), 'STALE_AUTHORITY');
    assert.equal(codeOf(intent(10)), 'STALE_AUTHORITY');
    assert.equal(codeOf(site.plan([['web', 'b']])), 'ok');
  });

  it('K7: refuses a plan that started from another plan than the one in force', () => {
    const site = new Site();
    site.do(apply(spec('web')));
    const plan = (node: string, expectPlan: number): Outcome =>
      site.do({
        type: 'planCommit',
        by: 'local',
        authorityEpoch: 0,
        basisRevision: 0,
        expectPlan,
        provisional: false,
        assignments: [{ workload: 'web', replica: 0, node, class: 'hot' }],
        plan: null,
      });
    assert.equal(codeOf(plan('a', 1)), 'STALE_PLAN', 'there is none yet');
    const first = plan('a', 0);
    assert.equal(codeOf(first), 'ok');
    assert.equal(codeOf(plan('b', 0)), 'STALE_PLAN');
    assert.equal(site.state.placement('web', 0)?.node, 'a');
    assert.equal(codeOf(plan('b', first.revision)), 'ok');
  });

  it('leaves out assignments of workloads and replicas the state does not know', () => {
    const site = new Site();
    site.do(apply(spec('web')));
    site.do({
      type: 'planCommit',
      by: 'local',
      authorityEpoch: 0,
      basisRevision: 0,
      provisional: false,
      plan: null,
      assignments: [
        { workload: 'web', replica: 3, node: 'a', class: 'hot' },
        { workload: 'ghost', replica: 0, node: 'a', class: 'hot' },
      ],
    });
    assert.deepEqual(site.state.placements(), []);
  });

  it('protects a name given by one origin from another, and replaces an origin as a whole', () => {
    const site = new Site();
    site.do(apply(spec('web')));
    assert.equal(codeOf(site.do({ type: 'workloadsApply', origin: 'upper', specs: [spec('web')], replace: true })), 'NAME_TAKEN');
    site.do({ type: 'workloadsApply', origin: 'upper', specs: [spec('db'), spec('log')], replace: true });
    site.do({ type: 'workloadsApply', origin: 'upper', specs: [spec('log')], replace: true });
    assert.deepEqual(
      site.state.workloads().map((row) => row.spec.name),
      ['log', 'web'],
    );
  });

  it('K7: names its log once, and tells another log of the upper site from a newer revision', () => {
    const upper = new Site();
    assert.equal(upper.state.logName(), undefined);
    upper.do({ type: 'nameLog', name: 'first' });
    upper.do({ type: 'nameLog', name: 'second' });
    assert.equal(upper.state.logName(), 'first');

    const site = new Site(true);
    const rejoin = (basisLog: string): Outcome => {
      const { epoch } = site.state.authority();
      return site.do({ type: 'authority', mode: 'rejoining', fromEpoch: epoch, basisLog });
    };
    const intent = (basisRevision: number): Outcome =>
      site.do({
        type: 'planCommit',
        by: 'upper',
        authorityEpoch: site.state.authority().epoch,
        basisRevision,
        provisional: false,
        plan: null,
        assignments: [{ workload: 'web', replica: 0, node: 'a', class: 'hot' }],
      });
    rejoin('first');
    site.do({ type: 'workloadsApply', origin: 'upper', specs: [spec('web')], replace: true });
    intent(70);
    const before = site.state.placements();
    rejoin('first');
    assert.deepEqual(site.state.authority(), { mode: 'rejoining', epoch: 1, basisRevision: 70, basisLog: 'first' });
    assert.equal(site.state.workload('web')?.origin, 'upper');

    rejoin('other');
    assert.deepEqual(site.state.authority(), { mode: 'rejoining', epoch: 2, basisRevision: 0, basisLog: 'other' });
    assert.equal(site.state.workload('web')?.origin, 'site', 'what a lost upper site gave is the site’s own');
    assert.deepEqual(site.state.placements(), before);
    assert.equal(codeOf(intent(3)), 'ok');
  });

  it('comes out of its own rows byte for byte, and its changes add up to its rows', () => {
    const site = new Site();
    const rows = new Map<string, string>();
    const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    let index = 100;
    const commands: Command[] = [
      apply(spec('web'), spec('guard', 'stop')),
      { type: 'kvPut', key: 'a', value: '1' },
      { type: 'kvPut', key: 'b', value: '2' },
      { type: 'kvDelete', key: 'a' },
      { type: 'workloadDelete', name: 'web' },
      { type: 'nameLog', name: 'log' },
    ];
    for (const command of commands) {
      index += 1;
      const { changes } = site.state.apply({
        term: term(1),
        index: logIndex(index),
        kind: 'command',
        origin: undefined,
        data: encodeEnvelope({ command }),
      });
      for (const { key, value } of changes) value === undefined ? rows.delete(key) : rows.set(key, decode(value));
    }
    assert.deepEqual(new Map([...site.state.rows()].map(([key, value]) => [key, decode(value)])), rows);
    const copy = new SiteState(false);
    copy.load([...site.state.rows()]);
    assert.deepEqual(
      [...copy.rows()].map(([key, value]) => [key, decode(value)]),
      [...site.state.rows()].map(([key, value]) => [key, decode(value)]),
    );
  });
});
