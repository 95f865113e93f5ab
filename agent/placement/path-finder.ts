/** The optimal path finder: fewest hops and least latency from wherever a data source can be had (Dijkstra). */
import type { PlacementLink } from '../../schemas/generated/types.ts';
import { at } from './model.ts';

/** A way from one of the origins to a box. Unreachable: `origin` -1, everything else infinite, `mbps` 0. */
export interface Route {
  readonly origin: number;
  readonly hops: number;
  readonly latencyMs: number;
  /** Of the narrowest link; infinite on the box itself. */
  readonly mbps: number;
}

interface Edge {
  readonly to: number;
  readonly latencyMs: number;
  readonly mbps: number;
}

interface Visit extends Route {
  readonly node: number;
}

const nowhere: Route = { origin: -1, hops: Number.POSITIVE_INFINITY, latencyMs: Number.POSITIVE_INFINITY, mbps: 0 };

export class PathFinder {
  readonly #edges: Edge[][];
  readonly #known = new Map<string, readonly Route[]>();

  /** Links to boxes that are not in `nodes` are left out: those boxes are not there now. */
  constructor(nodes: ReadonlyMap<string, number>, links: readonly PlacementLink[]) {
    this.#edges = Array.from(nodes, () => []);
    for (const { a, b, latencyMs, mbps } of links) {
      const from = nodes.get(a);
      const to = nodes.get(b);
      if (from === undefined || to === undefined || from === to) continue;
      at(this.#edges, from).push({ to, latencyMs, mbps });
      at(this.#edges, to).push({ to: from, latencyMs, mbps });
    }
  }

  /** Route to every box from the nearest origin. Ties: the other measure, then the wider link, then the lower origin. */
  routes(origins: readonly number[], by: 'hops' | 'latencyMs'): readonly Route[] {
    const key = `${by}:${origins.join(',')}`;
    let routes = this.#known.get(key);
    if (routes === undefined) {
      routes = this.#search(origins, by);
      this.#known.set(key, routes);
    }
    return routes;
  }

  #search(origins: readonly number[], by: 'hops' | 'latencyMs'): readonly Route[] {
    const best: Route[] = this.#edges.map(() => nowhere);
    const done = new Uint8Array(best.length);
    const heap: Visit[] = [];
    const offer = (visit: Visit): void => {
      if (!before(visit, at(best, visit.node), by)) return;
      best[visit.node] = visit;
      push(heap, visit, by);
    };
    for (const origin of origins) offer({ node: origin, origin, hops: 0, latencyMs: 0, mbps: Number.POSITIVE_INFINITY });
    for (let visit = pop(heap, by); visit !== undefined; visit = pop(heap, by)) {
      if (done[visit.node] === 1) continue;
      done[visit.node] = 1;
      const { origin, hops, latencyMs, mbps } = visit;
      for (const edge of at(this.#edges, visit.node)) {
        offer({ node: edge.to, origin, hops: hops + 1, latencyMs: latencyMs + edge.latencyMs, mbps: Math.min(mbps, edge.mbps) });
      }
    }
    return best.map(({ origin, hops, latencyMs, mbps }) => ({ origin, hops, latencyMs, mbps }));
  }
}

function before(a: Route, b: Route, by: 'hops' | 'latencyMs'): boolean {
  const other = by === 'hops' ? 'latencyMs' : 'hops';
  if (a[by] !== b[by]) return a[by] < b[by];
  if (a[other] !== b[other]) return a[other] < b[other];
  return a.mbps !== b.mbps ? a.mbps > b.mbps : a.origin < b.origin;
}

/** Binary heap, nearest first. */
function push(heap: Visit[], visit: Visit, by: 'hops' | 'latencyMs'): void {
  let child = heap.push(visit) - 1;
  while (child > 0) {
    const parent = (child - 1) >> 1;
    if (!before(visit, at(heap, parent), by)) break;
    heap[child] = at(heap, parent);
    child = parent;
  }
  heap[child] = visit;
}

function pop(heap: Visit[], by: 'hops' | 'latencyMs'): Visit | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let parent = 0;
  for (;;) {
    let child = 2 * parent + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(at(heap, child + 1), at(heap, child), by)) child += 1;
    if (!before(at(heap, child), last, by)) break;
    heap[parent] = at(heap, child);
    parent = child;
  }
  heap[parent] = last;
  return first;
}
