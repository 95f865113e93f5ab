/** Milliseconds that pass only when everybody has done what was to be done before. */
import type { Clock } from '../../../consensus/driver/ports.ts';
import { Agenda } from '../agenda.ts';

/** Turns of the real loop after each moment: enough for what a box does at once to reach the agenda. */
const turns = 3;

export class VirtualTime {
  readonly #agenda = new Agenda();

  get nowMs(): number {
    return this.#agenda.now;
  }

  /** Returns a function that cancels. */
  after(ms: number, callback: () => void): () => void {
    let isCancelled = false;
    this.#agenda.after(Math.max(0, Math.ceil(ms)), () => {
      if (!isCancelled) callback();
    });
    return () => {
      isCancelled = true;
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** The clock of one life of a box: it started at another time than the others, and nothing comes back to a box that is dead. */
  clock(offsetMs: () => number, isAlive: () => boolean): Clock {
    return {
      nowMs: () => this.nowMs + offsetMs(),
      after: (ms, callback) =>
        this.after(ms, () => {
          if (isAlive()) callback();
        }),
    };
  }

  /** Resolves at `untilMs`, or when `isOver` says so. */
  async runTo(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    await settle();
    while (!isOver()) {
      const next = this.#agenda.nextAt;
      if (next === undefined || next > untilMs) return this.#agenda.runTo(untilMs);
      this.#agenda.runTo(next);
      await settle();
    }
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
