/** Processes of a peer: started in a directory, killed, started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

export interface ServerSpec {
  readonly command: string;
  readonly args: readonly string[];
}

export class Servers {
  readonly #directory: string;
  readonly #specs: readonly ServerSpec[];
  readonly #running = new Map<number, ChildProcess>();

  constructor(directory: string, specs: readonly ServerSpec[]) {
    this.#directory = directory;
    this.#specs = specs;
  }

  startAll(): void {
    for (const at of this.#specs.keys()) this.start(at);
  }

  start(at: number): void {
    const spec = this.#specs[at];
    if (spec === undefined || this.#running.has(at)) return;
    mkdirSync(this.#directory, { recursive: true });
    const out = openSync(join(this.#directory, `node-${at}.log`), 'a');
    const child = spawn(spec.command, spec.args, { stdio: ['ignore', out, out] });
    child.once('exit', () => this.#running.delete(at));
    this.#running.set(at, child);
  }

  async kill(at: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#running.get(at);
    if (child === undefined) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  /** Without a death: SIGSTOP, SIGCONT. */
  signal(at: number, signal: NodeJS.Signals): void {
    this.#running.get(at)?.kill(signal);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((at) => this.kill(at)));
  }

  get up(): readonly number[] {
    return [...this.#running.keys()];
  }

  pids(): readonly number[] {
    return [...this.#running.values()].map(({ pid }) => pid as number);
  }
}

/** Ports nobody listened on a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return (server.address() as { port: number }).port;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
