/** `bench consensus [--peers] [--quick] [--json]`: what a durable change and a linearizable read cost, beside what else can be installed. */
import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Figure, median, printFigure, quantile } from '../figure.ts';
import { Etcd } from './etcd.ts';
import { Holdfast } from './holdfast.ts';
import { type Load, load } from './load.ts';
import type { Subject } from './subject.ts';
import { ZooKeeper } from './zookeeper.ts';

const clientCounts = [1, 16, 64, 256];
const value = 'x'.repeat(256);
/** While there is no leader. */
const attemptEveryMs = 20;
/** Each client writes this many keys in turn. */
const keysPerClient = 16;

export async function benchConsensus(json: boolean, options: readonly string[]): Promise<void> {
  const isQuick = options.includes('--quick');
  const seconds = isQuick ? 2 : 5;
  const rounds = isQuick ? 1 : 3;
  const subjects: Subject[] = [new Holdfast()];
  if (options.includes('--peers')) {
    if (isInstalled('etcd')) subjects.push(new Etcd());
    if (isInstalled('java')) subjects.push(new ZooKeeper());
    if (subjects.length === 1) process.stderr.write('no peer is installed: apt-get install etcd-server zookeeper\n');
  }
  const base = mkdtempSync(join(tmpdir(), 'hf-bench-'));
  try {
    rawDisk(base, json);
    const puts = new Map<string, Load[]>();
    const gets = new Map<string, Load[]>();
    const add = (to: Map<string, Load[]>, key: string, one: Load): void => void to.set(key, [...(to.get(key) ?? []), one]);
    for (const subject of subjects) {
      mkdirSync(join(base, subject.name));
      await subject.start(join(base, subject.name));
    }
    // In turn: what disturbs the machine for a while disturbs all of them.
    for (let round = 0; round < rounds; round += 1)
      for (const clients of clientCounts)
        for (const subject of subjects) {
          const connection = await subject.connect();
          const key = (client: number, request: number): string => `bench-${client}-${request % keysPerClient}`;
          const put = (client: number, request: number): Promise<void> => connection.put(key(client, request), value);
          if (round === 0) await load(clients, 1, put);
          const cpuBefore = cpuMs(subject.pids());
          const one = await load(clients, seconds, put);
          const serverCpuUs = ((cpuMs(subject.pids()) - cpuBefore) * 1000) / one.count;
          add(puts, `${subject.name} ${clients}`, { ...one, serverCpuUs });
          if (clients === 1 || clients === 64)
            add(
              gets,
              `${subject.name} ${clients}`,
              await load(clients, seconds / 2, (client, request) => connection.get(key(client, request))),
            );
          connection.close();
        }
    for (const subject of subjects)
      for (const clients of clientCounts) {
        const params = { clients, value_bytes: value.length };
        report('put', puts.get(`${subject.name} ${clients}`), subject, params, json);
        report('get', gets.get(`${subject.name} ${clients}`), subject, params, json);
      }
    for (const subject of subjects) {
      for (const pid of subject.pids())
        printFigure({ figure: 'consensus.rss', subject: subject.name, value: rssMiB(pid), unit: 'MiB', note: 'after the load' }, json);
      await failover(subject, isQuick ? 3 : 10, json);
    }
  } finally {
    for (const subject of subjects) await subject.stop();
    rmSync(base, { recursive: true, force: true });
  }
}

function report(
  what: 'put' | 'get',
  loads: readonly Load[] | undefined,
  { name, client }: Subject,
  params: { readonly clients: number; readonly value_bytes: number },
  json: boolean,
): void {
  if (loads === undefined) return;
  const figure = (suffix: string, unit: string, of: (one: Load) => number, note = ''): Figure => ({
    figure: `consensus.${suffix}`,
    subject: name,
    value: median(loads.map(of)),
    unit,
    params,
    samples: loads.map((one) => Number(of(one).toPrecision(5))),
    note,
  });
  const note = `${client}; client CPU ${Math.max(...loads.map(({ clientCpu }) => clientCpu))} % of a core`;
  printFigure(
    figure(`${what}s_per_second`, '1/s', ({ perSecond }) => perSecond, note),
    json,
  );
  printFigure(
    figure(`${what}_p50_ms`, 'ms', ({ p50 }) => p50),
    json,
  );
  printFigure(
    figure(`${what}_p99_ms`, 'ms', ({ p99 }) => p99),
    json,
  );
  if (what === 'put')
    printFigure(
      figure('cpu_us_per_put', 'µs', ({ serverCpuUs = 0 }) => serverCpuUs, 'all three nodes together'),
      json,
    );
}

/** From the kill to the first acknowledged write issued after it, through a survivor. */
async function failover(subject: Subject, trials: number, json: boolean): Promise<void> {
  const samples: number[] = [];
  for (let trial = 0; trial < trials; trial += 1) {
    await subject.killLeader();
    const began = performance.now();
    await firstPut(subject, String(trial));
    samples.push(performance.now() - began);
    await subject.restore();
    await new Promise((resolve) => setTimeout(resolve, 1000)); // Links and timers at rest again.
  }
  const note = `SIGKILL of the leader to the first acknowledged write, a new attempt every ${attemptEveryMs} ms`;
  printFigure({ figure: 'consensus.failover_ms', subject: subject.name, value: median(samples), unit: 'ms', samples, note }, json);
  printFigure({ figure: 'consensus.failover_p99_ms', subject: subject.name, value: quantile(samples, 0.99), unit: 'ms' }, json);
}

/** Resolves with the first of many attempts, each on a connection of its own: what one of them waits for in vain holds nobody up. */
async function firstPut(subject: Subject, text: string): Promise<void> {
  const end = new AbortController();
  let done: () => void = () => {};
  const isDone = new Promise<void>((resolve) => {
    done = resolve;
  });
  const attempt = async (): Promise<void> => {
    const connection = await subject.connect(true);
    end.signal.addEventListener('abort', () => connection.close());
    await connection.put('failover', text).then(done, () => connection.close());
  };
  const timer = setInterval(() => void attempt().catch(() => undefined), attemptEveryMs);
  void attempt().catch(() => undefined);
  await isDone;
  clearInterval(timer);
  end.abort();
}

/** A write of one 4 KiB block into a file whose space is reserved, and its sync: what one durable change costs at the least. */
function rawDisk(directory: string, json: boolean): void {
  const path = join(directory, 'raw');
  const file = openSync(path, 'w');
  const block = Buffer.alloc(4096, 1);
  const samples: number[] = [];
  for (let at = 0; at < 256; at += 1) writeSync(file, block, 0, block.length, at * block.length);
  fdatasyncSync(file);
  for (let at = 0; at < 256; at += 1) {
    const began = performance.now();
    writeSync(file, block, 0, block.length, at * block.length);
    fdatasyncSync(file);
    samples.push(performance.now() - began);
  }
  closeSync(file);
  rmSync(path);
  const figure = { figure: 'disk.fdatasync_p50_ms', subject: 'disk', unit: 'ms', params: { bytes: block.length } };
  printFigure({ ...figure, value: median(samples) }, json);
  printFigure({ ...figure, figure: 'disk.fdatasync_p99_ms', value: quantile(samples, 0.99) }, json);
}

function isInstalled(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** User and system time of processes, in milliseconds. */
function cpuMs(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10;
}

function rssMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? Number.NaN) / 1024;
}
