/** Which of this box's devices are there: those with a path are, while it exists (a serial adapter, a camera). */
import { existsSync } from 'node:fs';
import type { AgentConfig } from '../../schemas/generated/types.ts';

export type Device = NonNullable<AgentConfig['devices']>[number];

export interface DeviceWatchOptions {
  /** Milliseconds between looks. @default 1000 */
  readonly everyMs?: number;
  /** Whether a path exists. @default as the file system says */
  readonly exists?: (path: string) => boolean;
}

export class DeviceWatch {
  readonly #devices: readonly Device[];
  readonly #everyMs: number;
  readonly #exists: (path: string) => boolean;
  #present: readonly Device[];
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(devices: readonly Device[], { everyMs = 1000, exists = existsSync }: DeviceWatchOptions = {}) {
    this.#devices = devices;
    this.#everyMs = everyMs;
    this.#exists = exists;
    this.#present = this.#look();
  }

  /** Devices that are there, as of the last look. */
  present(): readonly Device[] {
    return this.#present;
  }

  /** Looks again if it is time. True when something came or went. @param nowMs milliseconds since boot. */
  check(nowMs: number): boolean {
    if (nowMs - this.#lookedAt < this.#everyMs) return false;
    this.#lookedAt = nowMs;
    const now = this.#look();
    const before = new Set(this.#present);
    const changed = now.length !== before.size || now.some((device) => !before.has(device));
    this.#present = now;
    return changed;
  }

  #look(): readonly Device[] {
    return this.#devices.filter(({ path }) => path === undefined || this.#exists(path));
  }
}
