import type { WatchOrder } from './checkers/watch-order.ts';
import type { SimNode } from './sim-node.ts';

/** A watch of all values, read from whatever member its client speaks with. */
export class SimWatch {
  readonly #name: string;
  readonly #checker: WatchOrder;
  /** All changes up to here are known. */
  #revision: number;

  constructor(name: string, checker: WatchOrder, member: SimNode) {
    this.#name = name;
    this.#checker = checker;
    this.#revision = member.replica.watches.revision;
  }

  read({ replica, paused }: SimNode): void {
    const { watches } = replica;
    // A member that is behind what the client knows tells it nothing new.
    if (paused || watches.revision < this.#revision) return;
    let id = watches.idAfter(this.#revision);
    if (id === undefined) {
      // Too old: the client reads the state, and goes on from there.
      this.#checker.missed();
      this.#revision = watches.revision;
      return;
    }
    for (let change = watches.next(id); change !== undefined; change = watches.next(id)) {
      this.#checker.told(this.#name, this.#revision, change);
      id = change.id;
      if (change.last) this.#revision = change.revision;
    }
    this.#revision = Math.max(this.#revision, watches.revision);
  }
}
