/** `bench consensus [--peers] [--quick] [--json]`: what a durable change and a linearizable read cost, beside what else can be installed. */
import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cpuMs, rssMiB } from '../facts.ts';
import { type Figure, median, printFigure, quantile } from '../figure.ts';
import { measureAlone } from './alone.ts';
import { Etcd } from './etcd.ts';
import { failover } from './failover.ts';
import { Holdfast } from './holdfast.ts';
import { type Load, load } from './load.ts';
import type { Subject } from './subject.ts';
import { ZooKeeper } from './zookeeper.ts';

const clientCounts = [1, 16, 64, 256];
const value = 'x'.repeat(256);
/** Each client writes this many keys in turn. */
const keysPerClient = 16;
/** After which memory is looked at once more. */
const quietSeconds = 30;

export async function benchConsensus(json: boolean, options: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...options],
    options: { json: { type: 'boolean' }, peers: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
  });
  const isQuick = values.quick;
  const seconds = isQuick ? 2 : 5;
  const rounds = isQuick ? 1 : 3;
  const subjects: Subject[] = [new Holdfast()];
  if (values.peers) {
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
          const cpuBefore = cpuOf(subject);
          const one = await load(clients, seconds, put);
          const serverCpuUs = ((cpuOf(subject) - cpuBefore) * 1000) / one.count;
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
    for (const seconds of [0, quietSeconds]) {
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      const note = `${seconds} s after the load`;
      for (const { name, pids } of subjects.map((subject) => ({ name: subject.name, pids: subject.pids() })))
        for (const pid of pids) printFigure({ figure: 'consensus.rss', subject: name, value: rssMiB(pid), unit: 'MiB', note }, json);
    }
    for (const subject of subjects) {
      await failover(subject, 'death', isQuick ? 3 : 10, json);
    }
  } finally {
    for (const subject of subjects) await subject.stop();
    rmSync(base, { recursive: true, force: true });
  }
  const alone = isQuick
    ? { idleSeconds: 5, entries: 5000, transfers: 5, silences: 2 }
    : { idleSeconds: 30, entries: 100_000, transfers: 30, silences: 10 };
  for (const subject of subjects) await measureAlone(subject, { json, ...alone });
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

const cpuOf = (subject: Subject): number => subject.pids().reduce((sum, pid) => sum + cpuMs(pid), 0);

function isInstalled(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
