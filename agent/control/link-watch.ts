/** Which boxes of the site do not reach each other although both are alive: a link that is lost, once it has lasted. Pure but for what it remembers. */
import type { NodeId } from '../../consensus/core/types.ts';

/** What a box says of the others. */
export interface Observed {
  readonly from: NodeId;
  readonly unreached: readonly NodeId[];
}

export class LinkWatch {
  readonly #lostAfterMs: number;
  readonly #since = new Map<string, number>();
  #lost: ReadonlyMap<NodeId, readonly NodeId[]> = new Map();

  /** @param lostAfterMs milliseconds without reaching each other; above what it takes to see that a box died, which is no matter of its links. */
  constructor(lostAfterMs: number) {
    this.#lostAfterMs = lostAfterMs;
  }

  /** Takes in what is said now. @param alive boxes that are not lost and not cut off. */
  look(observed: readonly Observed[], alive: ReadonlySet<NodeId>, nowMs: number): void {
    const said = new Set(
      observed.flatMap(({ from, unreached }) =>
        alive.has(from) ? unreached.filter((to) => alive.has(to)).map((to) => `${from} ${to}`) : [],
      ),
    );
    for (const key of this.#since.keys()) if (!said.has(key)) this.#since.delete(key);
    for (const key of said) if (!this.#since.has(key)) this.#since.set(key, nowMs);
    const lost = new Map<NodeId, NodeId[]>();
    for (const [key, since] of this.#since) {
      if (nowMs - since < this.#lostAfterMs) continue;
      const [from = '', to = ''] = key.split(' ');
      lost.set(from, [...(lost.get(from) ?? []), to].sort());
    }
    this.#lost = lost;
  }

  /** Boxes that this one has not reached for long enough, in order. */
  unreached(from: NodeId): readonly NodeId[] {
    return this.#lost.get(from) ?? [];
  }
}
