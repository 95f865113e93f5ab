/** Clients that hold sessions: keys that live with them, numbered changes sent again, moves between members, a lock, a watch. */
import type { Outcome } from '../../agent/state/commands.ts';
import type { Entry } from '../../consensus/core/types.ts';
import type { Cluster } from './cluster.ts';
import type { Observer } from './observer.ts';
import type { SeededRandom } from './random.ts';
import type { Done } from './replica.ts';
import { type SessionCheckers, SessionClient } from './session-client.ts';
import type { SimNode } from './sim-node.ts';

/** Above the numbers that members give their own requests. */
const firstRequest = 2 ** 43;

interface Asked {
  readonly client: SessionClient;
  readonly node: SimNode;
  readonly incarnation: number;
}

export class SessionClients implements Observer {
  readonly clients: readonly SessionClient[];
  readonly #asked = new Map<number, Asked>();
  answered = 0;

  constructor(random: SeededRandom, count: number, cluster: () => Cluster, checkers: SessionCheckers, ttlFactor = 1) {
    const ask = (client: SessionClient, node: SimNode): number => {
      const request = firstRequest + cluster().nextRequest();
      this.#asked.set(request, { client, node, incarnation: node.incarnation });
      return request;
    };
    this.clients = Array.from({ length: count }, (_, at) => new SessionClient(`c${at + 1}`, random, ask, checkers, ttlFactor));
  }

  tick(cluster: Cluster): void {
    for (const client of this.clients) client.tick(cluster);
  }

  applied(node: SimNode, entry: Entry, { outcome }: Done): void {
    if (entry.kind === 'command' && entry.origin?.node === node.id) this.#answer(entry.origin.requestId, node, outcome);
  }

  readable(node: SimNode, requestId: number): void {
    this.#answer(requestId, node, undefined);
  }

  refused(node: SimNode, requestId: number): void {
    this.#take(requestId, node)?.refused(requestId);
  }

  #answer(requestId: number, node: SimNode, outcome: Outcome | undefined): void {
    const client = this.#take(requestId, node);
    if (client === undefined) return;
    this.answered += 1;
    client.answered(requestId, node, outcome);
  }

  #take(requestId: number, node: SimNode): SessionClient | undefined {
    const asked = this.#asked.get(requestId);
    if (asked === undefined || asked.node !== node) return undefined;
    this.#asked.delete(requestId);
    return asked.incarnation === node.incarnation ? asked.client : undefined;
  }
}
