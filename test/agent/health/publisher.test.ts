import assert from 'node:assert/strict';
import { FactPublisher } from '../../../agent/health/fact-publisher.ts';
import { buildHealthDocument, healthBytesMax, isNews } from '../../../agent/health/health-document.ts';
import { HealthPublisher } from '../../../agent/health/publisher.ts';
import type { Sample } from '../../../agent/health/sampler.ts';
import type { TopologyDocument } from '../../../schemas/generated/types.ts';
import { KeepingMesh, keepingLog, ManualClock, sample } from './fixtures.ts';

const origin = { node: 'box-a', site: 'shop', run: 1, seq: 1 };

describe('the health publisher', () => {
  const parts = (next: () => Promise<Sample>) => {
    const clock = new ManualClock();
    const gossip = new KeepingMesh();
    const log = keepingLog();
    const publisher = new HealthPublisher(
      { clock, gossip, log, sampler: { sample: next } },
      { node: 'box-a', site: 'shop', run: 4, sampleMs: 5000, maxAgeMs: 60_000 },
    );
    return { clock, gossip, log, publisher };
  };

  it('D3: publishes at start, then sends nothing while nothing changes, until the maximum age', async () => {
    const { clock, gossip, publisher } = parts(() => Promise.resolve(sample));
    await publisher.start();
    assert.equal(gossip.published.length, 1);
    await clock.advance(59_000);
    assert.equal(gossip.published.length, 1);
    await clock.advance(6000);
    assert.deepEqual(
      gossip.published.map(({ topic, document }) => [topic, document.seq]),
      [
        ['health', 1],
        ['health', 2],
      ],
    );
    await publisher.stop();
  });

  it('D3: a change beyond its band is out with the next sample', async () => {
    let current = sample;
    const { clock, gossip, publisher } = parts(() => Promise.resolve(current));
    await publisher.start();
    current = { ...sample, cpu: { ...sample.cpu, usagePercent: 29 } };
    await clock.advance(5000);
    assert.equal(gossip.published.length, 1, 'within the band');
    current = { ...sample, cpu: { ...sample.cpu, usagePercent: 95 } };
    await clock.advance(5000);
    assert.equal(gossip.published.length, 2);
    assert.equal(publisher.own?.document.cpu.usagePercent, 95);
    await publisher.stop();
  });

  it('D3: tells a new listener soon, once for many, under a new number', async () => {
    const { clock, gossip, publisher } = parts(() => Promise.resolve(sample));
    await publisher.start();
    for (let times = 0; times < 5; times += 1) publisher.repeat();
    await clock.advance(1000);
    assert.deepEqual(
      gossip.published.map(({ document }) => document.seq),
      [1, 2],
    );
    await publisher.stop();
  });

  it('a failed sample is logged and the next one works again', async () => {
    let broken = true;
    const { clock, gossip, log, publisher } = parts(() => (broken ? Promise.reject(new Error('no /proc')) : Promise.resolve(sample)));
    await publisher.start();
    assert.deepEqual(log.events, ['health.sample.failed']);
    assert.equal(publisher.own, undefined);
    broken = false;
    await clock.advance(5000);
    assert.equal(gossip.published.length, 1);
    await publisher.stop();
  });

  it('says nothing more once stopped, and a mesh that fails is only logged', async () => {
    const { clock, gossip, log, publisher } = parts(() => Promise.resolve(sample));
    gossip.fails = true;
    await publisher.start();
    await clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(log.events, ['gossip.publish.failed']);
    gossip.fails = false;
    publisher.repeat();
    await publisher.stop();
    await clock.advance(200_000);
    assert.equal(gossip.published.length, 0);
  });

  it('D3: any document of another kind is published when it differs in more than its number', async () => {
    const clock = new ManualClock();
    const gossip = new KeepingMesh();
    const publisher = new FactPublisher<'TopologyDocument'>({ clock, gossip, log: keepingLog() }, { topic: 'topology' });
    const document: TopologyDocument = {
      version: 1,
      node: 'box-a',
      site: 'shop',
      run: 1,
      seq: 1,
      level: 0,
      domain: 'd',
      tags: [],
      extras: [],
      capacity: { memoryMiB: 1, cpuCores: 1, diskMiB: 1, cacheMiB: 1, vramMiB: 0 },
      devices: [],
      links: [],
    };
    assert.equal(publisher.offer(document), true);
    assert.equal(publisher.offer({ ...document, seq: publisher.nextSeq }), false);
    assert.equal(publisher.offer({ ...document, seq: publisher.nextSeq, tags: ['new'] }), true);
    assert.deepEqual(
      gossip.published.map(({ document: { seq } }) => seq),
      [1, 2],
    );
  });
});

describe('the health document', () => {
  const before = buildHealthDocument(origin, sample);
  const now = (change: Partial<Sample>) => buildHealthDocument(origin, { ...sample, ...change });

  it('D3: counters, times and loads are no news', () => {
    const network = sample.network.map((one) => ({ ...one, receivedBytes: 10_000, sentBytes: 99 }));
    assert.equal(
      isNews(before, now({ uptimeSeconds: 900, network, clock: { unixMs: 0, synchronised: null }, cpu: { ...sample.cpu, load1: 3 } })),
      false,
    );
  });

  const news: Readonly<Record<string, Partial<Sample>>> = {
    'a restart of the box': { bootId: 'ffffffff-a474-42ca-9375-da49771c6a33' },
    'memory running out': { memory: { ...sample.memory, availableBytes: 1.5e9 } },
    'a disk gone read-only': { disks: sample.disks.map((disk) => ({ ...disk, readOnly: true })) },
    'a disk filling up': { disks: sample.disks.map((disk) => ({ ...disk, freeBytes: 1.9e10 })) },
    'a cable pulled': { network: sample.network.map((one) => ({ ...one, up: false })) },
    'an interface with errors': { network: sample.network.map((one) => ({ ...one, receiveErrors: 1 })) },
    'an interface gone': { network: [] },
    'a hot processor': { temperatures: [{ sensor: 'cpu', celsius: 55 }] },
    'a sensor that fell silent': { temperatures: null },
    'a value that became unknown': { cpu: { ...sample.cpu, usagePercent: null } },
    'mains lost': { power: { onMains: false, batteryPercent: 100 } },
  };
  for (const [what, change] of Object.entries(news)) it(`D3: ${what} is news`, () => assert.equal(isNews(before, now(change)), true));

  it('D1: a document that would be too long leaves lists out instead of failing', () => {
    const text = '\u20ac'.repeat(64);
    const inventory = {
      os: { name: text, release: text, kernel: text, arch: null, hostname: text },
      hardware: { manufacturer: text, model: text, virtual: null },
      cpu: { brand: text, physicalCores: 1, speedGHz: 1 },
      disks: Array(8).fill({ name: text, type: null, sizeBytes: 1 }),
      gpus: Array(8).fill({ model: text, vramMiB: 1 }),
    };
    const temperatures = Array.from({ length: 16 }, () => ({ sensor: text, celsius: 1 }));
    const disks = Array(4).fill({ ...sample.disks[0], mount: '\u20ac'.repeat(256) });
    const network = Array(16).fill({ ...sample.network[0], name: '\u20ac'.repeat(32), receivedBytes: 2 ** 52, sentBytes: 2 ** 52 });
    const document = buildHealthDocument(origin, { ...sample, inventory, temperatures, disks, network });
    assert.ok(Buffer.byteLength(JSON.stringify(document)) <= healthBytesMax);
    assert.equal(document.disks.length, 4);
  });

  it('D1: a sample that breaks the schema is refused with its place', () => {
    assert.throws(() => now({ uptimeSeconds: -1 }), /\/uptimeSeconds/);
  });
});
