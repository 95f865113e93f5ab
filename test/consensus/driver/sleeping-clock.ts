/** The clock of a box that sleeps: when it wakes, time has passed and no timer has fired yet. */
import { BootClock } from '../../../consensus/driver/boot-clock.ts';
import type { Clock } from '../../../consensus/driver/ports.ts';

export class SleepingClock implements Clock {
  readonly #base = new BootClock();
  #sleptMs = 0;

  sleep(ms: number): void {
    this.#sleptMs += ms;
  }

  nowMs(): number {
    return this.#base.nowMs() + this.#sleptMs;
  }

  after(ms: number, callback: () => void): () => void {
    return this.#base.after(ms, callback);
  }

  close(): void {
    this.#base.close();
  }
}
