/** One box of the demonstration: its own process, data directory, identity, ports and configuration file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import type { AgentConfig } from '../../schemas/generated/types.ts';
import { boxMarker, isAlive, killBox } from './processes.ts';

export interface BoxOptions {
  readonly name: string;
  readonly site: string;
  readonly dir: string;
  /** How the agent program is started: a Node binary and its first arguments. */
  readonly program: readonly string[];
  /** A wall clock of its own, as libfaketime writes it; undefined for the true one. */
  readonly fakeTime: string | undefined;
}

const fakeTimeLibraries = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/faketime/libfaketime.so.1',
];

/** The libfaketime of this machine, or undefined. */
export function findFakeTime(): string | undefined {
  return fakeTimeLibraries.find((path) => existsSync(path));
}

export class Box {
  readonly name: string;
  readonly site: string;
  readonly dataDir: string;
  readonly runtimeDir: string;
  readonly socket: string;
  readonly configFile: string;
  readonly logFile: string;
  readonly #options: BoxOptions;
  #agent: ChildProcess | undefined;
  #config: AgentConfig | undefined;

  constructor(options: BoxOptions) {
    this.#options = options;
    this.name = options.name;
    this.site = options.site;
    const dir = join(options.dir, options.name);
    this.dataDir = join(dir, 'data');
    this.runtimeDir = join(dir, 'run');
    this.socket = join(this.runtimeDir, 'holdfast.sock');
    this.configFile = join(dir, 'agent.yaml');
    this.logFile = join(dir, 'agent.log');
    mkdirSync(this.dataDir, { recursive: true, mode: 0o700 });
    mkdirSync(this.runtimeDir, { recursive: true, mode: 0o700 });
  }

  get endpoint(): string {
    return `unix:${this.socket}`;
  }

  get pid(): number | undefined {
    return this.#agent?.exitCode === null && this.#agent.signalCode === null ? this.#agent.pid : undefined;
  }

  get config(): AgentConfig {
    if (this.#config === undefined) throw new Error(`${this.name} has no configuration yet`);
    return this.#config;
  }

  writeConfig(config: AgentConfig): void {
    this.#config = config;
    writeFileSync(this.configFile, stringify(config), { mode: 0o600 });
  }

  /** Starts the agent in a session of its own, so that a Ctrl-C at the terminal reaches it through us alone. */
  start(): void {
    const [command = process.execPath, ...first] = this.#options.program;
    const output = openSync(this.logFile, 'a', 0o600);
    const library = this.#options.fakeTime === undefined ? undefined : findFakeTime();
    const clock =
      library === undefined
        ? {}
        : { LD_PRELOAD: library, FAKETIME: this.#options.fakeTime, FAKETIME_DONT_FAKE_MONOTONIC: '1', FAKETIME_NO_CACHE: '1' };
    this.#agent = spawn(command, [...first, 'agent', '--config', this.configFile], {
      detached: true,
      stdio: ['ignore', output, output],
      env: { ...process.env, ...packageJson.config.nodeEnvironment, ...clock, [boxMarker]: this.runtimeDir },
    });
    this.#agent.on('error', () => undefined); // Seen by whoever waits for readiness, with the end of the log.
    closeSync(output);
  }

  /** As an operator stops the service: workloads go on. */
  async stopAgent(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** The agent alone dies. */
  async killAgent(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Power loss: agent, keepers and workloads together. */
  async killAll(): Promise<number> {
    const agent = this.#agent;
    const killed = await killBox(this.runtimeDir);
    if (agent !== undefined && agent.exitCode === null && agent.signalCode === null) await once(agent, 'exit');
    return killed;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const agent = this.#agent;
    if (agent?.pid === undefined || agent.exitCode !== null || agent.signalCode !== null || !isAlive(agent.pid)) return;
    const ended = once(agent, 'exit');
    agent.kill(signal);
    await ended;
  }
}
