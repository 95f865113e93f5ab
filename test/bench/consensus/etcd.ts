/** etcd as Debian ships it. Its client here speaks gRPC over one HTTP/2 connection, with messages encoded by hand. */
import { type ClientHttp2Session, connect } from 'node:http2';
import { done, notYet, until } from '../../../agent/demo/until.ts';
import { freePorts, Servers } from './servers.ts';
import type { Connection, Subject } from './subject.ts';

export class Etcd implements Subject {
  readonly name = 'etcd';
  readonly client = 'gRPC on one HTTP/2 connection to the leader';
  #servers: Servers | undefined;
  #ports: readonly number[] = [];
  #killed: number | undefined;
  #frozen: number | undefined;

  async start(directory: string): Promise<void> {
    const ports = await freePorts(6);
    this.#ports = ports.slice(0, 3);
    const peers = ports.slice(3);
    const cluster = peers.map((port, at) => `n${at}=http://127.0.0.1:${port}`).join(',');
    const specs = this.#ports.map((port, at) => ({
      command: 'etcd',
      args: [
        `--name=n${at}`,
        `--data-dir=${directory}/n${at}`,
        `--listen-client-urls=http://127.0.0.1:${port}`,
        `--advertise-client-urls=http://127.0.0.1:${port}`,
        `--listen-peer-urls=http://127.0.0.1:${peers[at]}`,
        `--initial-advertise-peer-urls=http://127.0.0.1:${peers[at]}`,
        `--initial-cluster=${cluster}`,
        '--initial-cluster-state=new',
        '--log-level=error',
      ],
    }));
    this.#servers = new Servers(directory, specs);
    this.#servers.startAll();
    await this.#leader();
  }

  async connect(survivor = false): Promise<Connection> {
    const at = survivor ? (this.#servers?.up.find((one) => one !== this.#killed && one !== this.#frozen) as number) : await this.#leader();
    const session = connect(`http://127.0.0.1:${this.#ports[at]}`);
    session.on('error', () => undefined);
    return {
      put: async (key, value) => void (await call(session, '/etcdserverpb.KV/Put', [field(1, key), field(2, value)])),
      get: async (key) => {
        const answer = await call(session, '/etcdserverpb.KV/Range', [field(1, key)]);
        if (answer.length < 40) throw new Error(`${key} is not there`);
        return answer.toString('latin1');
      },
      close: () => session.destroy(),
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

  async transfer(): Promise<number> {
    const from = await this.#leader();
    const to = (await this.#state(this.#servers?.up.find((at) => at !== from) as number))?.id;
    if (to === undefined) throw new Error('the successor does not answer');
    const session = connect(`http://127.0.0.1:${this.#ports[from]}`);
    const began = performance.now();
    // MoveLeaderRequest: field 1, the member's id.
    await call(session, '/etcdserverpb.Maintenance/MoveLeader', [Buffer.concat([Buffer.from([1 << 3]), varint(to)])]);
    const took = performance.now() - began;
    session.destroy();
    return took;
  }

  async restore(): Promise<void> {
    if (this.#frozen !== undefined) this.#servers?.signal(this.#frozen, 'SIGCONT');
    this.#frozen = undefined;
    if (this.#killed !== undefined) this.#servers?.start(this.#killed);
    this.#killed = undefined;
    await until('all answer', 60_000, async () => {
      const states = await Promise.all(this.#ports.map((_, at) => this.#state(at)));
      const terms = new Set(states.map((state) => state?.applied));
      return states.every((state) => state !== undefined) && terms.size === 1 ? done(true) : notYet('not yet');
    });
  }

  async stop(): Promise<void> {
    await this.#servers?.stopAll();
  }

  #leader(): Promise<number> {
    return until('a leader of etcd', 60_000, async () => {
      for (const at of this.#servers?.up ?? []) if ((await this.#state(at))?.leads === true) return done(at);
      return notYet('none');
    });
  }

  /** Maintenance/Status: field 1 header {2: member id}, 4 leader, 5 raft index, 8 applied index. */
  async #state(at: number): Promise<{ readonly id: bigint; readonly leads: boolean; readonly applied: bigint } | undefined> {
    const session = connect(`http://127.0.0.1:${this.#ports[at]}`);
    session.on('error', () => undefined);
    try {
      const fields = decode(await call(session, '/etcdserverpb.Maintenance/Status', []));
      const header = decode(fields.get(1) as Buffer);
      const leader = fields.get(4) as bigint | undefined;
      if (leader === undefined || leader === 0n) return undefined;
      const id = header.get(2) as bigint;
      return { id, leads: leader === id, applied: fields.get(8) as bigint };
    } catch {
      return undefined;
    } finally {
      session.destroy();
    }
  }
}

function field(number: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes]);
}

function varint(value: bigint | number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

/** The last of each field: numbers as bigint, the rest as bytes. */
function decode(bytes: Buffer): Map<number, bigint | Buffer> {
  const fields = new Map<number, bigint | Buffer>();
  let at = 0;
  const number = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(number());
    if ((tag & 7) === 0) fields.set(tag >> 3, number());
    else {
      const length = Number(number());
      fields.set(tag >> 3, bytes.subarray(at, at + length));
      at += length;
    }
  }
  return fields;
}

/** One unary gRPC call: the bytes of its answer. */
function call(session: ClientHttp2Session, path: string, parts: readonly Buffer[]): Promise<Buffer> {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' });
    const chunks: Buffer[] = [];
    let status = '0';
    stream.setTimeout(15_000, () => stream.destroy(new Error('no answer')));
    stream.on('response', (headers) => {
      status = String(headers['grpc-status'] ?? '0');
    });
    stream.on('trailers', (trailers) => {
      status = String(trailers['grpc-status'] ?? '0');
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => {
      if (status === '0') resolve(Buffer.concat(chunks).subarray(5));
      else reject(new Error(`gRPC status ${status}`));
    });
    stream.end(Buffer.concat([head, body]));
  });
}
