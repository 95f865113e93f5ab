/** Clients that take tickets, each exactly once, in sessions that move from box to box; what they were told is compared with what there is. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HeldSession } from '../../agent/client/held-session.ts';
import { HttpSiteClient } from '../../agent/client/http-site-client.ts';
import type { Item } from '../../agent/client/port.ts';
import { asSiteError } from '../../agent/client/site-error.ts';
import type { Box } from '../../agent/demo/box.ts';

/** Tickets taken in one session before they are looked at. */
const batch = 200;
const ttlMs = 20_000;
const patienceMs = 60_000;

export class Tickets {
  /** What was told wrongly. */
  readonly failures: string[] = [];
  taken = 0;
  /** Given up without knowing. */
  indefinite = 0;
  /** Sessions that ended before their clients were through. */
  lost = 0;
  readonly #boxes: readonly Box[];
  #isEnded = false;

  constructor(boxes: readonly Box[]) {
    this.#boxes = boxes;
  }

  /** Runs until `end` is called, and looks at what was taken last. */
  async run(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, i) => this.#client(i)));
  }

  end(): void {
    this.#isEnded = true;
  }

  async #client(first: number): Promise<void> {
    const ways = this.#boxes.map(({ endpoint }) => new HttpSiteClient({ endpoint, timeoutMs: 2500 }));
    const clients = [...ways.slice(first), ...ways.slice(0, first)];
    while (!this.#isEnded) {
      const session = await HeldSession.open(clients, { ttlMs }).catch(() => undefined);
      if (session === undefined) await sleep(200);
      else await this.#session(session, clients);
      clients.push(...clients.splice(0, 1));
    }
    for (const client of ways) client.close();
  }

  async #session(session: HeldSession, clients: readonly HttpSiteClient[]): Promise<void> {
    const prefix = `ticket/${session.session}/`;
    const told = new Map<string, string | undefined>();
    const unknown = new Set<string>();
    for (let n = 0; n < batch && !this.#isEnded && !session.lost.aborted; n += 1) {
      const value = String(n);
      try {
        const { results } = await session.once(() => ({ operations: [{ type: 'put', key: prefix, value, sequential: true }] }));
        told.set(value, results[0]?.key);
        this.taken += 1;
      } catch (error) {
        if (asSiteError(error).definite) continue;
        unknown.add(value);
        this.indefinite += 1;
      }
      await sleep(10);
    }
    if (session.lost.aborted) this.lost += 1;
    await session.close();
    const items = await patiently(clients, async (client) => (await client.list(prefix)).items);
    if (items === undefined) this.failures.push(`tickets of session ${session.session} could not be read for ${patienceMs / 1000} s`);
    else this.#compare(session.session, items, told, unknown);
    await patiently(clients, (client) => client.transact({ operations: [{ type: 'deletePrefix', prefix }] }));
  }

  #compare(session: number, items: readonly Item[], told: ReadonlyMap<string, string | undefined>, unknown: ReadonlySet<string>): void {
    const found = new Map<string, string>();
    const wrong = (value: string, what: string): void => void this.failures.push(`ticket ${value} of session ${session} ${what}`);
    for (const { key, value } of items) {
      if (found.has(value)) wrong(value, 'was taken twice');
      found.set(value, key);
      if (!told.has(value) && !unknown.has(value)) wrong(value, 'was taken, and its client was told that it certainly was not');
    }
    for (const [value, key] of told) if (found.get(value) !== key) wrong(value, `is not there as ${key}, which its client was told`);
  }
}

/** Asks one box after the other until somebody answers. */
async function patiently<T>(clients: readonly HttpSiteClient[], ask: (client: HttpSiteClient) => Promise<T>): Promise<T | undefined> {
  const end = performance.now() + patienceMs;
  for (let i = 0; performance.now() < end; i += 1) {
    try {
      return await ask(clients[i % clients.length] as HttpSiteClient);
    } catch {
      await sleep(100);
    }
  }
  return undefined;
}
