/** When a core is told the time, and when its pump runs: once in a turn of the loop, however much comes in, and at the core's deadlines. */
import { type Tick, tick, tickMs } from '../core/types.ts';
import type { Clock } from './ports.ts';

/** The part of the core that time is told. */
export interface TimeTaker {
  tick(now: Tick): void;
  readonly nextTickAt: Tick;
}

export class Rhythm {
  readonly #clock: Clock;
  readonly #core: TimeTaker;
  readonly #onDue: () => void;
  /** The time the core was told last, until the next pump. */
  #told: Tick | undefined;
  #isPumping = false;
  #isPumpDue = false;
  #isRunning = false;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;

  /** @param onDue runs the pump; must not throw. */
  constructor(clock: Clock, core: TimeTaker, onDue: () => void) {
    this.#clock = clock;
    this.#core = core;
    this.#onDue = onDue;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  start(): void {
    this.#isRunning = true;
    this.schedule();
  }

  stop(): void {
    this.#isRunning = false;
    this.#cancelTimer?.();
  }

  /** Tells the core the time, unless it is the one it was told last. Not while a pump hands out what it owes: that began with it. */
  tell(): number {
    const nowMs = this.#clock.nowMs();
    const now = tick(Math.floor(nowMs / tickMs));
    if (now !== this.#told && !this.#isPumping) {
      this.#told = now;
      this.#core.tick(now);
    }
    return nowMs;
  }

  /** One pump after all input of this turn of the loop, so that what arrives together is sent and saved together. */
  schedule(): void {
    if (this.#isPumpDue || !this.#isRunning) return;
    this.#isPumpDue = true;
    setImmediate(() => {
      this.#isPumpDue = false;
      this.#onDue();
    });
  }

  /** Does what a pump does, at the time it is told. */
  pump(work: (nowMs: number) => void): number {
    const nowMs = this.tell();
    this.#told = undefined;
    this.#isPumping = true;
    try {
      work(nowMs);
    } finally {
      this.#isPumping = false;
    }
    return nowMs;
  }

  /** Sleeps until the core's next deadline, or `untilMs`. A timer that fires too early costs less than one moved at every PING. */
  sleep(nowMs: number, untilMs: number): void {
    const atMs = Math.min(this.#core.nextTickAt * tickMs, untilMs);
    if (!this.#isRunning || (this.#timerAtMs <= atMs && this.#cancelTimer !== undefined)) return;
    this.#cancelTimer?.();
    this.#timerAtMs = atMs;
    this.#cancelTimer = this.#clock.after(Math.max(1, Math.ceil(atMs - nowMs)), () => {
      this.#cancelTimer = undefined;
      this.#onDue();
    });
  }
}
