/** What was refused since the start. */
import type { NetworkCounters } from '../ports.ts';

export class Counters {
  #strangersRefused = 0;
  #hellosRefused = 0;
  #framesRefused = 0;
  #gossipRefused = 0;

  count(what: keyof NetworkCounters): void {
    if (what === 'strangersRefused') this.#strangersRefused += 1;
    else if (what === 'hellosRefused') this.#hellosRefused += 1;
    else if (what === 'framesRefused') this.#framesRefused += 1;
    else this.#gossipRefused += 1;
  }

  view(): NetworkCounters {
    return {
      strangersRefused: this.#strangersRefused,
      hellosRefused: this.#hellosRefused,
      framesRefused: this.#framesRefused,
      gossipRefused: this.#gossipRefused,
    };
  }
}
