/** The real HTTP server in front of an agent that is played: for what a healthy lone agent never shows. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../../../agent/ports.ts';
import type { Sender } from '../../../agent/state/commands.ts';
import { type AgentApi, ApiError, type KvValue, type Written } from '../../../agent/status/agent-api.ts';
import { EventRing } from '../../../agent/status/event-ring.ts';
import { StatusServer, type StatusServerOptions } from '../../../agent/status/server.ts';
import { WatchLog } from '../../../agent/status/watch-log.ts';
import type { AllDocuments } from '../../../schemas/generated/types.ts';
import { type DocumentKind, describeProblems, parseDocument } from '../../../schemas/validate.ts';

function example<Kind extends DocumentKind>(kind: Kind, name: string): AllDocuments[Kind] {
  const read = parseDocument(kind, readFileSync(new URL(`../../../schemas/examples/valid/${kind}.${name}.json`, import.meta.url)), 1e6);
  if (!read.ok) throw new Error(`${kind}.${name}: ${describeProblems(read.problems)}`);
  return read.value;
}

/** Holds values; everything else it answers is an example of its schema. */
export class PlayedAgent implements AgentApi {
  readonly events = new EventRing(() => 1000);
  readonly watchLog = new WatchLog(10);
  readonly values = new Map<string, KvValue>();
  /** Of all transactions, oldest first. */
  readonly senders: Sender[] = [];
  reasons: readonly string[] = [];
  /** What asking for the plan comes to. */
  planned: () => ReturnType<AgentApi['plan']> = () => ({ by: 'local', revision: 7, plan: example('Plan', 'mill') });
  /** What writing comes to. */
  write: (written: Written) => Promise<Written> = (written) => Promise.resolve(written);
  waiting = 0;
  #revision = 10;

  readonly maintenance = {
    list: (): AllDocuments['MaintenanceDocument'] => example('MaintenanceDocument', 'a-fan'),
    set: (): Promise<Written> => this.write({ revision: 13 }),
    lift: (): Promise<Written> => this.write({ revision: 14 }),
  };
  readonly members = {
    list: (): AllDocuments['MembersDocument'] => example('MembersDocument', 'one-joins'),
    set: (): Promise<Written> => this.write({ revision: 11 }),
    remove: (): Promise<Written> => this.write({ revision: 12 }),
  };

  status = (): AllDocuments['StatusDocument'] => example('StatusDocument', 'leader-of-three');
  nodes = (): AllDocuments['NodesDocument'] => example('NodesDocument', 'one-heard-one-not');
  workloads = (): AllDocuments['WorkloadsDocument'] => example('WorkloadsDocument', 'mill');
  placements = (): AllDocuments['PlacementsDocument'] => example('PlacementsDocument', 'mill');
  plan(): ReturnType<AgentApi['plan']> {
    return this.planned();
  }
  decisions = (): AllDocuments['DecisionsDocument'] => example('DecisionsDocument', 'a-box-died');
  explain = (workload: string): Promise<object> => Promise.resolve({ workload, replicas: [] });
  problem = (): Promise<AllDocuments['PlacementProblem']> => Promise.resolve(example('PlacementProblem', 'mill'));
  dryRun = (): Promise<object> => Promise.resolve(example('Plan', 'mill'));
  kvGet = (key: string): Promise<KvValue | undefined> => Promise.resolve(this.values.get(key));
  staleness: AgentApi['staleness'] = () => ({ revision: this.#revision, ageMs: 250 });
  kvList: AgentApi['kvList'] = (prefix) =>
    Promise.resolve({ revision: this.#revision, items: [...this.values.values()].filter(({ key }) => key.startsWith(prefix)) });
  kvPut(key: string, value: string): Promise<Written> {
    this.#revision += 1;
    this.values.set(key, { key, value, revision: this.#revision });
    return this.write({ revision: this.#revision });
  }
  kvDelete(key: string): Promise<Written> {
    this.values.delete(key);
    return this.write({ revision: this.#revision });
  }
  kvTransact: AgentApi['kvTransact'] = async ({ operations }, sender) => {
    this.senders.push(sender);
    const { revision } = await this.write({ revision: this.#revision });
    return { revision, results: operations.map(() => ({ deleted: 2 })) };
  };
  sessionOpen = (ttlMs: number): Promise<{ session: number; ownerEpoch: number; ttlMs: number; revision: number }> =>
    Promise.resolve({ session: 3, ownerEpoch: 3, ttlMs, revision: 3 });
  sessionTouch = (): void => undefined;
  sessionMove = this.sessionOpen.bind(this, 5000);
  sessionClose = (): Promise<Written> => this.write({ revision: 4 });
  sessions = (): object => ({ sessions: [] });
  applyWorkloads: AgentApi['applyWorkloads'] = ({ workloads }) =>
    Promise.resolve({ revision: 11, changed: workloads.map(({ name }) => name), unchanged: [] });
  deleteWorkload = (): Promise<Written> => Promise.reject(new ApiError(404, 'NOT_FOUND', 'There is no such workload'));
  hasArtefact = (): boolean => false;
  putArtefact = async (_sha256: string, _bytes: number, source: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const _ of source);
  };
  transferLeadership: AgentApi['transferLeadership'] = () => Promise.resolve({ from: 'a', to: 'b' });
  logs: AgentApi['logs'] = () => Promise.resolve([{ node: 'a', replica: 0, lines: ['one', 'two'] }]);
  revision(): number {
    return this.#revision;
  }
  async waitForRevision(_revision: number, _timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    this.waiting += 1;
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    this.waiting -= 1;
    return false;
  }
  ready(): { readonly ready: boolean; readonly reasons: readonly string[] } {
    return { ready: this.reasons.length === 0, reasons: this.reasons };
  }
  metrics = (): Promise<string> => Promise.resolve('holdfast_term 1\n');
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export class Served {
  /** Made at the start: a suite that is only listed, or left out, leaves nothing behind. */
  readonly dir = join(tmpdir(), `hf-${randomUUID().slice(0, 8)}`);
  readonly socket = join(this.dir, 'a.sock');
  readonly agent = new PlayedAgent();
  readonly logged: string[] = [];
  readonly log: Log;
  #server: StatusServer | undefined;

  constructor() {
    const keep = (event: string, facts?: object): void => void this.logged.push(`${event} ${JSON.stringify(facts)}`);
    this.log = { debug: keep, info: keep, warn: keep, error: keep };
  }

  async start(options: Partial<StatusServerOptions> = {}): Promise<void> {
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    this.#server = new StatusServer(
      { api: this.agent, log: this.log },
      { socket: this.socket, host: '127.0.0.1', port: 0, token: undefined, ...options },
    );
    await this.#server.start();
  }

  ask(path: string, options: RequestOptions = {}, body?: string | Uint8Array): Promise<Answer> {
    return ask({ socketPath: this.socket, path, ...options }, body);
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** One request over a connection of its own. */
export function ask(options: RequestOptions, body?: string | Uint8Array): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = httpRequest({ agent: new Agent(), timeout: 15_000, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }),
      );
      response.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error('no answer')));
    call.on('error', reject);
    call.end(body);
  });
}

/** Everything that comes back for these bytes, until the server ends the connection. */
export function raw(socketPath: string, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(socketPath, () => socket.write(bytes));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
