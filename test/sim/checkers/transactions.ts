import type { Entry } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { Done } from '../replica.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

const prefix = 'kv/';

/** A transaction happens when its guards on revisions hold, and else not: by a count of revisions of its own. */
export class Transactions implements Observer {
  readonly #revisions = new Map<string, number>();
  #highest = 0;

  applied(node: SimNode, entry: Entry, { envelope, outcome, changes }: Done): void {
    if (entry.index <= this.#highest) return;
    this.#highest = entry.index;
    const command = envelope?.command;
    // What was done before is answered as it was then.
    if (command?.type === 'kvTxn' && envelope?.request === undefined) {
      const holds = command.guards.every((guard) => !('revision' in guard) || (this.#revisions.get(guard.key) ?? 0) === guard.revision);
      if (holds !== (outcome?.ok === true))
        throw new Violation('Transactions: done against its guards, or not done though they hold', {
          node: node.id,
          index: entry.index,
          command,
          outcome,
        });
    }
    for (const { key, value } of changes) {
      if (!key.startsWith(prefix)) continue;
      if (value === undefined) this.#revisions.delete(key.slice(prefix.length));
      else this.#revisions.set(key.slice(prefix.length), entry.index);
    }
  }
}
