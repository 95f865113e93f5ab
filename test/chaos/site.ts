/** Five real agents of one site, each with its own data, network and clock. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Box, findFakeTime } from '../../agent/demo/box.ts';
import { getStatus } from '../../agent/demo/client.ts';
import { killBox } from '../../agent/demo/processes.ts';
import { done, notYet, until } from '../../agent/demo/until.ts';
import { loadOrCreateIdentity } from '../../agent/network/identity.ts';
import { BoxDisk } from './disks.ts';
import { type ChaosNetwork, openNetwork } from './network.ts';

const names = ['box-a', 'box-b', 'box-c', 'box-d', 'box-e'] as const;

export class ChaosSite {
  readonly dir: string;
  readonly network: ChaosNetwork;
  readonly boxes: readonly Box[];
  /** Of each box that has one of its own. */
  readonly disks: ReadonlyMap<Box, BoxDisk>;
  /** Whether clocks can be set. */
  readonly hasClocks: boolean;

  private constructor(dir: string, network: ChaosNetwork, boxes: readonly Box[], disks: ReadonlyMap<Box, BoxDisk>, hasClocks: boolean) {
    this.dir = dir;
    this.network = network;
    this.boxes = boxes;
    this.disks = disks;
    this.hasClocks = hasClocks;
  }

  /** @param program how an agent is started. */
  static async prepare(program: readonly string[], networkKind?: ChaosNetwork['kind']): Promise<ChaosSite> {
    const dir = mkdtempSync(join(tmpdir(), 'hf-chaos-'));
    const network = await openNetwork(names.length, networkKind);
    const library = findFakeTime();
    const boxes = names.map((name, i) => {
      const clock = join(dir, `${name}.clock`);
      writeFileSync(clock, '+0s\n');
      const clocked = [
        'env',
        `LD_PRELOAD=${library}`,
        `FAKETIME_TIMESTAMP_FILE=${clock}`,
        'FAKETIME_NO_CACHE=1',
        'FAKETIME_DONT_FAKE_MONOTONIC=1',
      ];
      const start = [...network.prefix(i), ...(library === undefined ? [] : clocked), ...program];
      return new Box({ name, site: 'chaos', dir, program: start, fakeTime: undefined });
    });
    const disks = new Map<Box, BoxDisk>();
    for (const box of boxes) {
      const disk = await BoxDisk.mount(join(dir, `${box.name}.img`), box.dataDir);
      if (disk !== undefined) disks.set(box, disk);
    }
    const ids = await Promise.all(boxes.map(async ({ dataDir }) => (await loadOrCreateIdentity(dataDir)).peerId));
    for (const [i, box] of boxes.entries()) {
      mkdirSync(box.runtimeDir, { recursive: true });
      box.writeConfig({
        version: 1,
        node: { name: box.name },
        site: {
          name: 'chaos',
          clusterId: 'chaos-cluster',
          members: boxes.map(({ name }, to) => ({ name, peerId: ids[to] as string, address: network.address(i, to) })),
        },
        listen: network.listen(i),
        dataDir: box.dataDir,
        runtimeDir: box.runtimeDir,
        status: { socket: box.socket, port: 0 },
        timing: { healthSampleMs: 5000 },
        // Small, so that logs are cut and snapshots are sent while it goes on.
        limits: { logSegmentKiB: 256 },
      });
    }
    return new ChaosSite(dir, network, boxes, disks, library !== undefined);
  }

  /** Sets the wall clock of a box, as libfaketime writes it. */
  setClock(box: Box, to: string): void {
    writeFileSync(join(this.dir, `${box.name}.clock`), `${to}\n`);
  }

  async start(): Promise<void> {
    for (const box of this.boxes) box.start();
    await this.whole(60_000);
  }

  /** Resolves once all boxes follow one leader and are ready. */
  async whole(deadlineMs: number): Promise<void> {
    await until('all boxes are ready under one leader', deadlineMs, async () => {
      const all = await Promise.all(this.boxes.map((box) => getStatus(box)));
      const leaders = new Set(all.map(({ consensus }) => consensus.leader));
      const isReady = all.every(({ consensus }) => consensus.ready) && leaders.size === 1 && !leaders.has(null);
      return isReady ? done(true) : notYet(all.map(({ node, consensus }) => `${node.name}: ${consensus.role}`).join(', '));
    });
  }

  /** The box that leads as far as any box that answers knows. */
  async leader(): Promise<Box | undefined> {
    for (const box of this.boxes) {
      if (box.pid === undefined) continue;
      const status = await getStatus(box).catch(() => undefined);
      const leader = this.boxes.find(({ name }) => name === status?.consensus.leader);
      if (leader !== undefined) return leader;
    }
    return undefined;
  }

  /** How often the agents said so, as far as their logs go back. */
  said(event: string): number {
    return this.boxes.reduce((sum, { logFile }) => sum + readFileSync(logFile, 'utf8').split(`"${event}"`).length - 1, 0);
  }

  async stop(): Promise<void> {
    await Promise.all(this.boxes.map((box) => killBox(box.runtimeDir)));
    await this.network.close();
    for (const disk of this.disks.values()) await disk.unmount();
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
