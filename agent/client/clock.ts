/** Time as the recipes see it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BootClock } from '../../consensus/driver/boot-clock.ts';

export interface ClientClock {
  /** Milliseconds on a clock that never goes back and counts suspend. */
  nowMs(): number;
  /** Resolves after this long, or at once when the signal is aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export class RealClock implements ClientClock {
  readonly #boot = new BootClock();

  nowMs(): number {
    return this.#boot.nowMs();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}
