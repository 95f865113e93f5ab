/** ZooKeeper as Debian ships it. Its client here speaks the wire protocol on one connection, with requests under way as they come. */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { done, notYet, until } from '../../../agent/demo/until.ts';
import { freePorts, Servers } from './servers.ts';
import type { Connection, Subject } from './subject.ts';

const jars = '/usr/share/java/zookeeper.jar:/usr/share/java/*';

export class ZooKeeper implements Subject {
  readonly name = 'zookeeper';
  readonly client = 'its wire protocol, one pipelined connection to the leader; a get is sync and getData';
  #servers: Servers | undefined;
  #ports: readonly number[] = [];
  #killed: number | undefined;
  #frozen: number | undefined;

  async start(directory: string): Promise<void> {
    const ports = await freePorts(9);
    this.#ports = ports.slice(0, 3);
    const lines = [0, 1, 2].map((at) => `server.${at + 1}=127.0.0.1:${ports[3 + at]}:${ports[6 + at]}`);
    const specs = this.#ports.map((port, at) => {
      const home = `${directory}/n${at}`;
      mkdirSync(home, { recursive: true });
      writeFileSync(`${home}/myid`, `${at + 1}\n`);
      const config = ['tickTime=2000', 'initLimit=10', 'syncLimit=5', `dataDir=${home}`, `clientPort=${port}`, 'admin.enableServer=false'];
      writeFileSync(`${home}/zoo.cfg`, [...config, '4lw.commands.whitelist=*', 'maxClientCnxns=0', ...lines, ''].join('\n'));
      const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
      return { command: 'java', args: ['-Xmx512m', '-cp', `/etc/zookeeper/conf:${jars}`, main, `${home}/zoo.cfg`] };
    });
    this.#servers = new Servers(directory, specs);
    this.#servers.startAll();
    await this.#settled();
  }

  async connect(survivor = false): Promise<Connection> {
    const at = survivor ? (this.#servers?.up.find((one) => one !== this.#killed && one !== this.#frozen) as number) : await this.#leader();
    let wire: Wire | undefined;
    let opening: Promise<Wire> | undefined;
    const known = new Set<string>();
    // One for all clients, however many of them ask first.
    const open = async (): Promise<Wire> => {
      if (wire?.isOpen) return wire;
      opening ??= Wire.open(this.#ports[at] as number);
      wire = await opening.finally(() => {
        opening = undefined;
      });
      return wire;
    };
    return {
      put: async (key, value) => {
        const use = await open();
        if (known.has(key)) await use.setData(`/${key}`, value);
        else await use.create(`/${key}`, value);
        known.add(key);
      },
      get: async (key) => (await open()).syncedData(`/${key}`),
      close: () => wire?.close(),
    };
  }

  pids(): readonly number[] {
    return this.#servers?.pids() ?? [];
  }

  async killLeader(): Promise<void> {
    this.#killed = await this.#leader();
    await this.#servers?.kill(this.#killed);
  }

  async freezeLeader(): Promise<void> {
    this.#frozen = await this.#leader();
    this.#servers?.signal(this.#frozen, 'SIGSTOP');
  }

  async killAll(): Promise<void> {
    await this.#servers?.stopAll();
  }

  startAll(): void {
    this.#servers?.startAll();
  }

  async restore(): Promise<void> {
    if (this.#frozen !== undefined) this.#servers?.signal(this.#frozen, 'SIGCONT');
    this.#frozen = undefined;
    if (this.#killed !== undefined) this.#servers?.start(this.#killed);
    this.#killed = undefined;
    await this.#settled();
  }

  async stop(): Promise<void> {
    await this.#servers?.stopAll();
  }

  #leader(): Promise<number> {
    return until('a leader of ZooKeeper', 60_000, async () => {
      for (const at of this.#servers?.up ?? []) if ((await this.#mode(at)) === 'leader') return done(at);
      return notYet('none');
    });
  }

  async #settled(): Promise<void> {
    await until('all ZooKeepers take part', 90_000, async () => {
      const modes = await Promise.all([0, 1, 2].map((at) => this.#mode(at)));
      return modes.every((mode) => mode === 'leader' || mode === 'follower') ? done(true) : notYet(modes.join(' '));
    });
  }

  #mode(at: number): Promise<string | undefined> {
    return new Promise((resolve) => {
      let text = '';
      const socket = connect(this.#ports[at] as number, '127.0.0.1', () => socket.write('srvr'));
      socket.setTimeout(2000, () => socket.destroy());
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(/Mode: (\w+)/.exec(text)?.[1]));
    });
  }
}

/** Operation numbers of the protocol. */
const code = { create: 1, getData: 4, setData: 5, sync: 9 } as const;
const nodeExists = -110;

/** One session. Answers come in the order of the requests. */
class Wire {
  readonly #socket: Socket;
  #waiting: { resolve: (body: Buffer) => void; reject: (error: Error) => void }[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #out: Buffer[] = [];
  #xid = 0;
  isOpen = true;

  private constructor(socket: Socket, rest: Buffer) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isOpen = false;
      for (const { reject } of this.#waiting) reject(new Error('the connection ended'));
      this.#waiting = [];
    });
    this.#take(rest);
  }

  static async open(port: number): Promise<Wire> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    // ConnectRequest: version, last zxid seen, timeout in ms, session, password.
    const body = Buffer.alloc(4 + 8 + 4 + 8 + 4 + 16);
    body.writeInt32BE(30_000, 12);
    body.writeInt32BE(16, 24);
    socket.write(framed(body));
    const [first] = (await once(socket, 'data', { signal: AbortSignal.timeout(3000) })) as [Buffer];
    return new Wire(socket, first.subarray(4 + first.readInt32BE(0)));
  }

  create(path: string, data: string): Promise<void> {
    const acl = Buffer.concat([int(1), int(31), text('world'), text('anyone')]);
    return this.#ask(code.create, [text(path), text(data), acl, int(0)], nodeExists).then((answer) =>
      answer === undefined ? this.setData(path, data) : undefined,
    );
  }

  async setData(path: string, data: string): Promise<void> {
    await this.#ask(code.setData, [text(path), text(data), int(-1)]);
  }

  async syncedData(path: string): Promise<string> {
    const [, answer] = await Promise.all([this.#ask(code.sync, [text(path)]), this.#ask(code.getData, [text(path), Buffer.from([0])])]);
    if (answer === undefined) throw new Error(`${path} is not there`);
    return answer.toString('latin1', 4, 4 + answer.readInt32BE(0));
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The body of the answer; undefined when it is this error, which is expected. */
  #ask(operation: number, parts: readonly Buffer[], expected = 0): Promise<Buffer | undefined> {
    this.#xid += 1;
    if (this.#out.length === 0)
      setImmediate(() => {
        this.#socket.write(Buffer.concat(this.#out));
        this.#out = [];
      });
    this.#out.push(framed(Buffer.concat([int(this.#xid), int(operation), ...parts])));
    return new Promise<Buffer>((resolve, reject) => this.#waiting.push({ resolve, reject })).then((answer) => {
      const error = answer.readInt32BE(12);
      if (error === 0) return answer.subarray(16);
      if (error === expected) return undefined;
      throw new Error(`error ${error}`);
    });
  }

  #take(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (this.#rest.length - at >= 4) {
      const length = this.#rest.readInt32BE(at);
      if (this.#rest.length - at - 4 < length) break;
      this.#waiting.shift()?.resolve(this.#rest.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    this.#rest = this.#rest.subarray(at);
  }
}

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const text = (value: string): Buffer => Buffer.concat([int(Buffer.byteLength(value)), Buffer.from(value)]);
const framed = (body: Buffer): Buffer => Buffer.concat([int(body.length), body]);
