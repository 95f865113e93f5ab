/** What lies between the boxes, and how it is cut: silently, one direction at a time, without either end being told. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { Link } from '../../agent/demo/link.ts';
import { isAlive } from '../../agent/demo/processes.ts';

const run = promisify(execFile);
const port = 4001;

export interface ChaosNetwork {
  readonly kind: 'namespaces' | 'relays';
  /** What the program of this box is started with. */
  prefix(box: number): readonly string[];
  listen(box: number): string;
  /** Where `from` finds `to`. */
  address(from: number, to: number): string;
  /** Nothing of `from` reaches `to` any more. Relays cut connections, so both directions of those that `from` opened. */
  cut(from: number, to: number): Promise<void>;
  heal(): Promise<void>;
  close(): Promise<void>;
}

/** Boxes in network namespaces on one bridge. Packets are lost by sending them to an address on the wire that nobody has. */
class Namespaces implements ChaosNetwork {
  readonly kind = 'namespaces';
  readonly #count: number;
  readonly #name = `hfchaos${process.pid}`;
  readonly #cuts = new Set<string>();

  constructor(count: number) {
    this.#count = count;
  }

  async open(): Promise<void> {
    const { host, wire } = this.#names();
    await sweep();
    await ip('netns', 'add', wire);
    await ip('-n', wire, 'link', 'add', 'br0', 'type', 'bridge');
    await ip('-n', wire, 'link', 'set', 'br0', 'up');
    for (let box = 0; box < this.#count; box += 1) {
      const name = host(box);
      await ip('netns', 'add', name);
      await ip('-n', name, 'link', 'set', 'lo', 'up');
      await ip('-n', wire, 'link', 'add', `p${box}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      await ip('-n', wire, 'link', 'set', `p${box}`, 'master', 'br0', 'up');
      await ip('-n', name, 'addr', 'add', `${this.#ip(box)}/24`, 'dev', 'eth0');
      await ip('-n', name, 'link', 'set', 'eth0', 'up');
    }
  }

  prefix(box: number): readonly string[] {
    return ['ip', 'netns', 'exec', this.#names().host(box)];
  }

  listen(box: number): string {
    return this.address(box, box);
  }

  address(_from: number, to: number): string {
    return `/ip4/${this.#ip(to)}/tcp/${port}`;
  }

  async cut(from: number, to: number): Promise<void> {
    if (this.#cuts.has(`${from} ${to}`)) return;
    this.#cuts.add(`${from} ${to}`);
    const nobody = ['lladdr', '02:00:00:00:00:fe', 'nud', 'permanent'];
    await ip('-n', this.#names().host(from), 'neigh', 'replace', this.#ip(to), 'dev', 'eth0', ...nobody);
  }

  async heal(): Promise<void> {
    for (const cut of this.#cuts) {
      const [from, to] = cut.split(' ').map(Number) as [number, number];
      await ip('-n', this.#names().host(from), 'neigh', 'del', this.#ip(to), 'dev', 'eth0');
    }
    this.#cuts.clear();
  }

  async close(): Promise<void> {
    const { host, wire } = this.#names();
    for (const name of [...Array.from({ length: this.#count }, (_, box) => host(box)), wire])
      await ip('netns', 'del', name).catch(() => undefined);
  }

  #names(): { readonly host: (box: number) => string; readonly wire: string } {
    return { host: (box) => `${this.#name}-${box}`, wire: `${this.#name}-wire` };
  }

  #ip = (box: number): string => `10.79.0.${box + 11}`;
}

/** Boxes on loopback; each reaches each other over a relay of its own. */
class Relays implements ChaosNetwork {
  readonly kind = 'relays';
  readonly #ports: readonly number[];
  readonly #links: ReadonlyMap<string, Link>;

  constructor(ports: readonly number[], links: ReadonlyMap<string, Link>) {
    this.#ports = ports;
    this.#links = links;
  }

  static async open(count: number): Promise<Relays> {
    const ports = await freePorts(count);
    const links = new Map<string, Link>();
    for (let from = 0; from < count; from += 1)
      for (let to = 0; to < count; to += 1) if (from !== to) links.set(`${from} ${to}`, await Link.open(0, ports[to] as number));
    return new Relays(ports, links);
  }

  prefix(): readonly string[] {
    return [];
  }

  listen(box: number): string {
    return `/ip4/127.0.0.1/tcp/${this.#ports[box]}`;
  }

  address(from: number, to: number): string {
    return from === to ? this.listen(to) : `/ip4/127.0.0.1/tcp/${this.#links.get(`${from} ${to}`)?.port}`;
  }

  async cut(from: number, to: number): Promise<void> {
    this.#links.get(`${from} ${to}`)?.block();
  }

  async heal(): Promise<void> {
    for (const link of this.#links.values()) link.unblock();
  }

  async close(): Promise<void> {
    for (const link of this.#links.values()) link.close();
  }
}

/** Network namespaces where this user may make them, else relays. @param kind the one to take, come what may. */
export async function openNetwork(count: number, kind?: ChaosNetwork['kind']): Promise<ChaosNetwork> {
  if (kind === 'relays') return Relays.open(count);
  const namespaces = new Namespaces(count);
  try {
    await namespaces.open();
    return namespaces;
  } catch (error) {
    await namespaces.close();
    if (kind !== undefined) throw error;
    return Relays.open(count);
  }
}

/** Deletes what runs left that were killed. */
async function sweep(): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'list']);
  for (const [, name, pid] of stdout.matchAll(/^(hfchaos(\d+)-\w+)/gm)) if (!isAlive(Number(pid))) await ip('netns', 'del', name as string);
}

async function ip(...args: readonly string[]): Promise<void> {
  await run('ip', args);
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
