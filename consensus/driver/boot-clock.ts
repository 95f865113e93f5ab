/**
 * The clock that counts suspend and never goes back. /proc/uptime counts suspend but steps by 10 ms; the monotonic clock is
 * fine-grained but stands still while the box sleeps: the monotonic one carries, and is moved forward whenever uptime is ahead.
 * Neither is moved by setting the wall clock, nor by libfaketime with FAKETIME_DONT_FAKE_MONOTONIC=1.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import type { Clock } from './ports.ts';

const uptimeFile = '/proc/uptime';

export interface BootClockOptions {
  /** Milliseconds since boot, suspend included, in steps. @default /proc/uptime */
  readonly uptimeMs?: () => number;
  /** Milliseconds of a monotonic clock. @default performance.now */
  readonly monotonicMs?: () => number;
  /** Milliseconds of the wall clock, never compared with anybody's: it tells that the box slept. @default Date.now */
  readonly wallMs?: () => number;
}

/** Uptime is read again after this, and at once when the wall clock has moved against the monotonic one by more than `jumpMs`. */
const lookEveryMs = 10;
const jumpMs = 2;

export class BootClock implements Clock {
  #uptimeMs: () => number;
  readonly #monotonicMs: () => number;
  readonly #wallMs: () => number;
  readonly #close: () => void;
  /** When uptime was last read, and how far the wall clock was ahead of the monotonic one. */
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #wallAheadMs = 0;
  /** What to add to the monotonic clock. Only grows. */
  #offsetMs: number;

  constructor(options: BootClockOptions = {}) {
    const file = options.uptimeMs === undefined ? openUptime() : undefined;
    this.#uptimeMs = options.uptimeMs ?? file?.read ?? (() => 0);
    this.#close = file?.close ?? (() => undefined);
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    this.#wallMs = options.wallMs ?? (() => Date.now());
    this.#offsetMs = this.#uptimeMs() - this.#monotonicMs();
  }

  /**
   * A lease must not be judged by a reading from before the box slept. Sleep moves the wall clock on and leaves the monotonic one where it
   * was, so where the two have kept step since /proc/uptime was last read there was none, and the reading is spared: it costs
   * sixty times what both clocks do, and a put asks for the time six times.
   */
  nowMs(): number {
    let monotonic = this.#monotonicMs();
    const wallAhead = this.#wallMs() - monotonic;
    if (monotonic - this.#lookedAtMs >= lookEveryMs || Math.abs(wallAhead - this.#wallAheadMs) > jumpMs) {
      this.#lookedAtMs = monotonic;
      this.#wallAheadMs = wallAhead;
      const uptime = this.#uptimeMs();
      // After uptime, never before it: what passes between the two, as when the process is held up, would be counted twice from now on.
      monotonic = this.#monotonicMs();
      this.#offsetMs = Math.max(this.#offsetMs, uptime - monotonic);
    }
    return monotonic + this.#offsetMs;
  }

  /** Without a look at /proc/uptime: behind by what the box slept since the last look. For what decides nothing. */
  recentMs(): number {
    return this.#monotonicMs() + this.#offsetMs;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  }

  /** Gives the file descriptor back. Whoever asks later, as work does that ends after everything else, is told what the other clock says. */
  close(): void {
    this.#uptimeMs = () => Number.NEGATIVE_INFINITY;
    this.#close();
  }
}

function openUptime(): { read: () => number; close: () => void } {
  let descriptor: number;
  try {
    descriptor = openSync(uptimeFile, 'r');
  } catch (error) {
    throw new Error(`Cannot read ${uptimeFile}: leases need a clock that counts suspend. Mount /proc.`, { cause: error });
  }
  const buffer = Buffer.alloc(64);
  return {
    read: () => Number.parseFloat(buffer.toString('latin1', 0, readSync(descriptor, buffer, 0, buffer.length, 0))) * 1000,
    close: () => closeSync(descriptor),
  };
}
