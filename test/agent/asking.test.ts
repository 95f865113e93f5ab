import assert from 'node:assert/strict';
import { ArtefactExchange, chunkBytesMax } from '../../agent/artefact-exchange.ts';
import { EnginePlanner } from '../../agent/engine-planner.ts';
import { LogCollector } from '../../agent/log-collector.ts';
import { NotingExecutor } from './agreement-site.ts';
import { ManualClock } from './health/fixtures.ts';
import { box, SiteDouble, spec } from './site-double.ts';
import { MemoryCalls } from './uplink/tiers.ts';

const logs = '/holdfast/logs/1';
const artefact = '/holdfast/artefact/1';
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

class Boxes {
  readonly clock = new ManualClock();
  readonly #net = new Map<string, MemoryCalls>();
  readonly a = new MemoryCalls(this.#net, this.clock, 'a', 'mill', 'member');
  readonly b = new MemoryCalls(this.#net, this.clock, 'b', 'mill', 'member');
  ask(protocol: string, request: string): Promise<string> {
    const options = { timeoutMs: 100, responseBytesMax: 4 * 2 ** 20 };
    return this.a.call('b', protocol, bytesOf(request), options).then((answer) => new TextDecoder().decode(answer));
  }
}

describe('output of workloads, from wherever they run', () => {
  const boxes = new Boxes();
  const site = new SiteDouble(boxes.clock);
  const [here, there] = [new NotingExecutor(), new NotingExecutor()];
  const collector = new LogCollector({ site, calls: boxes.a, executor: here });
  new LogCollector({ site, calls: boxes.b, executor: there }).start();
  site.give(spec('web', { replicas: 3 }));
  site.plan({ 'web/0': 'a', 'web/1': 'b', 'web/2': 'c' });

  it('D4: is gathered from every replica; a box that does not answer is named, not left out', async () => {
    here.output = ['one', 'two'];
    there.output = ['three', 'four'];
    assert.deepEqual(await collector.collect('web', { lines: 1 }), [
      { node: 'a', replica: 0, lines: ['two'] },
      { node: 'b', replica: 1, lines: ['four'] },
      { node: 'c', replica: 2, lines: ['(c does not answer: UNREACHABLE)'] },
    ]);
    assert.deepEqual(await collector.collect('web', { replica: 1, lines: 2 }), [{ node: 'b', replica: 1, lines: ['three', 'four'] }]);
    assert.deepEqual(await collector.collect('nothing', { lines: 1 }), []);
  });

  it('D4: is empty where a replica never ran', async () => {
    there.output = undefined;
    assert.deepEqual(await collector.collect('web', { replica: 1, lines: 9 }), [{ node: 'b', replica: 1, lines: [] }]);
  });

  it('D4: keeps the newest lines when all do not fit an answer', async () => {
    there.output = Array.from({ length: 5000 }, (_, index) => `${index} ${'x'.repeat(1000)}`);
    const [got] = await collector.collect('web', { replica: 1, lines: 5000 });
    assert.ok((got?.lines.length ?? 0) > 300 && (got?.lines.length ?? 0) < 2000, `${got?.lines.length}`);
    assert.equal(got?.lines.at(-1)?.slice(0, 5), '4999 ');
  });

  it('D1: a request that is no request is refused, and an answer that is none is empty', async () => {
    for (const bad of [
      '{',
      'null',
      '{"workload":1,"replica":null,"lines":1}',
      '{"workload":"web","lines":1}',
      '{"workload":"web","replica":0,"lines":"1"}',
    ])
      await assert.rejects(boxes.ask(logs, bad), /./, bad);
    await assert.rejects(boxes.ask(logs, 'x'.repeat(1025)), /TOO_LARGE/);
    boxes.a.tamper = () => bytesOf('{"not":"a list"}');
    assert.deepEqual(await collector.collect('web', { replica: 1, lines: 1 }), [{ node: 'b', replica: 1, lines: [] }]);
    boxes.a.tamper = () => bytesOf('["line",1,null]');
    assert.deepEqual(await collector.collect('web', { replica: 1, lines: 1 }), [{ node: 'b', replica: 1, lines: ['line'] }]);
  });
});

describe('artefacts, from box to box', () => {
  const boxes = new Boxes();
  const digest = 'ab'.repeat(32);
  const content = new Uint8Array(chunkBytesMax + 10).fill(7);
  const exchange = new ArtefactExchange({ calls: boxes.a, holders: (sha256) => (sha256 === digest ? ['b'] : []) });
  new ArtefactExchange({ calls: boxes.b, holders: () => [] }).start({
    has: (sha256) => sha256 === digest,
    readChunk: async (_sha256, offset, max) => content.subarray(offset, offset + max),
  });

  it('P20: come in bounded chunks from whoever holds them, and end with an empty one', async () => {
    assert.deepEqual(exchange.sources(digest), ['b']);
    assert.equal((await exchange.fetchChunk('b', digest, 0)).byteLength, chunkBytesMax);
    assert.equal((await exchange.fetchChunk('b', digest, chunkBytesMax)).byteLength, 10);
    assert.equal((await exchange.fetchChunk('b', digest, content.length)).byteLength, 0);
  });

  it('P20: what is not there, and requests that name no digest and offset, are refused', async () => {
    await assert.rejects(exchange.fetchChunk('b', 'cd'.repeat(32), 0), { code: 'ARTEFACT_MISSING' });
    for (const bad of [
      '',
      digest,
      `${digest} -1`,
      `${digest} 1e3`,
      `../../etc/passwd 0`,
      `${digest.toUpperCase()} 0`,
      `${digest} ${'9'.repeat(16)}`,
    ])
      await assert.rejects(boxes.ask(artefact, bad), { code: 'BAD_REQUEST' }, bad);
  });
});

describe('the engine behind the planning port', function () {
  this.timeout(20_000);
  const planner = new EnginePlanner();
  after(() => planner.stop());
  const input = {
    nodes: [box('a'), box('b', { delivers: 'press/vibration' })],
    specs: [spec('web', { replicas: 2 }), spec('large', { resources: { memoryMiB: 4096 } })],
    current: [],
    held: new Set<string>(),
    uplink: { latencyMs: 20, mbps: 100 },
    unreachableArtefacts: new Set<string>(),
  };

  it('P12: places copies on different boxes and says why it could not place the rest', async () => {
    const result = await planner.solve(input, new AbortController().signal);
    assert.deepEqual(result.assignments.map(({ workload, node }) => `${workload} ${node}`).sort(), ['web a', 'web b']);
    assert.deepEqual(
      result.unplaced.map(({ workload, replica }) => [workload, replica]),
      [['large', 0]],
    );
    assert.match(result.unplaced[0]?.reasons[0] ?? '', /memory|RAM|MiB/i);
  });

  it('P14: tasks that share a source run where it is delivered', async () => {
    const inputs = [{ source: 'press/vibration', mbPerCall: 20 }];
    const specs = [spec('one', { inputs, perHour: 3600 }), spec('two', { inputs, perHour: 3600 })];
    for (const near of ['a', 'b']) {
      const nodes = ['a', 'b'].map((name) => box(name, name === near ? { delivers: 'press/vibration' } : {}));
      const { assignments } = await planner.solve({ ...input, nodes, specs }, new AbortController().signal);
      assert.deepEqual(assignments.map(({ workload, node }) => `${workload} ${node}`).sort(), [`one ${near}`, `two ${near}`]);
    }
  });

  it('P19: what is held stays, on boxes known here or not, and its copies keep away from it', async () => {
    for (const [node, free] of [
      ['a', ['b']],
      ['b', ['a']],
      ['far', ['a', 'b']],
    ] as const) {
      const rest = { class: 'hot' as const, epoch: 1, provisional: false, basisRevision: 0, awaiting: null };
      const current = [{ workload: 'web', replica: 0, node, ...rest }];
      const { assignments } = await planner.solve({ ...input, current, held: new Set(['web/0']) }, new AbortController().signal);
      const at = (replica: number) => assignments.find((one) => one.workload === 'web' && one.replica === replica)?.node ?? '';
      assert.equal(at(0), node);
      assert.ok((free as readonly string[]).includes(at(1)), `${at(1)} beside ${node}`);
    }
  });

  it('P16: explains itself, gives up when nobody waits, and ends with the agent', async () => {
    const { plan } = await planner.solve(input, new AbortController().signal);
    const { replicas } = await planner.explain(input, plan as Parameters<EnginePlanner['explain']>[1], 'web');
    assert.equal(replicas.length, 2);
    await assert.rejects(planner.solve(input, AbortSignal.abort()), { code: 'ABORTED' });
  });
});
