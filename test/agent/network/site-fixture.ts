/** Real boxes on the loopback interface of one process. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Network } from '../../../agent/network/host.ts';
import { type Identity, loadOrCreateIdentity } from '../../../agent/network/identity.ts';
import type { KnownPeer, Log } from '../../../agent/ports.ts';
import { BootClock } from '../../../consensus/driver/boot-clock.ts';

export const random = { nextInt: (below: number): number => Math.floor(Math.random() * below) };

export interface LogLine {
  readonly event: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export function memoryLog(lines: LogLine[]): Log {
  const add = (event: string, facts: object = {}): void => void lines.push({ event, facts: { ...facts } });
  return { debug: add, info: add, warn: add, error: add };
}

export async function until(condition: () => boolean, what: string, patienceMs = 10_000): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > deadline) assert.fail(`waited ${patienceMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

export interface Box {
  readonly known: KnownPeer;
  readonly identity: Identity;
  readonly dataDir: string;
}

/** A site under test. `start` may be called again for a box after its `stop`: it comes back on the same port. */
export class Site {
  readonly boxes = new Map<string, Box>();
  readonly running = new Map<string, Network>();
  readonly logs = new Map<string, LogLine[]>();
  readonly #clocks: BootClock[] = [];

  static async make(names: readonly string[]): Promise<Site> {
    const site = new Site();
    for (const name of names) {
      const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-network-'));
      const identity = await loadOrCreateIdentity(dataDir);
      const address = `/ip4/127.0.0.1/tcp/${await freePort()}`;
      site.boxes.set(name, { known: { name, site: 'plant', peerId: identity.peerId, address, relation: 'member' }, identity, dataDir });
    }
    return site;
  }

  box(name: string): Box {
    const box = this.boxes.get(name);
    assert.ok(box, `no box ${name}`);
    return box;
  }

  log(name: string): readonly LogLine[] {
    return this.logs.get(name) ?? [];
  }

  peers(): KnownPeer[] {
    return [...this.boxes.values()].map(({ known }) => known);
  }

  /** Builds a box; `start` it, or set handlers first. */
  build(
    name: string,
    overrides: { readonly clusterId?: string; readonly peers?: readonly KnownPeer[]; readonly listen?: string } = {},
  ): Network {
    const { identity, known } = this.box(name);
    const clock = new BootClock();
    this.#clocks.push(clock);
    const lines: LogLine[] = [];
    this.logs.set(name, lines);
    const network = new Network({
      identity,
      listen: overrides.listen ?? known.address ?? '/ip4/127.0.0.1/tcp/0',
      self: { name, site: 'plant', clusterId: overrides.clusterId ?? 'cluster-1', clusterEpoch: 0, incarnation: 1, run: 1, start: 1 },
      peers: overrides.peers ?? this.peers(),
      clock,
      log: memoryLog(lines),
      random,
    });
    this.running.set(name, network);
    return network;
  }

  async start(...names: readonly string[]): Promise<Network[]> {
    const networks = names.map((name) => this.build(name));
    await Promise.all(networks.map((network) => network.start()));
    return networks;
  }

  async stop(name: string): Promise<void> {
    await this.running.get(name)?.stop();
    this.running.delete(name);
  }

  async connected(): Promise<void> {
    const wanted = this.running.size - 1;
    await until(
      () => [...this.running.values()].every((network) => network.peers().filter(({ connected }) => connected).length >= wanted),
      'all boxes to be connected',
    );
  }

  async close(): Promise<void> {
    await Promise.all([...this.running.keys()].map((name) => this.stop(name)));
    for (const { dataDir } of this.boxes.values()) await rm(dataDir, { recursive: true, force: true });
    for (const clock of this.#clocks.splice(0)) clock.close();
    this.boxes.clear();
  }
}
