/** How long writes to the log take until they are durable: of the last seconds, the one under way included. */

/** Older writes say nothing of the disk any more, in milliseconds. */
const windowMs = 10_000;
const samplesMax = 512;

export interface SyncView {
  /** Of all writes looked at, 99 in 100 took at most this long, in milliseconds; undefined when nothing was written lately. */
  readonly p99Ms: number | undefined;
  /** The longest three, longest first. */
  readonly longestMs: readonly number[];
  readonly count: number;
}

export class SyncTimes {
  #samples: { readonly endedAt: number; readonly ms: number }[] = [];
  #beganAt: number | undefined;

  began(nowMs: number): void {
    this.#beganAt = nowMs;
  }

  /** It is durable, or failed. */
  ended(nowMs: number): void {
    if (this.#beganAt === undefined) return;
    this.#samples.push({ endedAt: nowMs, ms: nowMs - this.#beganAt });
    this.#beganAt = undefined;
    if (this.#samples.length >= 2 * samplesMax) this.#samples = this.#samples.slice(-samplesMax);
  }

  view(nowMs: number): SyncView {
    const recent = this.#samples.slice(-samplesMax).filter(({ endedAt }) => nowMs - endedAt <= windowMs);
    const times = recent.map(({ ms }) => ms);
    // A write that hangs is known to be slow before it ends.
    // It may have begun after the time that is given, which is that of a whole turn.
    if (this.#beganAt !== undefined) times.push(Math.max(0, nowMs - this.#beganAt));
    times.sort((a, b) => b - a);
    return { p99Ms: times[Math.floor(times.length / 100)], longestMs: times.slice(0, 3), count: times.length };
  }
}
