import type { Touch } from './messages.ts';
import { limits } from './types.ts';

interface Pending {
  readonly ttlTicks: number;
  /** First ACK to a PING that carried this touch; undefined before it was carried. */
  carriedBy: number | undefined;
}

/**
 * A member's side of session renewal: clients touched these sessions here, and the leader is told with every ACK to a PING, all at
 * once, until a PING shows that such an ACK arrived. No log entry, no message of its own (ZooKeeper renews sessions the same way).
 */
export class Touches {
  readonly #pending = new Map<number, Pending>();

  get size(): number {
    return this.#pending.size;
  }

  /** False when too many wait already: the leader was not heard for long. */
  touch({ session, ttlTicks }: Touch): boolean {
    if (!this.#pending.has(session) && this.#pending.size >= limits.touchesMax) return false;
    this.#pending.set(session, { ttlTicks, carriedBy: undefined });
    return true;
  }

  /** Everything still to be told, for the ACK with this number. */
  carry(ackSeq: number): readonly Touch[] {
    return [...this.#pending].map(([session, pending]) => {
      pending.carriedBy ??= ackSeq;
      return { session, ttlTicks: pending.ttlTicks };
    });
  }

  /** The leader has the ACK with this number, which answered a PING and so carried all that waited then. */
  echoed(ackSeq: number): void {
    for (const [session, { carriedBy }] of this.#pending) if (carriedBy !== undefined && carriedBy <= ackSeq) this.#pending.delete(session);
  }

  /** Another leader may come: what the old one was told, it was not. */
  forgetCarried(): void {
    for (const pending of this.#pending.values()) pending.carriedBy = undefined;
  }

  /** All that waits, for a member that leads itself now. */
  take(): readonly Touch[] {
    const taken = [...this.#pending].map(([session, { ttlTicks }]) => ({ session, ttlTicks }));
    this.#pending.clear();
    return taken;
  }
}
