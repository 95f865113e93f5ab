/** A clock the test moves. What waits on it runs when it is moved there, and has all the turns it needs. */
import { setImmediate as turn } from 'node:timers/promises';
import type { ClientClock } from '../../../agent/client/clock.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

export class VirtualTime {
  #now = 1000;
  #sleepers: Sleeper[] = [];

  nowMs(): number {
    return this.#now;
  }

  /** A clock of one process on this time. While it is paused nothing of it runs; its timers are late then, as after SIGSTOP. */
  process(): ClientClock & { paused: boolean; resume(): void } {
    let late: (() => void)[] = [];
    const clock = {
      paused: false,
      nowMs: () => this.#now,
      sleep: (ms: number, signal?: AbortSignal): Promise<void> =>
        new Promise((resolve) => {
          if (signal?.aborted) return resolve();
          const wake = (): void => {
            if (clock.paused) late.push(resolve);
            else resolve();
          };
          this.#sleepers.push({ at: this.#now + ms, wake });
          signal?.addEventListener('abort', wake, { once: true });
        }),
      resume: (): void => {
        clock.paused = false;
        for (const wake of late) wake();
        late = [];
      },
    };
    return clock;
  }

  async move(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#sleepers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#sleepers.splice(this.#sleepers.indexOf(next), 1);
      this.#now = Math.max(this.#now, next.at);
      next.wake();
      await settle();
    }
    this.#now = end;
  }
}

/** Lets everything run that can. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await turn();
}
