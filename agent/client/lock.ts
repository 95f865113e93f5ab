/**
 * A lock whose holder has a number: the fencing token, greater for each later holder. A holder that was paused beyond its session's life
 * does not know it; so every change it makes carries the fence (or the token, where something else than the site keeps the data and refuses
 * smaller ones), and comes too late for certain.
 */
import type { KvGuard, KvOperation } from '../../schemas/generated/types.ts';
import type { HeldSession } from './held-session.ts';
import type { Transacted } from './port.ts';
import { Place } from './queue.ts';

export const lockPrefix = (name: string): string => `lock/${name}/`;

export class HeldLock {
  readonly #session: HeldSession;
  readonly #place: Place;

  private constructor(session: HeldSession, place: Place) {
    this.#session = session;
    this.#place = place;
  }

  /**
   * Waits for its turn. Rejects with SiteError when the session is lost or the caller gives up; no place is kept then.
   * @param value what others see of the holder.
   */
  static async acquire(session: HeldSession, name: string, value = '', signal?: AbortSignal): Promise<HeldLock> {
    const place = await Place.take(session, lockPrefix(name), value);
    try {
      await place.first(signal);
    } catch (error) {
      await place.leave().catch(() => undefined);
      throw error;
    }
    return new HeldLock(session, place);
  }

  /** Greater than that of every holder before. */
  get token(): number {
    return this.#place.ticket;
  }

  get key(): string {
    return this.#place.key;
  }

  /** A guard that holds for as long as the lock does. */
  get fence(): KvGuard {
    return this.#place.fence;
  }

  /** Aborted once the lock must be taken for lost. */
  get lost(): AbortSignal {
    return this.#session.lost;
  }

  /** Makes a change that happens only while this lock is held, and once. Rejects with SiteError GUARD_FAILED when it is not any more. */
  change(operations: KvOperation[], guards: readonly KvGuard[] = []): Promise<Transacted> {
    return this.#session.once(() => ({ guards: [this.fence, ...guards], operations }));
  }

  /** Hands the lock to the next; the session goes on. */
  release(): Promise<void> {
    return this.#place.leave();
  }
}
