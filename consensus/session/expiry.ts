import { type Tick, tick } from '../core/types.ts';

interface Deadline {
  readonly ttlTicks: number;
  at: Tick;
}

/**
 * A leader's view of when sessions end. A session is due once nobody touched it for its time to live; deadlines are rounded up to
 * buckets, so that sessions that end together are ended by one log entry (as ZooKeeper's ExpiryQueue does). Kept by the leader alone
 * and made anew with every term: a new leader grants every session a fresh time to live, since it cannot know who touched what.
 */
export class Expiry {
  readonly #bucketTicks: number;
  readonly #deadlines = new Map<number, Deadline>();

  constructor(options: { readonly bucketTicks: number }) {
    this.#bucketTicks = options.bucketTicks;
  }

  get size(): number {
    return this.#deadlines.size;
  }

  /** A session that was opened, or found when leadership began: it lives for `ttlTicks` from now. */
  track(session: number, ttlTicks: number, now: Tick): void {
    this.#deadlines.set(session, { ttlTicks, at: this.#bucket(now + ttlTicks) });
  }

  /** A client was heard of. Ignored for a session that is not tracked: it ended, or its end is on its way. */
  touch(session: number, now: Tick): void {
    const deadline = this.#deadlines.get(session);
    if (deadline !== undefined) deadline.at = this.#bucket(Math.max(deadline.at, now + deadline.ttlTicks));
  }

  forget(session: number): void {
    this.#deadlines.delete(session);
  }

  /** Sessions whose time is over, at most `max`, oldest first. They are not tracked any more: a touch comes too late for them. */
  takeDue(now: Tick, max: number): readonly number[] {
    const due = [...this.#deadlines]
      .filter(([, { at }]) => at <= now)
      .sort((a, b) => a[1].at - b[1].at || a[0] - b[0])
      .slice(0, max)
      .map(([session]) => session);
    for (const session of due) this.#deadlines.delete(session);
    return due;
  }

  #bucket(at: number): Tick {
    return tick(Math.ceil(at / this.#bucketTicks) * this.#bucketTicks);
  }
}
