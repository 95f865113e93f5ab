/** The demonstration's boxes: a site of three and an upper site of one, on one machine, talking over loopback. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentConfig, Member } from '../../schemas/generated/types.ts';
import { loadOrCreateIdentity } from '../network/identity.ts';
import { Box, findFakeTime } from './box.ts';
import { Link } from './link.ts';
import { killBox } from './processes.ts';

export interface DemoSiteOptions {
  readonly program: readonly string[];
  /** Where everything lives; a new directory under the system's temporary one by default. */
  readonly dir?: string;
  /** Seconds are long in a demonstration: milliseconds without the upper site before the site decides for itself. @default 3000 */
  readonly holdTimeMs?: number;
  /** All boxes run on the true clock. A false one costs every look at it. @default false */
  readonly trueClocks?: boolean;
}

const clusterOf = { mill: 'mill-demo-cluster', region: 'region-demo-cluster' } as const;
/** Every source is wired to two boxes, as a careful plant does it: when one dies, the data is still to be had. */
const devicesOf: Readonly<Record<string, AgentConfig['devices']>> = {
  'box-a': [
    { id: 'press-1', kind: 'press', delivers: [{ source: 'press-1/vibration', rateMBps: 0.2 }] },
    { id: 'mill-meter-2', kind: 'meter', delivers: [{ source: 'mill/energy', rateMBps: 0.01 }] },
  ],
  'box-b': [
    { id: 'press-2', kind: 'press', delivers: [{ source: 'press-2/vibration', rateMBps: 0.2 }] },
    { id: 'press-1-second-wire', kind: 'press', delivers: [{ source: 'press-1/vibration', rateMBps: 0.2 }] },
  ],
  'box-c': [
    { id: 'mill-meter', kind: 'meter', delivers: [{ source: 'mill/energy', rateMBps: 0.01 }] },
    { id: 'press-2-second-wire', kind: 'press', delivers: [{ source: 'press-2/vibration', rateMBps: 0.2 }] },
  ],
};

export class DemoSite {
  readonly dir: string;
  readonly boxes: readonly Box[];
  readonly upper: Box;
  /** Which boxes run under a clock of their own, in words; says so when it could not be done. */
  readonly clocks: string;
  /** The site reaches its upper site over this. */
  readonly link: Link;

  private constructor(dir: string, boxes: readonly Box[], upper: Box, clocks: string, link: Link) {
    this.link = link;
    this.dir = dir;
    this.boxes = boxes;
    this.upper = upper;
    this.clocks = clocks;
  }

  /** Makes directories, identities and configuration files; starts nothing. */
  static async prepare(options: DemoSiteOptions): Promise<DemoSite> {
    const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'holdfast-'));
    const fakeTime = options.trueClocks !== true && findFakeTime() !== undefined;
    // One box whose battery died, one that somebody set wrong: neither may matter.
    const clockOf: Readonly<Record<string, string>> = fakeTime ? { 'box-b': '@1970-01-02 00:00:00', 'box-c': '+365d' } : {};
    const make = (name: string, site: string): Box => new Box({ name, site, dir, program: options.program, fakeTime: clockOf[name] });
    const boxes = ['box-a', 'box-b', 'box-c'].map((name) => make(name, 'mill'));
    const upper = make('region-1', 'region');
    const all = [...boxes, upper];
    const ports = await freePorts(all.length * 2 + 1);
    const upperPort = ports[all.indexOf(upper)] as number;
    const link = await Link.open(ports.at(-1) as number, upperPort);
    const members = new Map<string, Member>();
    for (const [i, box] of all.entries()) {
      const { peerId } = await loadOrCreateIdentity(box.dataDir);
      members.set(box.name, { name: box.name, peerId, address: `/ip4/127.0.0.1/tcp/${ports[i]}` });
    }
    const member = (box: Box): Member => members.get(box.name) as Member;
    const viaLink = { ...member(upper), address: `/ip4/127.0.0.1/tcp/${link.port}` };
    for (const [i, box] of all.entries()) {
      const isUpper = box === upper;
      box.writeConfig({
        version: 1,
        node: {
          name: box.name,
          domain: isUpper ? 'server-room' : `cabinet-${box.name.slice(-1)}`,
          tags: isUpper ? ['server'] : ['edge'],
          ...(isUpper ? { extras: ['data-backup'] } : {}),
        },
        site: {
          name: box.site,
          clusterId: isUpper ? clusterOf.region : clusterOf.mill,
          members: isUpper ? [member(upper)] : boxes.map(member),
        },
        ...(isUpper
          ? { children: [{ site: 'mill', members: boxes.map((child) => ({ name: child.name, peerId: member(child).peerId })) }] }
          : { upper: { site: 'region', members: [viaLink], holdTimeMs: options.holdTimeMs ?? 3000, latencyMs: 15, mbps: 100 } }),
        listen: member(box).address,
        dataDir: box.dataDir,
        runtimeDir: box.runtimeDir,
        status: { socket: box.socket, port: ports[all.length + i] as number },
        capacity: isUpper
          ? { memoryMiB: 1024, cpuCores: 1, diskMiB: 2048, cacheMiB: 512 }
          : { memoryMiB: 512, cpuCores: 0.5, diskMiB: 1024, cacheMiB: 256 },
        devices: devicesOf[box.name] ?? [],
        timing: { healthSampleMs: 2000 },
        limits: { logSegmentKiB: 1024 },
      });
    }
    const clocks = fakeTime
      ? 'the clock of box-b stands at 1970, that of box-c a year ahead'
      : `all boxes run on the true clock${options.trueClocks === true ? '' : ': libfaketime is not installed'}`;
    return new DemoSite(dir, boxes, upper, clocks, link);
  }

  get all(): readonly Box[] {
    return [...this.boxes, this.upper];
  }

  start(): void {
    for (const box of this.all) box.start();
  }

  /** Ends agents, keepers and workloads, and leaves no process behind. */
  async stop(): Promise<void> {
    this.link.close();
    await Promise.all(this.all.map((box) => killBox(box.runtimeDir)));
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Distinct TCP ports that were free a moment ago. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => {
            const address = server.address();
            resolve(typeof address === 'object' && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
