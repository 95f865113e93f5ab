/**
 * A leader on a slow disk holds up whoever waits for it: it hands leadership over, and says so. A box that does not lead is only told of:
 * what a majority has is committed without it.
 */
import type { Clock } from '../../consensus/driver/ports.ts';
import type { Log } from '../ports.ts';

/** The bound is exceeded for this long before it counts, in milliseconds: a disk may stall once. */
const sustainMs = 3000;
/** One stall is none: so many writes must have been slow, unless one hangs for this many bounds. */
const slowWritesMin = 3;
const hangBounds = 4;
/** Leadership is handed over at most this often: where all disks are slow it must not wander for ever. */
const handOverEveryMs = 60_000;

export interface DiskGuardComponents {
  readonly clock: Clock;
  readonly log: Log;
  readonly leads: () => boolean;
  readonly sync: () => { readonly p99Ms: number | undefined; readonly longestMs: readonly number[]; readonly count: number };
  /** False when nobody can take it. */
  readonly handOver: () => boolean;
  readonly onChange: (slow: SlowDisk | undefined) => void;
}

export interface SlowDisk {
  /** 99 in 100 of the last writes took at most this long, in milliseconds. */
  readonly p99Ms: number;
  readonly boundMs: number;
}

export class DiskGuard {
  readonly #parts: DiskGuardComponents;
  readonly #boundMs: number;
  #aboveSince: number | undefined;
  #handedOverAt = Number.NEGATIVE_INFINITY;
  #slow: SlowDisk | undefined;

  constructor(components: DiskGuardComponents, { boundMs }: { readonly boundMs: number }) {
    this.#parts = components;
    this.#boundMs = boundMs;
  }

  /** Undefined while the disk is fast enough. */
  slow(): SlowDisk | undefined {
    return this.#slow;
  }

  /** To be called a few times a second. */
  readonly check = (): void => {
    const { clock, leads, handOver, log, sync } = this.#parts;
    const now = clock.nowMs();
    const { p99Ms = 0, longestMs } = sync();
    const isAbove = p99Ms > this.#boundMs && this.#isSustained(longestMs);
    if (isAbove) this.#aboveSince ??= now;
    else this.#aboveSince = undefined;
    const isSlow = this.#aboveSince !== undefined && now - this.#aboveSince >= sustainMs;
    this.#note(isSlow ? { p99Ms, boundMs: this.#boundMs } : undefined);
    if (!isSlow || !leads() || now - this.#handedOverAt < handOverEveryMs) return;
    this.#handedOverAt = now;
    const handed = handOver();
    log.warn('storage.slow.leader', { p99Ms, boundMs: this.#boundMs, handedOver: handed });
  };

  #isSustained(longestMs: readonly number[]): boolean {
    const hangs = (longestMs[0] ?? 0) >= hangBounds * this.#boundMs;
    return hangs || (longestMs[slowWritesMin - 1] ?? 0) > this.#boundMs;
  }

  #note(slow: SlowDisk | undefined): void {
    const changed = (slow === undefined) !== (this.#slow === undefined);
    this.#slow = slow;
    if (changed) this.#parts.onChange(slow);
  }
}
