import type { Entry } from '../../../consensus/core/types.ts';
import type { Cluster } from '../cluster.ts';
import type { Observer } from '../observer.ts';
import type { Done } from '../replica.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

/** Two election timeouts at their longest: how long a member, or a leader, may not know that it is cut off. */
const blindTicks = 80;
/** What clocks of different rates may differ in. */
const driftShare = 0.05;
/** A PING, a bucket of the expiry and a commit, at a calm moment. */
const slackTicks = 120;

interface Known {
  readonly ttlTicks: number;
  /** What was asked for then has certainly reached a leader. */
  heardAt: number;
  /** The newest touch or decision. */
  lastAt: number;
  taken: { readonly began: number; readonly answered: number }[];
}

/**
 * A session lives for its time to live after the last touch that certainly arrived (DESIGN of sessions: a touch that was taken says that those
 * two election timeouts before it arrived), and is gone soon after it when all is calm.
 */
export class SessionBounds implements Observer {
  readonly #now: () => number;
  readonly #known = new Map<number, Known>();
  #highest = 0;
  /** Sessions that came to their end by time. */
  expired = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** An opening or a move that was asked for at `began` was decided. */
  decided(session: number, began: number, ttlTicks: number): void {
    const known = this.#known.get(session) ?? { ttlTicks, heardAt: began, lastAt: began, taken: [] };
    known.heardAt = Math.max(known.heardAt, began);
    known.lastAt = Math.max(known.lastAt, began);
    this.#known.set(session, known);
  }

  taken(session: number, began: number, answered: number): void {
    const known = this.#known.get(session);
    if (known === undefined) return;
    known.lastAt = began;
    known.taken.push({ began, answered });
    for (let oldest = known.taken[0]; oldest !== undefined && oldest.answered <= began - blindTicks; oldest = known.taken[0]) {
      known.heardAt = Math.max(known.heardAt, oldest.began);
      known.taken.shift();
    }
  }

  applied(node: SimNode, entry: Entry, { envelope, changes }: Done): void {
    if (entry.index <= this.#highest) return;
    this.#highest = entry.index;
    if (envelope?.command.type !== 'sessionsExpire') return;
    for (const { key, value } of changes) {
      if (value !== undefined || !key.startsWith('session/')) continue;
      const session = Number(key.slice('session/'.length));
      this.expired += 1;
      const known = this.#known.get(session);
      this.#known.delete(session);
      if (known === undefined) continue;
      const earliest = known.heardAt - blindTicks + known.ttlTicks * (1 - driftShare);
      if (this.#now() < earliest)
        throw new Violation('Session bounds: a session ended before its time', {
          node: node.id,
          session,
          at: this.#now(),
          earliest,
          ...known,
        });
    }
  }

  /** After a calm time: whoever is not touched is gone. */
  checkCalm(cluster: Cluster): void {
    const leader = cluster.leaders.at(-1);
    for (const { session, ttlMs } of leader?.replica.state.sessions() ?? []) {
      const known = this.#known.get(session);
      const last = known?.lastAt ?? 0;
      const latest = last + ttlMs / 10 + slackTicks;
      if (known !== undefined && this.#now() > latest)
        throw new Violation('Session bounds: a session nobody touches lives on', { session, last, latest, now: this.#now() });
    }
  }
}
