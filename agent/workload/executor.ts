/** The process driver: keeps what this box was given running, and finds it again after the agent was away. */
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../consensus/driver/ports.ts';
import type { DesiredInstance, ExecutorPort, InstanceStatus, Log, Startable } from '../ports.ts';
import type { ArtefactPuller } from './artefact-puller.ts';
import type { ArtefactStore } from './artefact-store.ts';
import { Instance } from './instance.ts';
import { keeperScript } from './keeper.ts';
import { groupMemoryMiB, groupsUnder, keepersOf } from './process-facts.ts';

export interface ExecutorComponents {
  readonly store: ArtefactStore;
  readonly puller: ArtefactPuller;
  readonly clock: Clock;
  readonly log: Log;
  /** What the command `node` stands for. */
  readonly nodeBinary: string;
  /** Variables every workload gets. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface ExecutorOptions {
  /** In RAM where possible; survives the agent, not a reboot. */
  readonly runtimeDir: string;
  readonly bootId: string;
  readonly outputKiB: number;
}

const everyMs = 200;
/** Memory is looked at once in this many rounds: it takes a walk through /proc. */
const memoryEvery = 20;
/** A group may exceed its claim by this factor for a moment before it is ended. */
const memorySlack = 1.5;
const stagingRetryMs = 2000;

export class Executor implements ExecutorPort, Startable {
  readonly #parts: ExecutorComponents;
  readonly #options: ExecutorOptions;
  readonly #instances = new Map<string, Instance>();
  readonly #listeners: (() => void)[] = [];
  readonly #keeperFile: string;
  #leaseUntil = 0;
  #cancel: (() => void) | undefined;
  #rounds = 0;
  #stopped = false;
  #staging: readonly { readonly sha256: string; readonly bytes: number }[] = [];
  #stagingNow = false;
  #cancelStaging: (() => void) | undefined;

  constructor(components: ExecutorComponents, options: ExecutorOptions) {
    this.#parts = components;
    this.#options = options;
    this.#keeperFile = join(options.runtimeDir, 'keeper.sh');
  }

  async start(): Promise<void> {
    const directory = join(this.#options.runtimeDir, 'instances');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(this.#keeperFile, keeperScript, { mode: 0o500, flag: 'w' });
    chmodSync(this.#keeperFile, 0o500);
    for (const name of readdirSync(directory)) {
      const cut = name.lastIndexOf('.');
      const instance = this.#instance(name.slice(0, cut), Number(name.slice(cut + 1)));
      if (instance.adopt()) this.#parts.log.info('workload.adopted', { ...instance.status() });
      else {
        this.#instances.delete(name.replace(/\.(?=[^.]*$)/, '/'));
        instance.forget();
      }
    }
    this.#endUnrecorded();
    this.#round();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const instance of this.#instances.values()) instance.leave();
    this.#cancel?.();
    this.#cancelStaging?.();
  }

  /** Ends every workload and its keeper; resolves when none is left, or after their grace and a little more. */
  async stopWorkloads(): Promise<void> {
    for (const instance of this.#instances.values()) instance.want(undefined);
    const end = performance.now() + 8000;
    while (this.#instances.size > 0 && performance.now() < end) {
      this.#checkAll();
      await sleep(20);
    }
  }

  setDesired(desired: readonly DesiredInstance[]): void {
    const wanted = new Map(desired.map((one) => [`${one.spec.name}/${one.replica}`, one]));
    for (const [key, instance] of this.#instances) if (!wanted.has(key)) instance.want(undefined);
    for (const one of wanted.values()) this.#instance(one.spec.name, one.replica).want(one);
    this.#checkAll();
  }

  setStaging(artefacts: readonly { readonly sha256: string; readonly bytes: number }[]): void {
    this.#staging = artefacts;
    this.#parts.store.need(artefacts.map(({ sha256 }) => sha256));
    void this.#stage();
  }

  instances(): readonly InstanceStatus[] {
    return [...this.#instances.values()].map((instance) => instance.status());
  }

  staged(): readonly string[] {
    return this.#parts.store.list();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  extendLease(untilMs: number): void {
    this.#leaseUntil = Math.max(this.#leaseUntil, untilMs);
    for (const instance of this.#instances.values()) instance.extendLease(this.#leaseUntil);
  }

  logs(workload: string, replica: number | undefined, lines: number): readonly string[] | undefined {
    const found = [...this.#instances.values()].filter(
      (instance) => instance.workload === workload && (replica === undefined || instance.replica === replica),
    );
    return found[0]?.lines(lines);
  }

  /**
   * An agent that dies between starting a keeper and writing its record leaves work that nobody would ever find again, while we
   * would say that nothing runs here.
   */
  #endUnrecorded(): void {
    const adopted = new Set([...this.#instances.values()].map(({ path }) => path));
    for (const [directory, keeper] of keepersOf(this.#keeperFile)) {
      if (adopted.has(directory)) continue;
      this.#parts.log.warn('workload.unrecorded', { directory, keeper });
      // Stopped first, so that it starts nothing while we look for what it started.
      signal(keeper, 'SIGSTOP');
      const groups = groupsUnder(keeper).filter((group) => group !== keeper);
      for (const target of [...groups.map((group) => -group), keeper]) signal(target, 'SIGKILL');
    }
  }

  #instance(workload: string, replica: number): Instance {
    const key = `${workload}/${replica}`;
    const known = this.#instances.get(key);
    if (known !== undefined) return known;
    const instance = new Instance(
      {
        ...this.#parts,
        runtimeDir: this.#options.runtimeDir,
        bootId: this.#options.bootId,
        keeperFile: this.#keeperFile,
        leaseUntil: () => this.#leaseUntil,
        onChange: () => this.#changed(),
      },
      workload,
      replica,
    );
    this.#instances.set(key, instance);
    return instance;
  }

  #round(): void {
    if (this.#stopped) return;
    this.#checkAll();
    this.#rounds += 1;
    for (const instance of this.#instances.values()) instance.boundOutput(this.#options.outputKiB * 1024);
    if (this.#rounds % memoryEvery === 0) this.#boundMemory();
    this.#cancel = this.#parts.clock.after(everyMs, () => this.#round());
  }

  #checkAll(): void {
    for (const [key, instance] of this.#instances) {
      instance.check();
      if (!instance.gone) continue;
      this.#instances.delete(key);
      instance.forget();
      this.#changed();
    }
  }

  /** A group that takes far more memory than it claimed is ended. */
  #boundMemory(): void {
    for (const instance of this.#instances.values()) {
      if (instance.group === undefined) continue;
      const memory = groupMemoryMiB(instance.group);
      if (memory > instance.memoryMiBMax * memorySlack)
        instance.kill(`MEMORY_EXCEEDED: ${Math.round(memory)} MiB used, ${instance.memoryMiBMax} claimed`);
    }
  }

  async #stage(): Promise<void> {
    if (this.#stagingNow || this.#stopped) return;
    this.#stagingNow = true;
    this.#cancelStaging?.();
    let missing = 0;
    const wanted = this.#staging;
    for (const { sha256, bytes } of wanted) {
      if (this.#parts.store.has(sha256)) continue;
      try {
        await this.#parts.puller.ensure(sha256, bytes);
        this.#changed();
      } catch {
        missing += 1;
      }
      if (this.#staging !== wanted) break;
    }
    this.#stagingNow = false;
    // Another list came meanwhile: whoever brought it found this one under way.
    if (this.#staging !== wanted) void this.#stage();
    else if (missing > 0 && !this.#stopped) this.#cancelStaging = this.#parts.clock.after(stagingRetryMs, () => void this.#stage());
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function signal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch {
    // Already gone.
  }
}
