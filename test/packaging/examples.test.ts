import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parse } from 'yaml';
import { withDigests } from '../../packaging/examples/digest.ts';
import type { WorkloadSpec } from '../../schemas/generated/types.ts';
import { checkDocument, describeProblems } from '../../schemas/validate.ts';
import { Bench, nodesDocument, until, workloadFile } from './programs.ts';

const text = readFileSync(workloadFile, 'utf8');
const status = { authority: { mode: 'connected' }, members: [{ name: 'box-a', verdict: 'reachable' }] };
const answers = { '/v1/nodes': nodesDocument(), '/v1/placements': { placements: [] }, '/status': status };

function workloads(): readonly WorkloadSpec[] {
  const parsed = checkDocument('WorkloadFile', parse(text));
  assert.ok(parsed.ok, parsed.ok ? '' : describeProblems(parsed.problems));
  return parsed.value.workloads;
}

function workload(name: string): WorkloadSpec {
  const found = workloads().find((spec) => spec.name === name);
  assert.ok(found !== undefined, `${name} is not in the example file`);
  return found;
}

/** A TCP port of loopback that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Body of a page; undefined while nobody answers. */
function page(port: number, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const call = get({ host: '127.0.0.1', port, path, agent: false, timeout: 2000 }, async (response) => {
      resolve(response.statusCode === 200 ? (await response.setEncoding('utf8').toArray()).join('') : undefined);
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(undefined));
  });
}

describe('example workload file', () => {
  it('is accepted by its schema, with at least six workloads of distinct names', () => {
    const names = workloads().map(({ name }) => name);
    assert.ok(names.length >= 6);
    assert.deepEqual([...new Set(names)], names);
  });

  it('names every program with its true digest and size', () => {
    assert.equal(withDigests(text), text);
    // The comparison above would also hold if the script recognised no artefact at all.
    const broken = text.replace(/[0-9a-f]{64}/g, '0'.repeat(64)).replace(/bytes: \d+/g, 'bytes: 0');
    assert.notEqual(broken, text);
    assert.equal(withDigests(broken), text);
  });

  it('runs only files that it brings', () => {
    for (const { name, command, artefacts = [] } of workloads()) {
      assert.ok(
        artefacts.some((artefact) => artefact.name === command[1]),
        `${name} runs ${command[1]}, which is no artefact of it`,
      );
    }
  });

  it('shows replicas, a program ended on a split, a resident job and jobs that run at least every ten seconds', () => {
    const all = workloads();
    assert.ok(all.some(({ kind, replicas = 1 }) => kind === 'service' && replicas === 2));
    assert.ok(all.some(({ onSplit, inputs = [] }) => onSplit === 'stop' && inputs.some(({ source }) => source === 'press-1/vibration')));
    assert.ok(all.some(({ kind, resident }) => kind === 'job' && resident === true));
    for (const { name, kind, perHour = 0 } of all) if (kind === 'job') assert.ok(perHour >= 360, `${name} runs ${perHour} times an hour`);
  });

  it('asks two boxes of the site for no more than they have', () => {
    const onSite = workloads().filter(({ requires }) => requires?.extras === undefined);
    const replicas = (spec: WorkloadSpec): number => spec.replicas ?? 1;
    assert.ok(onSite.reduce((sum, spec) => sum + replicas(spec) * spec.resources.memoryMiB, 0) <= 700);
    const services = onSite.filter(({ kind }) => kind === 'service');
    assert.ok(services.reduce((sum, spec) => sum + replicas(spec) * (spec.resources.cpuSecondsPerRun ?? 0.05), 0) <= 0.8);
  });
});

describe('example programs', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = new Bench(answers);
    await bench.listen();
  });
  afterEach(() => bench.close());

  it('are asked with a document the agent could have sent', () => {
    assert.deepEqual(checkDocument('NodesDocument', nodesDocument()), { ok: true, value: nodesDocument() });
  });

  for (const spec of workloads().filter(({ kind, resident }) => kind === 'job' && resident !== true)) {
    it(`${spec.name} does one run, says so in one line of JSON, and ends`, async () => {
      const running = bench.start(spec);
      assert.equal(await running.end(), 0, running.stderr);
      assert.equal(running.lines.length, 1, running.stdout);
      const facts: unknown = JSON.parse(running.lines[0] ?? '');
      assert.ok(typeof facts === 'object' && facts !== null && !('error' in facts), running.stdout);
      assert.equal(running.stderr, '');
    });
  }

  it('backup keeps what the agent answered, and fails with a line when there is no agent', async () => {
    const kept = bench.start(workload('backup'));
    await kept.end();
    assert.deepEqual(JSON.parse(readFileSync(join(kept.directory, 'placements.json'), 'utf8')), { placements: [] });
    const alone = bench.start(workload('backup'), { HOLDFAST_SOCKET: join(bench.directory, 'nobody.sock') });
    assert.equal(await alone.end(), 1);
    assert.match(alone.stdout, /^\{"error":"[^\n]+\}\n$/);
    assert.ok(!existsSync(join(alone.directory, 'placements.json')));
  });

  it('telemetry-analyser rates every reading of every box that has health', async () => {
    const running = bench.start(workload('telemetry-analyser'), { INTERVAL_MS: '20' });
    const lines = (await running.untilLines(6)).map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    const first = lines.slice(0, 3).map(({ box, reading, value }) => [box, reading, value]);
    assert.deepEqual(first, [
      ['box-a', 'cpu_percent', 12.5],
      ['box-a', 'load1', 0.4],
      ['box-a', 'memory_used_percent', 50],
    ]);
    assert.deepEqual(
      lines.slice(3, 6).map(({ mean }) => mean),
      [12.5, 0.4, 50],
    );
    assert.ok(bench.asked.every((path) => path === '/v1/nodes'));
  });

  it('telemetry-analyser outlives an agent that is away', async () => {
    const running = bench.start(workload('telemetry-analyser'), {
      INTERVAL_MS: '20',
      HOLDFAST_SOCKET: join(bench.directory, 'nobody.sock'),
    });
    for (const line of await running.untilLines(2)) assert.ok('error' in (JSON.parse(line) as object), line);
    assert.ok(!running.ended);
  });

  it('site-panel answers its probe and shows what the agent says', async () => {
    const port = await freePort();
    const { ports, probe } = workload('site-panel');
    const running = bench.start(workload('site-panel'), { [ports?.[0]?.env ?? '']: String(port) });
    await running.untilLines(1);
    assert.equal(await page(port, probe?.path ?? ''), 'ok\n');
    await until(() => bench.asked.includes('/status'), 'the panel to ask the agent');
    let shown: string | undefined;
    for (const end = performance.now() + 5000; shown?.includes('box-a') !== true && performance.now() < end; )
      shown = await page(port, '/');
    assert.match(shown ?? '', /<h1>connected<\/h1><ul><li>box-a: reachable<\/li>/);
  });

  it('press-guard reports strokes, raises an alarm beyond its limit, and ends when told to', async () => {
    const running = bench.start(workload('press-guard'), { LIMIT_MM_S: '1' });
    const [first = ''] = await running.untilLines(1);
    assert.partialDeepStrictEqual(JSON.parse(first), { press: 'press-1', alarm: true });
    running.process.kill('SIGTERM');
    assert.equal(await running.end(), 0);
  });

  it('quality-indicator prints nothing by itself, and one line for each line it is given', async () => {
    const running = bench.start(workload('quality-indicator'));
    for (const run of [1, 2, 3]) {
      running.process.stdin?.write('run\n');
      const lines = await running.untilLines(run);
      assert.equal(lines.length, run);
      assert.partialDeepStrictEqual(JSON.parse(lines[run - 1] ?? ''), { run });
    }
    running.process.stdin?.end();
    assert.equal(await running.end(), 0);
    assert.deepEqual([running.lines.length, running.stderr], [3, '']);
    const idle = bench.start(workload('quality-indicator'));
    idle.process.stdin?.end();
    await idle.end();
    assert.deepEqual([idle.stdout, idle.stderr], ['', '']);
  });
});
