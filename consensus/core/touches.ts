import type { Touch } from './messages.ts';
import { limits, type Tick } from './types.ts';

interface Pending {
  ttlTicks: number;
  /** No touch that the leader may not know of is older. */
  since: Tick;
  /** The first ACK to a PING that carried the newest touch. */
  carriedBy: number | undefined;
}

/**
 * A member's side of session renewal: clients touched these sessions here, and the leader is told with every ACK to a PING, all at
 * once, until a PING shows that such an ACK arrived. No log entry, no message of its own (ZooKeeper renews sessions the same way).
 */
export class Touches {
  readonly #pending = new Map<number, Pending>();
  /** Since when one waits: as it was when a PING was answered last, or the first that has come since. */
  #oldest: Tick | undefined;

  get size(): number {
    return this.#pending.size;
  }

  /**
   * False when one waits for longer than `patienceTicks` already, or too many do: PINGs may still come, but the leader does not hear us; or
   * none come, and what is late of its APPENDs makes it seem to be there. So a client whose touch was taken knows that those it made
   * `patienceTicks` before have reached a leader.
   */
  touch({ session, ttlTicks }: Touch, now: Tick, patienceTicks: number): boolean {
    if (this.#oldest !== undefined && now - this.#oldest > patienceTicks) return false;
    const waiting = this.#pending.get(session);
    if (waiting === undefined) {
      if (this.#pending.size >= limits.touchesMax) return false;
      this.#pending.set(session, { ttlTicks, since: now, carriedBy: undefined });
      this.#oldest ??= now;
    } else {
      waiting.ttlTicks = ttlTicks;
      waiting.carriedBy = undefined;
    }
    return true;
  }

  /** Everything still to be told, for the ACK with this number. */
  carry(ackSeq: number): readonly Touch[] {
    this.#oldest = undefined;
    return [...this.#pending].map(([session, pending]) => {
      pending.carriedBy ??= ackSeq;
      if (this.#oldest === undefined || pending.since < this.#oldest) this.#oldest = pending.since;
      return { session, ttlTicks: pending.ttlTicks };
    });
  }

  /** The leader has the ACK with this number, which answered a PING and so carried all that waited when it left. */
  echoed(ackSeq: number, leftAt: Tick): void {
    for (const [session, pending] of this.#pending) {
      if (pending.carriedBy !== undefined && pending.carriedBy <= ackSeq) this.#pending.delete(session);
      else if (pending.since < leftAt) pending.since = leftAt;
    }
  }

  /**
   * Another leader may come: what the old one was told, it was not. It gives every session its whole time, but since when it leads is not
   * known here, this term may be heard of late: so waiting goes on until it shows that it hears us.
   */
  forgetCarried(): void {
    for (const pending of this.#pending.values()) pending.carriedBy = undefined;
  }

  /** All that waits, for a member that leads itself now. */
  take(): readonly Touch[] {
    const taken = [...this.#pending].map(([session, { ttlTicks }]) => ({ session, ttlTicks }));
    this.#pending.clear();
    this.#oldest = undefined;
    return taken;
  }
}
