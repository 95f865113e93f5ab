/** Measures a site of three in one process on the real disk: `node test/consensus/driver/throughput.ts [clients] [seconds]`. One JSON line per figure. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeFileSystem } from '../../../consensus/driver/log/node-file-system.ts';
import { Cluster } from './cluster.ts';
import { put } from './kv-machine.ts';

const clients = Number(process.argv[2] ?? 64);
const seconds = Number(process.argv[3] ?? 5);

const print = (figure: string, value: number, unit: string, params: Record<string, unknown> = {}) =>
  process.stdout.write(
    `${JSON.stringify({ figure, subject: 'holdfast', value: Math.round(value * 1000) / 1000, unit, params, samples: [], note: '' })}\n`,
  );
const quantile = (sorted: readonly number[], q: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;

/** One pre-written sector, then fdatasync: what the disk itself takes. */
async function rawSync(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-raw-'));
  const file = await new NodeFileSystem().open(join(directory, 'raw'), 'create');
  await file.preallocate(4 << 20, 0);
  await file.fdatasync();
  const times: number[] = [];
  for (let i = 0; i < 1000; i++) {
    const start = performance.now();
    await file.pwrite(new Uint8Array(512).fill(i), i * 512);
    await file.fdatasync();
    times.push(performance.now() - start);
  }
  await file.close();
  await rm(directory, { recursive: true });
  times.sort((a, b) => a - b);
  print('disk.fdatasync_p50', quantile(times, 0.5), 'ms');
  print('disk.fdatasync_p99', quantile(times, 0.99), 'ms');
}

async function puts(cluster: Cluster, count: number): Promise<void> {
  const { node } = await cluster.leader();
  const end = performance.now() + seconds * 1000;
  const times: number[] = [];
  const savesBefore = node.status().saves;
  const client = async (id: number) => {
    for (let i = 0; performance.now() < end; i++) {
      const start = performance.now();
      await node.propose(put(`client-${id}-${i % 100}`, 'x'.repeat(100)));
      times.push(performance.now() - start);
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: count }, (_, id) => client(id)));
  const elapsed = (performance.now() - started) / 1000;
  times.sort((a, b) => a - b);
  const params = { clients: count, nodes: 3, processes: 1 };
  print('consensus.puts_per_second', times.length / elapsed, '1/s', params);
  print('consensus.put_p50', quantile(times, 0.5), 'ms', params);
  print('consensus.put_p99', quantile(times, 0.99), 'ms', params);
  print('consensus.saves_per_put', (node.status().saves - savesBefore) / times.length, '1', params);
}

async function idleCpu(cluster: Cluster): Promise<void> {
  await cluster.leader();
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const { user, system } = process.cpuUsage(before);
  print('consensus.idle_cpu_per_node', (user + system) / 5_000_000 / 3, 'cores', { nodes: 3, processes: 1 });
}

await rawSync();
const cluster = await Cluster.start(3, { log: { segmentBytes: 4 << 20, reserveBytes: 4 << 20 } });
await puts(cluster, 1);
await puts(cluster, clients);
await idleCpu(cluster);
await cluster.stop();
