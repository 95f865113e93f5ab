/** Figures of a whole site: the demonstration's four agents as real processes, measured from outside. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Box } from '../../agent/demo/box.ts';
import { ask, getNodes, getStatus, putValue } from '../../agent/demo/client.ts';
import { DemoSite } from '../../agent/demo/site.ts';
import { done, notYet, until } from '../../agent/demo/until.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { bytesWritten, cpuMs, loopbackBytes, mountDisk, rssMiB } from './facts.ts';
import { type Figure, median, printFigure, quantile } from './figure.ts';

const program = [process.execPath, ...packageJson.config.nodeFlags, new URL('../../dist/holdfast.mjs', import.meta.url).pathname];
const idleSeconds = 60;
const failovers = 10;
const transfers = 30;
const putSeconds = 5;

export async function benchSite(json: boolean): Promise<void> {
  const print = (figure: Omit<Figure, 'subject'>): void => printFigure({ subject: 'holdfast', ...figure }, json);
  const disk = mountDisk();
  const dir = disk?.dir ?? mkdtempSync(join(tmpdir(), 'hf-bench-'));
  const site = await DemoSite.prepare({ program, dir, trueClocks: true });
  try {
    await coldStart(site, print);
    await idle(site, disk?.device, print);
    await puts(site, print);
    await transfer(site, print);
    await failover(site, print);
    await cutUpper(site, print);
  } finally {
    await site.stop();
    disk?.unmount();
    rmSync(dir, { recursive: true, force: true });
  }
}

type Print = (figure: Omit<Figure, 'subject'>) => void;

async function coldStart(site: DemoSite, print: Print): Promise<void> {
  const ready = async (box: Box): Promise<number> => {
    const began = performance.now();
    box.start();
    await until(`${box.name} answers`, 30_000, async () => done(await getStatus(box)), { everyMs: 5 });
    return performance.now() - began;
  };
  const alone = await ready(site.upper);
  print({
    figure: 'agent.cold_start',
    value: alone,
    unit: 'ms',
    params: { agents: 1 },
    note: 'process start to the first answer of /status',
  });
  const samples = await Promise.all(site.boxes.map(ready));
  print({
    figure: 'agent.cold_start',
    value: median(samples),
    unit: 'ms',
    params: { agents: 3 },
    samples,
    note: 'three at once on this machine',
  });
  await leaderOf(site.boxes);
  await until('all members are heard of', 60_000, async () => {
    const { nodes } = await getNodes(site.boxes[0] as Box);
    return nodes.filter(({ health }) => health !== null).length >= 3 ? done(true) : notYet('not yet');
  });
}

async function leaderOf(boxes: readonly Box[]): Promise<Box> {
  return until(
    'a leader',
    30_000,
    async () => {
      for (const box of boxes) if (box.pid !== undefined && (await getStatus(box)).consensus.role === 'leader') return done(box);
      return notYet('none');
    },
    { everyMs: 20 },
  );
}

async function idle(site: DemoSite, device: string | undefined, print: Print): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5000)); // Until start-up writes have settled.
  const cpuBefore = site.all.map((box) => cpuMs(pidOf(box)));
  const loopBefore = loopbackBytes();
  execFileSync('sync');
  const diskBefore = device === undefined ? undefined : bytesWritten(device);
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
  execFileSync('sync');
  for (const [i, box] of site.all.entries()) {
    const cpu = ((cpuMs(pidOf(box)) - (cpuBefore[i] ?? 0)) / 1000 / idleSeconds) * 100;
    print({ figure: 'agent.idle_cpu', value: cpu, unit: '% of a core', params: { box: box.name } });
    print({ figure: 'agent.rss', value: rssMiB(pidOf(box)), unit: 'MiB', params: { box: box.name }, note: 'after the idle minute' });
  }
  print({
    figure: 'site.idle_network',
    value: (loopbackBytes() - loopBefore) / idleSeconds,
    unit: 'B/s',
    params: { agents: site.all.length },
    note: 'bytes sent on lo by all four agents together, link layer included',
  });
  if (device === undefined || diskBefore === undefined)
    print({ figure: 'site.idle_disk', value: null, unit: 'B', note: 'skipped: no loop file system (needs root and losetup)' });
  else
    print({
      figure: 'site.idle_disk',
      value: bytesWritten(device) - diskBefore,
      unit: 'B',
      params: { seconds: idleSeconds, agents: site.all.length },
      note: `all four agents, from the counters of ${device}; agents' own text logs are on it too`,
    });
}

async function puts(site: DemoSite, print: Print): Promise<void> {
  const leader = await leaderOf(site.boxes);
  for (const clients of [1, 64]) {
    await load(leader, clients, 1);
    const cpuBefore = process.cpuUsage();
    const latencies = await load(leader, clients, putSeconds);
    const cpu = process.cpuUsage(cpuBefore);
    const clientCpu = Math.round((cpu.user + cpu.system) / 1e4 / putSeconds);
    const params = { clients, value_bytes: 256 };
    print({
      figure: 'site.puts_per_second',
      value: latencies.length / putSeconds,
      unit: '1/s',
      params,
      note: `durable, over the leader's Unix socket; client CPU ${clientCpu} % of a core`,
    });
    print({ figure: 'site.put_latency_p50', value: median(latencies), unit: 'ms', params });
    print({ figure: 'site.put_latency_p99', value: quantile(latencies, 0.99), unit: 'ms', params });
  }
}

/** Closed loop: each client has one request outstanding. Returns latencies in milliseconds. */
async function load(box: Box, clients: number, seconds: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const body = JSON.stringify({ value: 'x'.repeat(256) });
  const latencies: number[] = [];
  const end = performance.now() + seconds * 1000;
  const one = (path: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const call = request(
        {
          socketPath: box.socket,
          method: 'PUT',
          path,
          agent,
          headers: { 'content-type': 'application/json', 'content-length': body.length },
        },
        (response) => {
          response.resume();
          response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`))));
        },
      );
      call.on('error', reject);
      call.end(body);
    });
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let i = 0; performance.now() < end; i += 1) {
        const began = performance.now();
        await one(`/v1/kv/bench-${client}-${i % 16}`);
        latencies.push(performance.now() - began);
      }
    }),
  );
  agent.destroy();
  return latencies;
}

/** Planned hand-overs while 16 clients write: how long one takes, the longest a write waited, and how many writes failed. */
async function transfer(site: DemoSite, print: Print): Promise<void> {
  const samples: number[] = [];
  let failed = 0;
  let longest = 0;
  let ended = false;
  const writers = Array.from({ length: 16 }, async (_, i) => {
    while (!ended) {
      const began = performance.now();
      await putValue(site.boxes[i % site.boxes.length] as Box, `transfer-${i}`, 'x').catch(() => {
        failed += 1;
      });
      longest = Math.max(longest, performance.now() - began);
    }
  });
  for (let trial = 0; trial < transfers; trial += 1) {
    const leader = await leaderOf(site.boxes);
    const began = performance.now();
    const { status, body } = await ask(leader, 'POST', '/v1/leadership/transfer', '{}');
    if (status !== 200) throw new Error(`no hand-over: ${body}`);
    samples.push(performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  ended = true;
  await Promise.all(writers);
  print({ figure: 'site.transfer_median', value: median(samples), unit: 'ms', samples, note: 'asked over HTTP, under 16 writing clients' });
  print({ figure: 'site.transfer_p99', value: quantile(samples, 0.99), unit: 'ms', samples });
  print({ figure: 'site.transfer_longest_write', value: longest, unit: 'ms' });
  print({ figure: 'site.transfer_failed_writes', value: failed, unit: '1' });
}

async function failover(site: DemoSite, print: Print): Promise<void> {
  const samples: number[] = [];
  for (let trial = 0; trial < failovers; trial += 1) {
    const leader = await leaderOf(site.boxes);
    const rest = site.boxes.filter((box) => box !== leader);
    const began = performance.now();
    await leader.killAgent();
    // From the kill to the first acknowledged write issued after it, through any survivor.
    await Promise.any(rest.map((box) => putValue(box, 'failover', String(trial))));
    samples.push(performance.now() - began);
    leader.start();
    await until(`${leader.name} is back`, 30_000, async () => {
      const [back, present] = [await getStatus(leader), await getStatus(await leaderOf(rest))];
      return back.consensus.appliedIndex >= present.consensus.commitIndex && back.consensus.leader !== null
        ? done(true)
        : notYet('catching up');
    });
    await new Promise((resolve) => setTimeout(resolve, 1500)); // Links and timers at rest again.
  }
  print({ figure: 'site.failover_min', value: quantile(samples, 0), unit: 'ms', samples });
  print({
    figure: 'site.failover_median',
    value: median(samples),
    unit: 'ms',
    samples,
    note: 'SIGKILL of the leading agent to the first acknowledged write',
  });
  print({ figure: 'site.failover_p99', value: quantile(samples, 0.99), unit: 'ms', samples });
}

async function cutUpper(site: DemoSite, print: Print): Promise<void> {
  await until('connected', 60_000, async () =>
    (await getStatus(site.boxes[0] as Box)).authority.mode === 'connected' ? done(true) : notYet('not yet'),
  );
  const began = performance.now();
  await site.upper.killAgent();
  await until(
    'autonomous everywhere',
    60_000,
    async () => {
      const modes = await Promise.all(site.boxes.map(async (box) => (await getStatus(box)).authority.mode));
      return modes.every((mode) => mode === 'autonomous') ? done(true) : notYet(modes.join(' '));
    },
    { everyMs: 20 },
  );
  print({
    figure: 'autonomy.takeover',
    value: performance.now() - began,
    unit: 'ms',
    params: { hold_time_ms: 3000 },
    note: 'upper site killed to `autonomous` on every member',
  });
}

function pidOf(box: Box): number {
  if (box.pid === undefined) throw new Error(`${box.name} is not running`);
  return box.pid;
}
