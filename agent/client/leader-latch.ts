/** Election of one among several clients: whoever is first in the queue leads, until its session ends or it resigns. */
import type { KvGuard } from '../../schemas/generated/types.ts';
import type { HeldSession } from './held-session.ts';
import type { SiteClient } from './port.ts';
import { isPlace, Place } from './queue.ts';

export const electionPrefix = (name: string): string => `elect/${name}/`;

export class LeaderLatch {
  readonly #place: Place;

  private constructor(place: Place) {
    this.#place = place;
  }

  /** Stands for election. `value` tells the others who this is. Rejects with SiteError. */
  static async join(session: HeldSession, name: string, value: string): Promise<LeaderLatch> {
    return new LeaderLatch(await Place.take(session, electionPrefix(name), value));
  }

  /** Who leads at the moment, linearizably; undefined when nobody stands. */
  static async leader(client: SiteClient, name: string): Promise<{ readonly value: string; readonly token: number } | undefined> {
    const prefix = electionPrefix(name);
    const first = (await client.list(prefix)).items.find(({ key }) => isPlace(prefix, key));
    return first === undefined ? undefined : { value: first.value, token: first.revision };
  }

  /** Resolves when this one leads. Rejects with SiteError when its session is lost or the caller gives up. */
  leads(signal?: AbortSignal): Promise<void> {
    return this.#place.first(signal);
  }

  /** Greater than that of every leader before. */
  get token(): number {
    return this.#place.ticket;
  }

  get key(): string {
    return this.#place.key;
  }

  /** A guard that holds while this one stands for election. */
  get fence(): KvGuard {
    return this.#place.fence;
  }

  resign(): Promise<void> {
    return this.#place.leave();
  }
}
