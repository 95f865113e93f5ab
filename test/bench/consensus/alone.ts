/** What is measured of one subject at a time, on a file system of its own: at rest, what a put writes, and how it starts with a long log. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesWritten, cpuMs, type LoopDisk, loopbackBytes, mountDisk, rssMiB } from '../facts.ts';
import { median, printFigure, quantile } from '../figure.ts';
import { failover, firstPut } from './failover.ts';
import { load } from './load.ts';
import type { Connection, Subject } from './subject.ts';

const value = 'x'.repeat(256);
const keysPerClient = 16;

export interface AloneOptions {
  readonly json: boolean;
  readonly idleSeconds: number;
  readonly entries: number;
  readonly transfers: number;
  readonly silences: number;
}

export async function measureAlone(subject: Subject, options: AloneOptions): Promise<void> {
  const disk = mountDisk('3G');
  const dir = disk?.dir ?? mkdtempSync(join(tmpdir(), 'hf-bench-'));
  if (disk === undefined) process.stderr.write('no loop file system (needs root, losetup and mkfs.ext4): bytes on disk are not measured\n');
  try {
    await subject.start(dir);
    await idle(subject, disk, options);
    await writes(subject, disk, options);
    await transfers(subject, options);
    await failover(subject, 'silence', options.silences, options.json);
    await restart(subject, options);
  } finally {
    await subject.stop();
    disk?.unmount();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function idle(subject: Subject, disk: LoopDisk | undefined, { json, idleSeconds }: AloneOptions): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5000)); // Until start-up writes have settled.
  const pids = subject.pids();
  const written = settledBytes(disk);
  const [cpu, network] = [pids.map(cpuMs), loopbackBytes()];
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
  const params = { seconds: idleSeconds, nodes: pids.length };
  const figure = { subject: subject.name, params };
  const shares = pids.map((pid, at) => (cpuMs(pid) - (cpu[at] ?? 0)) / idleSeconds / 10);
  printFigure(
    { ...figure, figure: 'consensus.idle_cpu', value: median(shares), unit: '% of a core', samples: shares, note: 'a node' },
    json,
  );
  const sizes = pids.map(rssMiB);
  printFigure({ ...figure, figure: 'consensus.idle_rss', value: median(sizes), unit: 'MiB', samples: sizes, note: 'a node' }, json);
  const perSecond = (loopbackBytes() - network) / idleSeconds;
  printFigure({ ...figure, figure: 'consensus.idle_network', value: perSecond, unit: 'B/s', note: 'sent by all nodes together' }, json);
  printFigure(
    {
      ...figure,
      figure: 'consensus.idle_disk',
      value: written === undefined ? null : (settledBytes(disk) ?? 0) - written,
      unit: 'B',
      note: 'all nodes together, with the journal of the file system and their text logs',
    },
    json,
  );
}

/** Bytes the block device took for each put; then more puts until the log has had as many entries as asked for. */
async function writes(subject: Subject, disk: LoopDisk | undefined, { json, entries }: AloneOptions): Promise<void> {
  const connection = await subject.connect();
  const put = putOn(connection);
  let total = 0;
  for (const clients of [1, 64]) {
    total += (await load(clients, 1, put)).count;
    const before = settledBytes(disk);
    const { count } = await load(clients, 5, put);
    total += count;
    const figure = {
      figure: 'consensus.disk_bytes_per_put',
      subject: subject.name,
      unit: 'B',
      params: { clients, value_bytes: value.length },
    };
    const note = 'all three nodes together, from the counters of the block device';
    printFigure({ ...figure, value: before === undefined ? null : ((settledBytes(disk) ?? 0) - before) / count, note }, json);
  }
  while (total < entries) total += (await load(256, 2, put)).count;
  connection.close();
}

function putOn(connection: Connection): (client: number, request: number) => Promise<void> {
  return (client, request) => connection.put(`bench-${client}-${request % keysPerClient}`, value);
}

/** Planned hand-overs under 16 writing clients, who see no failure. */
async function transfers(subject: Subject, { json, transfers: trials }: AloneOptions): Promise<void> {
  if (subject.transfer === undefined) return;
  const samples: number[] = [];
  const ended = new AbortController();
  let failed = 0;
  const connection = await subject.connect(true);
  const writers = Array.from({ length: 16 }, async (_, client) => {
    for (let request = 0; !ended.signal.aborted; request += 1)
      await putOn(connection)(client, request).catch(() => {
        failed += 1;
      });
  });
  for (let trial = 0; trial < trials; trial += 1) {
    samples.push(await subject.transfer());
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  ended.abort();
  await Promise.all(writers);
  connection.close();
  const figure = { subject: subject.name, unit: 'ms', params: { clients: 16, trials } };
  const note = `asked of the leader until it says done; ${failed} writes failed`;
  printFigure({ ...figure, figure: 'consensus.transfer_ms', value: median(samples), samples, note }, json);
  printFigure({ ...figure, figure: 'consensus.transfer_p99_ms', value: quantile(samples, 0.99) }, json);
}

async function restart(subject: Subject, { json, entries }: AloneOptions): Promise<void> {
  await subject.killAll();
  const began = performance.now();
  subject.startAll();
  await firstPut(subject, 'restart');
  const note = 'all three SIGKILLed; from their start to the first acknowledged write';
  const figure = { figure: 'consensus.restart_ms', subject: subject.name, unit: 'ms', params: { entries } };
  printFigure({ ...figure, value: performance.now() - began, note }, json);
}

/** What is written by now, and nothing that still waits in memory. */
function settledBytes(disk: LoopDisk | undefined): number | undefined {
  if (disk === undefined) return undefined;
  execFileSync('sync', ['-f', disk.dir]);
  return bytesWritten(disk.device);
}
