/** Calls the agent's duties when something changed, and a few times a second for what only time changes. */
import type { Clock } from '../consensus/driver/ports.ts';

export interface DutyRosterOptions {
  /** Milliseconds between rounds without news. @default 200 */
  readonly everyMs?: number;
  /** Told when a duty throws: the others go on, and it is called again next time. */
  readonly onFailure: (error: unknown) => void;
}

export class DutyRoster {
  readonly #clock: Clock;
  readonly #duties: readonly (() => void)[];
  readonly #everyMs: number;
  readonly #onFailure: (error: unknown) => void;
  #cancel: (() => void) | undefined;
  #soon = false;
  #stopped = false;

  constructor(clock: Clock, duties: readonly (() => void)[], options: DutyRosterOptions) {
    this.#clock = clock;
    this.#duties = duties;
    this.#everyMs = options.everyMs ?? 200;
    this.#onFailure = options.onFailure;
  }

  start(): void {
    this.#round();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** Something changed: one round follows at the end of this turn of the loop, however often it is called. */
  readonly poke = (): void => {
    if (this.#soon || this.#stopped) return;
    this.#soon = true;
    setImmediate(() => {
      this.#soon = false;
      this.#round();
    });
  };

  #round(): void {
    if (this.#stopped) return;
    this.#cancel?.();
    for (const duty of this.#duties) {
      try {
        duty();
      } catch (error) {
        this.#onFailure(error);
      }
    }
    this.#cancel = this.#clock.after(this.#everyMs, () => this.#round());
  }
}
