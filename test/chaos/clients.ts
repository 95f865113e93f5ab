/** Clients that read, write and compare-and-set through the public interface, and write down what they saw. */
import { HttpSiteClient } from '../../agent/client/http-site-client.ts';
import { asSiteError } from '../../agent/client/site-error.ts';
import type { Box } from '../../agent/demo/box.ts';
import type { Operation, Value } from '../linearizability/history.ts';
import type { Chance } from './chance.ts';

/** Keys in use at one time, and how many operations are made on each: what is checked together stays small. */
const keysAtOnce = 4;
const operationsPerKey = 250;
const timeoutMs = 2500;
const pauseMs = 8;

export class Clients {
  readonly history: Operation[] = [];
  readonly #boxes: readonly Box[];
  readonly #chance: Chance;
  readonly #count: number;
  readonly #begin = process.hrtime.bigint();
  #isEnded = false;
  /** Numbers of clients: one that does not know what became of its operation goes on as another. */
  #numbers = 0;
  #values = 0;
  #asked = 0;

  constructor(boxes: readonly Box[], count: number, chance: Chance) {
    this.#boxes = boxes;
    this.#count = count;
    this.#chance = chance;
  }

  /** Runs until `end` is called. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.#count }, (_, i) => this.#client(i)));
  }

  end(): void {
    this.#isEnded = true;
  }

  /** Every other one reads alone, and stays where it is: a box that should not answer any more is asked until it stops. */
  async #client(place: number): Promise<void> {
    const onlyReads = place % 2 === 0;
    const clients = this.#boxes.map((box) => new HttpSiteClient({ endpoint: box.endpoint, timeoutMs }));
    let at = (place >> 1) % clients.length;
    let number = this.#numbers++;
    const lastSeen = new Map<string, Value>();
    while (!this.#isEnded) {
      const client = clients[at] as HttpSiteClient;
      const operation = await this.#operate(client, number, lastSeen, onlyReads);
      this.history.push(operation);
      if (operation.ok === 'unknown') number = this.#numbers++;
      if (!onlyReads && (operation.ok !== true || this.#chance.below(40) === 0)) at = this.#chance.below(clients.length);
      await new Promise((resolve) => setTimeout(resolve, operation.ok === true ? this.#chance.below(pauseMs) : 50));
    }
    for (const client of clients) client.close();
  }

  async #operate(client: HttpSiteClient, number: number, lastSeen: Map<string, Value>, onlyReads: boolean): Promise<Operation> {
    this.#asked += 1;
    const era = Math.floor(this.#asked / (keysAtOnce * operationsPerKey));
    const key = `chaos/${era}/${this.#chance.below(keysAtOnce)}`;
    const call_ns = this.#nowNs();
    const answered = <T extends object>(fields: T) =>
      ({ client: number, key, call_ns, return_ns: this.#nowNs(), ok: true as const, ...fields }) as const;
    const refused = (error: unknown) => {
      const { definite } = asSiteError(error);
      return {
        client: number,
        key,
        call_ns,
        ...(definite ? { return_ns: this.#nowNs(), ok: false } : { return_ns: null, ok: 'unknown' as const }),
      };
    };
    const kind = onlyReads ? 0 : this.#chance.below(4);
    if (kind < 1) {
      const read = { op: 'read', value: null } as const;
      try {
        const output = (await client.get(key))?.value ?? null;
        lastSeen.set(key, output);
        return answered({ ...read, output });
      } catch (error) {
        return { ...refused(error), ...read, output: null };
      }
    }
    this.#values += 1;
    const value = `v${this.#values}`;
    if (kind < 3) {
      const write = { op: 'write', value, output: null } as const;
      try {
        await client.transact({ operations: [{ type: 'put', key, value }] });
        lastSeen.set(key, value);
        return answered(write);
      } catch (error) {
        return { ...refused(error), ...write };
      }
    }
    const from = lastSeen.get(key) ?? null;
    const cas = { op: 'cas', from, to: value } as const;
    try {
      const guard = from === null ? { key, revision: 0 } : { key, value: from };
      await client.transact({ guards: [guard], operations: [{ type: 'put', key, value }] });
      lastSeen.set(key, value);
      return answered({ ...cas, output: true });
    } catch (error) {
      if (asSiteError(error).code === 'GUARD_FAILED') return answered({ ...cas, output: false });
      return { ...refused(error), ...cas, output: null };
    }
  }

  #nowNs(): number {
    return Number(process.hrtime.bigint() - this.#begin);
  }
}
