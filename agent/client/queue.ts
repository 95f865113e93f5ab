/**
 * A queue of clients under a prefix: each has an ephemeral key with a number that only grows, and watches the one before it alone, so that
 * whoever leaves wakes one other (Hunt et al., "ZooKeeper: wait-free coordination for Internet-scale systems", 2010, section 2.4).
 */
import type { KvGuard } from '../../schemas/generated/types.ts';
import type { HeldSession } from './held-session.ts';
import type { Item } from './port.ts';
import { asSiteError, isBroken, isPassing, SiteError } from './site-error.ts';

/** Who is before `own` among these items: a key; null when nobody is, undefined when `own` itself is not there. */
export function predecessorOf(items: readonly Item[], own: string): string | null | undefined {
  let before: string | null = null;
  let isThere = false;
  for (const { key } of items) {
    if (key === own) isThere = true;
    else if (key < own && (before === null || key > before)) before = key;
  }
  return isThere ? before : undefined;
}

/** Whether a key is a place in the queue under this prefix, not one in a queue of a longer name. */
export const isPlace = (prefix: string, key: string): boolean => /^\d{16}$/.test(key.slice(prefix.length));

const pauseMs = 100;

export class Place {
  readonly key: string;
  /** Log index at which the place was taken: whoever comes later has a greater one. */
  readonly ticket: number;
  readonly #session: HeldSession;
  readonly #prefix: string;

  private constructor(session: HeldSession, prefix: string, key: string, ticket: number) {
    this.#session = session;
    this.#prefix = prefix;
    this.key = key;
    this.ticket = ticket;
  }

  /** Takes the last place. It cannot be given up half-way: a place nobody knows of would stop all behind it. Rejects with SiteError. */
  static async take(session: HeldSession, prefix: string, value: string): Promise<Place> {
    const { revision, results } = await session.once((claim) => ({
      operations: [{ type: 'put', key: prefix, value, session: claim, sequential: true }],
    }));
    const key = results[0]?.key;
    if (key === undefined) throw new SiteError('ANSWER_STRANGE', 'The answer does not name the key that was made', false);
    return new Place(session, prefix, key, revision);
  }

  /** Holds for as long as this place is kept. To be sent with every change that its holder alone may make. */
  get fence(): KvGuard {
    return { key: this.key, revision: this.ticket };
  }

  /** Resolves when nobody is before this place. Rejects with SiteError when it is lost, or the caller gives up (ABORTED). */
  async first(signal?: AbortSignal): Promise<void> {
    const { lost } = this.#session;
    const end = signal === undefined ? lost : AbortSignal.any([lost, signal]);
    for (;;) {
      if (lost.aborted) throw asSiteError(lost.reason);
      if (end.aborted) throw new SiteError('ABORTED', 'The caller gave up', true);
      try {
        const { revision, items } = await this.#session.client.list(this.#prefix, end);
        const places = items.filter(({ key }) => isPlace(this.#prefix, key));
        const before = predecessorOf(places, this.key);
        if (before === undefined) throw new SiteError('PLACE_LOST', `${this.key} is not there any more: somebody deleted it`, true);
        if (before === null && !lost.aborted) return;
        if (before !== null) await this.#gone(before, revision, end);
      } catch (thrown) {
        const error = asSiteError(thrown);
        if (!isPassing(error) && !isBroken(error)) throw error;
        await this.#session.clock.sleep(pauseMs, end);
      }
    }
  }

  /** Gives the place up; the session goes on. */
  async leave(): Promise<void> {
    await this.#session.once(() => ({ operations: [{ type: 'delete', key: this.key }] }));
  }

  /** Resolves once this key was deleted after `revision`. */
  async #gone(key: string, revision: number, end: AbortSignal): Promise<void> {
    // The loop that reads it is ended by `return`: that closes the stream.
    for await (const change of this.#session.client.watch(key, revision, end)) if (change.type === 'delete' && change.key === key) return;
  }
}
