/** Starts example programs as a box would: artefacts in a working directory of their own, and an agent's socket to ask. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HealthDocument, NodesDocument, WorkloadSpec } from '../../schemas/generated/types.ts';

export const workloadFile = new URL('../../packaging/examples/site.workloads.yaml', import.meta.url);
const healthExample = new URL('../../schemas/examples/valid/HealthDocument.small-box.json', import.meta.url);

/** One box with health, and one nobody has heard of. */
export function nodesDocument(): NodesDocument {
  const health = JSON.parse(readFileSync(healthExample, 'utf8')) as HealthDocument;
  const node = { site: 'press-shop', usable: true, reason: null, topology: null, staged: 0 };
  return {
    revision: 7,
    nodes: [
      { ...node, name: health.node, health, healthAgeSeconds: 1.5 },
      { ...node, name: 'box-b', health: null, healthAgeSeconds: null },
    ],
  };
}

export class Running {
  stdout = '';
  stderr = '';
  readonly process: ChildProcess;

  constructor(child: ChildProcess) {
    this.process = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  /** Complete lines so far. */
  get lines(): readonly string[] {
    return this.stdout.split('\n').slice(0, -1);
  }

  get ended(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** Resolves with the exit code once the output is complete; kills and rejects when that takes longer than 10 s. */
  async end(): Promise<number | null> {
    // `close`, not `exit`: the last lines may still be in the pipe.
    const closed = once(this.process, 'close', { signal: AbortSignal.timeout(10_000) });
    try {
      const [code] = (await closed) as [number | null];
      return code;
    } finally {
      this.process.kill('SIGKILL');
    }
  }

  /** Waits until a number of lines is there. @throws Error after 10 s, or when the program ends before */
  async untilLines(count: number): Promise<readonly string[]> {
    await until(() => this.lines.length >= count || this.ended, `${count} lines; there are: ${this.stdout}${this.stderr}`);
    if (this.lines.length < count) throw new Error(`The program ended after ${this.lines.length} lines: ${this.stderr}`);
    return this.lines;
  }
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited 10 s for ${what}`);
    await sleep(10);
  }
}

/** A stand-in for the agent's socket, and the processes that ask it. */
export class Bench {
  readonly directory = mkdtempSync(join(tmpdir(), 'holdfast-examples-'));
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #running: Running[] = [];

  constructor(answers: Readonly<Record<string, unknown>>) {
    this.#server = createServer(({ url = '' }, response) => {
      this.asked.push(url);
      const answer = answers[url];
      response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}));
    });
  }

  get socket(): string {
    return join(this.directory, 'agent.sock');
  }

  async listen(): Promise<void> {
    this.#server.listen(this.socket);
    await once(this.#server, 'listening');
  }

  /** Starts a workload in a new directory that holds its artefacts and nothing else; standard input stays open. */
  start(spec: WorkloadSpec, environment: Readonly<Record<string, string>> = {}): Running & { readonly directory: string } {
    const directory = mkdtempSync(join(this.directory, `${spec.name}-`));
    for (const { name, source } of spec.artefacts ?? [])
      if (source !== undefined) copyFileSync(new URL(source, workloadFile), join(directory, name));
    const [program = '', ...args] = spec.command;
    const box = {
      PATH: process.env['PATH'] ?? '',
      HOLDFAST_SOCKET: this.socket,
      HOLDFAST_NODE: 'box-a',
      HOLDFAST_WORKLOAD: spec.name,
      HOLDFAST_REPLICA: '0',
    };
    const child = spawn(program === 'node' ? process.execPath : program, args, {
      cwd: directory,
      env: { ...box, ...spec.env, ...environment },
    });
    const running = new Running(child);
    this.#running.push(running);
    return Object.assign(running, { directory });
  }

  async close(): Promise<void> {
    for (const running of this.#running.filter(({ ended }) => !ended)) {
      const ended = once(running.process, 'exit');
      running.process.kill('SIGKILL');
      await ended;
    }
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
