/** One reading of the box: everything in the health document that is measured. Costs about a millisecond; nothing here blocks. */
import { availableParallelism } from 'node:os';
import type { Clock } from '../../consensus/driver/ports.ts';
import type { HealthDocument, Inventory } from '../../schemas/generated/types.ts';
import { DiskReader, type DiskReaderOptions } from './disks.ts';
import { KernelFiles } from './files.ts';
import { readInventory } from './inventory.ts';
import {
  type CpuTimes,
  readBootId,
  readCpuTimes,
  readLoad,
  readMemory,
  readNetwork,
  readPower,
  readPressure,
  readSynchronised,
  readTemperatures,
  tenth,
  usagePercent,
} from './readings.ts';

/** A health document without the names of who made it and when. */
export type Sample = Omit<HealthDocument, 'version' | 'node' | 'site' | 'run' | 'seq'>;

export interface SamplerComponents {
  readonly clock: Clock;
  /** Version of the agent, for people. */
  readonly version: string;
  /** Directories the agent writes to, absolute; the data directory first. At most 4. */
  readonly directories: readonly string[];
}

export interface SamplerOptions {
  /** Where `proc` and `sys` are. @default '/' */
  readonly root?: string;
  /** How often the inventory is read again, in milliseconds. @default 3_600_000 */
  readonly inventoryEveryMs?: number;
  /** @default systeminformation, in a process of its own */
  readonly readInventory?: (signal: AbortSignal) => Promise<Inventory | null>;
  readonly disks?: DiskReaderOptions;
}

/** Samples this box. `start()` begins to read the inventory; `sample()` works without it, and then says null. */
export class Sampler {
  readonly #clock: Clock;
  readonly #version: string;
  readonly #files: KernelFiles;
  readonly #disks: DiskReader;
  readonly #inventoryEveryMs: number;
  readonly #readInventory: (signal: AbortSignal) => Promise<Inventory | null>;
  readonly #stopping = new AbortController();
  readonly #startedAtMs: number;
  #inventory: Inventory | null = null;
  #reading: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #cpuBefore: CpuTimes | null = null;
  #agentBefore: { readonly atMs: number; readonly cpuMs: number } | undefined;

  constructor({ clock, version, directories }: SamplerComponents, options: SamplerOptions = {}) {
    this.#clock = clock;
    this.#version = version;
    this.#files = new KernelFiles(options.root);
    this.#disks = new DiskReader(this.#files, directories.slice(0, 4), options.disks);
    this.#inventoryEveryMs = options.inventoryEveryMs ?? 3_600_000;
    this.#readInventory = options.readInventory ?? ((signal) => readInventory({ signal }));
    this.#startedAtMs = clock.nowMs();
  }

  start(): void {
    this.#reading = this.#refreshInventory();
  }

  async stop(): Promise<void> {
    this.#cancelTimer?.();
    this.#stopping.abort();
    await this.#reading;
  }

  /** Resolves when the inventory that is being read has arrived, or could not be had. */
  async inventoryRead(): Promise<Inventory | null> {
    await this.#reading;
    return this.#inventory;
  }

  async sample(): Promise<Sample> {
    const files = this.#files;
    const [cpuNow, load, memory, pressure, disks, network, temperatures, power, bootId, synchronised] = await Promise.all([
      readCpuTimes(files),
      readLoad(files),
      readMemory(files, containerLimit()),
      readPressure(files),
      this.#disks.read(),
      readNetwork(files),
      readTemperatures(files),
      readPower(files),
      readBootId(files),
      readSynchronised(files),
    ]);
    const cpuBefore = this.#cpuBefore;
    this.#cpuBefore = cpuNow;
    const nowMs = this.#clock.nowMs();
    return {
      uptimeSeconds: tenth(nowMs / 1000),
      bootId,
      // For people only: this is the one place that looks at the wall clock.
      clock: { unixMs: Date.now(), synchronised },
      cpu: { cores: availableParallelism(), usagePercent: usagePercent(cpuBefore, cpuNow), ...load },
      memory,
      pressure,
      disks,
      network,
      temperatures,
      power,
      agent: {
        version: this.#version,
        uptimeSeconds: tenth(Math.max(0, nowMs - this.#startedAtMs) / 1000),
        rssBytes: process.memoryUsage.rss(),
        cpuPercent: this.#agentCpu(nowMs),
      },
      inventory: this.#inventory,
    };
  }

  #agentCpu(nowMs: number): number | null {
    const { user, system } = process.cpuUsage();
    const now = { atMs: nowMs, cpuMs: (user + system) / 1000 };
    const before = this.#agentBefore;
    this.#agentBefore = now;
    if (before === undefined || now.atMs <= before.atMs) return null;
    return tenth(Math.min((100 * (now.cpuMs - before.cpuMs)) / (now.atMs - before.atMs), 100 * availableParallelism()));
  }

  async #refreshInventory(): Promise<void> {
    // A failed reading keeps what was known: hardware seldom goes away.
    this.#inventory = (await this.#readInventory(this.#stopping.signal)) ?? this.#inventory;
    if (this.#stopping.signal.aborted) return;
    this.#cancelTimer = this.#clock.after(this.#inventoryEveryMs, () => {
      this.#reading = this.#refreshInventory();
    });
  }
}

/** Memory the agent's control group may use, in bytes; undefined without a limit. Node answers 0 or 2^64 then. */
export function containerLimit(): number | undefined {
  const limit = process.constrainedMemory();
  return limit > 0 && Number.isSafeInteger(limit) ? limit : undefined;
}
