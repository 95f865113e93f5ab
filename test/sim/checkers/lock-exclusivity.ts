import type { Entry } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { Done } from '../replica.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

export interface Holder {
  readonly name: string;
  readonly token: number | undefined;
}

/** One holder at a time, as the holders themselves see it; and what holders change, they change in the order of their tokens. */
export class LockExclusivity implements Observer {
  #highest = 0;
  #token = 0;
  /** Tokens under which something was changed. */
  #holders = 0;

  get holders(): number {
    return this.#holders;
  }

  /** To be called every tick. */
  check(clients: readonly Holder[]): void {
    const holding = clients.filter(({ token }) => token !== undefined);
    if (holding.length > 1)
      throw new Violation('Lock: two holders at one time', { holders: holding.map(({ name, token }) => `${name} with ${token}`) });
  }

  applied(_node: SimNode, entry: Entry, { changes }: Done): void {
    if (entry.index <= this.#highest) return;
    this.#highest = entry.index;
    for (const { key, value } of changes) {
      if (key !== 'kv/guarded' || value === undefined) continue;
      const token = Number((JSON.parse(new TextDecoder().decode(value)) as { readonly value: string }).value);
      if (token < this.#token)
        throw new Violation('Lock: a former holder changed something', { index: entry.index, token, newest: this.#token });
      if (token > this.#token) this.#holders += 1;
      this.#token = token;
    }
  }
}
