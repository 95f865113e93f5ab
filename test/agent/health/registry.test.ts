import assert from 'node:assert/strict';
import { buildHealthDocument } from '../../../agent/health/health-document.ts';
import { FactRegistry } from '../../../agent/health/registry.ts';
import { buildTopologyDocument, detectCapacity } from '../../../agent/health/topology-document.ts';
import type { AgentConfig, HealthDocument } from '../../../schemas/generated/types.ts';
import { ManualClock, sample } from './fixtures.ts';

const health = (node: string, run: number, seq: number): HealthDocument => buildHealthDocument({ node, site: 'shop', run, seq }, sample);
const bytes = (document: unknown): Uint8Array => Buffer.from(JSON.stringify(document));

describe('the fact registry', () => {
  const make = (options = {}) => {
    const clock = new ManualClock();
    return { clock, registry: new FactRegistry('HealthDocument', { clock }, options) };
  };

  it('D3: keeps the newest document of each node with its age', async () => {
    const { clock, registry } = make();
    const heard: string[] = [];
    registry.onChange(({ from, document }) => heard.push(`${from} ${document.run}.${document.seq}`));
    assert.ok(registry.receive('box-b', bytes(health('box-b', 1, 1))));
    assert.ok(registry.receive('box-a', bytes(health('box-a', 1, 9))));
    await clock.advance(3000);
    assert.ok(registry.receive('box-a', bytes(health('box-a', 2, 1))), 'a new run begins at 1 again');
    assert.deepEqual(
      registry.all().map(({ from, document }) => [from, document.run, document.seq, registry.ageMs(from)]),
      [
        ['box-a', 2, 1, 0],
        ['box-b', 1, 1, 3000],
      ],
    );
    assert.deepEqual(heard, ['box-b 1.1', 'box-a 1.9', 'box-a 2.1']);
    assert.equal(registry.ageMs('box-z'), undefined);
  });

  it('D3: a copy changes nothing, not even the age, and is not refused', async () => {
    const { clock, registry } = make();
    registry.receive('box-a', bytes(health('box-a', 1, 1)));
    await clock.advance(500);
    assert.ok(registry.receive('box-a', bytes(health('box-a', 1, 1))));
    assert.equal(registry.ageMs('box-a'), 500);
    assert.deepEqual(registry.refusals(), []);
  });

  const refused: Readonly<Record<string, readonly [Uint8Array, string, RegExp]>> = {
    'a document of another node': [bytes(health('box-b', 1, 6)), 'NOT_ITS_OWN', /box-b/],
    'an older number': [bytes(health('box-a', 1, 4)), 'OLDER', /1\.4/],
    'an older run': [bytes(health('box-a', 0, 99)), 'OLDER', /0\.99/],
    'a document against the schema': [bytes({ ...health('box-a', 1, 6), cpu: null }), 'INVALID', /\/cpu/],
    'no JSON at all': [Buffer.from('\u0000\u0001'), 'INVALID', /JSON/],
    'an oversized document': [Buffer.alloc(20_000, 0x20), 'TOO_LARGE', /20000 bytes/],
  };
  for (const [what, [document, code, reason]] of Object.entries(refused)) {
    it(`D1: ${what} is refused, counted and named, and never enters the state`, () => {
      const { clock, registry } = make({ bytesMax: 16 * 1024 });
      registry.receive('box-a', bytes(health('box-a', 1, 5)));
      assert.equal(registry.receive('box-a', document), false);
      assert.equal(registry.receive('box-a', document), false);
      const [refusal, ...others] = registry.refusals();
      assert.deepEqual(
        [refusal?.from, refusal?.count, refusal?.lastCode, refusal?.lastAt, others.length],
        ['box-a', 2, code, clock.nowMs(), 0],
      );
      assert.match(refusal?.lastReason ?? '', reason);
      assert.deepEqual(registry.get('box-a')?.document, health('box-a', 1, 5));
    });
  }

  it('remembers a bounded number of nodes, and forgets on demand', () => {
    const { registry } = make({ nodesMax: 2 });
    for (const node of ['box-a', 'box-b']) assert.ok(registry.receive(node, bytes(health(node, 1, 1))));
    assert.equal(registry.receive('box-c', bytes(health('box-c', 1, 1))), false);
    assert.equal(registry.refusals()[0]?.lastCode, 'TOO_MANY');
    registry.forget('box-a');
    assert.ok(registry.receive('box-c', bytes(health('box-c', 1, 1))));
  });
});

describe('the topology document', () => {
  const config: AgentConfig = {
    version: 1,
    node: { name: 'box-a' },
    site: { name: 'shop', clusterId: 'shop-2026', members: [] },
    dataDir: '/x',
  };
  const detected = { memoryMiB: 1000, cpuCores: 4, diskFreeMiB: 500, vramMiB: 0 };

  it('P1: offers 80 % of memory, all cores and the free disk unless the configuration says otherwise', () => {
    const { capacity, level, domain } = buildTopologyDocument(config, detected, { run: 1, seq: 1 });
    assert.deepEqual(capacity, { memoryMiB: 800, cpuCores: 4, diskMiB: 400, cacheMiB: 100, vramMiB: 0 });
    assert.deepEqual([level, domain], [0, 'box-a']);
    const said = buildTopologyDocument(
      { ...config, capacity: { memoryMiB: 64, cpuCores: 0.5, diskMiB: 1, cacheMiB: 2, maxWorkloads: 3, requesters: ['qa'] } },
      detected,
      { run: 1, seq: 1 },
    );
    assert.deepEqual(said.capacity, {
      memoryMiB: 64,
      cpuCores: 0.5,
      diskMiB: 1,
      cacheMiB: 2,
      vramMiB: 0,
      maxWorkloads: 3,
      requesters: ['qa'],
    });
  });

  it('P11: carries devices and links with their defaults, and the uplink', () => {
    const member = { name: 'plant', peerId: `12D3KooW${'A'.repeat(44)}`, address: '/ip4/10.0.0.1/tcp/7400' };
    const document = buildTopologyDocument(
      {
        ...config,
        upper: { site: 'plant', members: [member], mbps: 50 },
        devices: [{ id: 'press-7', delivers: [{ source: 'press-7/vibration' }] }],
        links: [{ to: 'box-c', latencyMs: 4 }],
      },
      detected,
      { run: 2, seq: 3 },
    );
    assert.deepEqual(document.devices, [{ id: 'press-7', kind: null, delivers: [{ source: 'press-7/vibration', rateMBps: 0 }] }]);
    assert.deepEqual(document.links, [
      { to: 'plant', latencyMs: 20, mbps: 50 },
      { to: 'box-c', latencyMs: 4, mbps: 1000 },
    ]);
  });

  it('D2: finds the capacity of this box, and promises no disk where it cannot look', async () => {
    const here = await detectCapacity(process.cwd());
    assert.ok(here.memoryMiB > 64 && here.cpuCores >= 1 && here.diskFreeMiB > 0);
    assert.equal((await detectCapacity('/nowhere/at-all')).diskFreeMiB, 0);
  });
});
