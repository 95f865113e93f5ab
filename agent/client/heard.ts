/**
 * Until when a client may act as the holder of its session. A touch that a box took may not have reached the leader: the box may be cut off
 * and not know it yet. It notices within two election timeouts, so what was taken that long before has arrived; and a leader that was
 * deposed steps down within two more, which its successor's count may have begun earlier. With a time to live of eight election timeouts or
 * more (`timing.electionMaxMs`; sixteen where the site rests) each is at most a quarter of it. The twentieth that is left is for clocks that
 * go at different rates. Decisions of the site (opening, moving) are known to have arrived. Pure.
 */
export class Heard {
  readonly #ttl: number;
  #at: number;
  #taken: { readonly began: number; readonly answered: number }[] = [];

  /** @param began when the session's opening was asked for, in the unit of `ttl`. */
  constructor(ttl: number, began: number) {
    this.#ttl = ttl;
    this.#at = began;
  }

  /** A decision was made that was asked for then. */
  decided(began: number): void {
    this.#at = Math.max(this.#at, began);
    this.#taken = this.#taken.filter((taken) => taken.began > this.#at);
  }

  /** A touch was taken that was asked for at `began`: the box did so between then and `answered`. */
  taken(began: number, answered: number): void {
    this.#taken.push({ began, answered });
    for (let oldest = this.#taken[0]; oldest !== undefined && oldest.answered <= began - this.#ttl / 4; oldest = this.#taken[0]) {
      this.#at = Math.max(this.#at, oldest.began);
      this.#taken.shift();
    }
  }

  /** From then on the session must be taken for lost. */
  get until(): number {
    return this.#at + 0.7 * this.#ttl;
  }
}
