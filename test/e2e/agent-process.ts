/** One real agent process, for tests of what the whole program does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killBox } from '../../agent/demo/processes.ts';
import { loadOrCreateIdentity } from '../../agent/network/identity.ts';
import type { AgentConfig } from '../../schemas/generated/types.ts';

export const program = [process.execPath, new URL('../../dist/holdfast.mjs', import.meta.url).pathname] as const;

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end; kills it after `timeoutMs`. */
export async function run(
  args: readonly string[],
  options: { readonly timeoutMs?: number; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Finished> {
  const child = spawn(program[0], [program[1], ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...options.env } });
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 20_000);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString('utf8');
  });
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { code, ...output };
}

/** A site of one in a directory of its own. */
export class LoneAgent {
  readonly dir: string;
  readonly runtimeDir: string;
  readonly dataDir: string;
  readonly socket: string;
  readonly configFile: string;
  #child: ChildProcess | undefined;

  constructor() {
    // Made when it is first written to: a suite that is left out leaves nothing behind.
    this.dir = join(tmpdir(), `hf-${randomUUID().slice(0, 8)}`);
    this.runtimeDir = join(this.dir, 'run');
    this.dataDir = join(this.dir, 'data');
    this.socket = join(this.runtimeDir, 'holdfast.sock');
    this.configFile = join(this.dir, 'agent.json');
  }

  async config(changes: Partial<AgentConfig> = {}, port = 0): Promise<AgentConfig> {
    mkdirSync(this.dataDir, { recursive: true, mode: 0o700 });
    const { peerId } = await loadOrCreateIdentity(this.dataDir);
    return {
      version: 1,
      node: { name: 'solo' },
      site: { name: 'solo-site', clusterId: 'solo-cluster', members: [{ name: 'solo', peerId, address: `/ip4/127.0.0.1/tcp/${port}` }] },
      listen: `/ip4/127.0.0.1/tcp/${port}`,
      dataDir: this.dataDir,
      runtimeDir: this.runtimeDir,
      status: { port: 0 },
      limits: { logSegmentKiB: 256 },
      ...changes,
    };
  }

  write(config: unknown): void {
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    writeFileSync(this.configFile, JSON.stringify(config));
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get args(): readonly string[] {
    return ['agent', '--config', this.configFile];
  }

  /** Starts the agent and waits until it answers, and, unless it only joins, until it is ready. */
  async start(env: NodeJS.ProcessEnv = {}, joins = false): Promise<void> {
    const child = spawn(program[0], [program[1], ...this.args], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
    this.#child = child;
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-20_000);
    });
    const end = performance.now() + 20_000;
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the agent ended with ${child.exitCode ?? child.signalCode}: ${said}`);
      if ((await this.cli(['status', '--json'])).code === 0 && (joins || (await this.cli(['kv', 'list', '--json'])).code === 0)) return;
      if (performance.now() > end) throw new Error(`the agent is not ready after 20 s: ${said}`);
    }
  }

  cli(args: readonly string[]): Promise<Finished> {
    return run([...args, '--endpoint', `unix:${this.socket}`]);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = once(child, 'exit');
    child.kill(signal);
    const [code] = (await ended) as [number | null];
    return code;
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    await killBox(this.runtimeDir);
    rmSync(this.dir, { recursive: true, force: true });
  }
}
