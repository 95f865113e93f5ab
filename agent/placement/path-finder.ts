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

type Measure = 'hops' | 'latencyMs';

export class PathFinder {
  // Links of box b, both ways: first[b] .. first[b + 1] - 1.
  readonly #first: Int32Array;
  readonly #to: Int32Array;
  readonly #latencyMs: Float64Array;
  readonly #mbps: Float64Array;
  readonly #known = new Map<string, readonly Route[]>();
  // The best ways found so far, and the boxes whose ways may still be made better, nearest first: a binary heap, and where each is in it.
  readonly #origin: Int32Array;
  readonly #bestHops: Float64Array;
  readonly #bestLatencyMs: Float64Array;
  readonly #bestMbps: Float64Array;
  readonly #heap: Int32Array;
  readonly #position: Int32Array;
  #waiting = 0;
  #by: Measure = 'hops';

  /** Links to boxes that are not in `nodes` are left out: those boxes are not there now. */
  constructor(nodes: ReadonlyMap<string, number>, links: readonly PlacementLink[]) {
    const ends = links.flatMap(({ a, b, latencyMs, mbps }) => {
      const [from, to] = [nodes.get(a), nodes.get(b)];
      if (from === undefined || to === undefined || from === to) return [];
      return [
        { from, to, latencyMs, mbps },
        { from: to, to: from, latencyMs, mbps },
      ];
    });
    ends.sort((one, other) => one.from - other.from);
    const size = nodes.size;
    this.#first = new Int32Array(size + 1);
    for (const { from } of ends) this.#first[from + 1] = at(this.#first, from + 1) + 1;
    for (let node = 0; node < size; node += 1) this.#first[node + 1] = at(this.#first, node) + at(this.#first, node + 1);
    this.#to = Int32Array.from(ends, ({ to }) => to);
    this.#latencyMs = Float64Array.from(ends, ({ latencyMs }) => latencyMs);
    this.#mbps = Float64Array.from(ends, ({ mbps }) => mbps);
    this.#origin = new Int32Array(size);
    this.#bestHops = new Float64Array(size);
    this.#bestLatencyMs = new Float64Array(size);
    this.#bestMbps = new Float64Array(size);
    this.#heap = new Int32Array(size);
    this.#position = new Int32Array(size);
  }

  /** Route to every box from the nearest origin. Ties: the other measure, then the wider link, then the lower origin. */
  routes(origins: readonly number[], by: Measure): readonly Route[] {
    const key = `${by}:${origins.join(',')}`;
    let routes = this.#known.get(key);
    if (routes === undefined) {
      routes = this.#search(origins, by);
      this.#known.set(key, routes);
    }
    return routes;
  }

  #search(origins: readonly number[], by: Measure): readonly Route[] {
    this.#by = by;
    this.#waiting = 0;
    this.#origin.fill(-1);
    this.#bestHops.fill(Number.POSITIVE_INFINITY);
    this.#bestLatencyMs.fill(Number.POSITIVE_INFINITY);
    this.#bestMbps.fill(0);
    this.#position.fill(-1);
    for (const origin of origins) this.#offer(origin, origin, 0, 0, Number.POSITIVE_INFINITY);
    while (this.#waiting > 0) {
      const node = this.#nearest();
      const origin = this.#origin[node] as number;
      const hops = (this.#bestHops[node] as number) + 1;
      const latencyMs = this.#bestLatencyMs[node] as number;
      const mbps = this.#bestMbps[node] as number;
      const end = this.#first[node + 1] as number;
      for (let link = this.#first[node] as number; link < end; link += 1)
        this.#offer(
          this.#to[link] as number,
          origin,
          hops,
          latencyMs + (this.#latencyMs[link] as number),
          Math.min(mbps, this.#mbps[link] as number),
        );
    }
    return Array.from(this.#origin, (origin, node) => ({
      origin,
      hops: at(this.#bestHops, node),
      latencyMs: at(this.#bestLatencyMs, node),
      mbps: at(this.#bestMbps, node),
    }));
  }

  /** A way to a box; kept if it is better than the one known. Once a box was nearest, no way can be. */
  #offer(node: number, origin: number, hops: number, latencyMs: number, mbps: number): void {
    if (!this.#isBetter(node, origin, hops, latencyMs, mbps)) return;
    this.#origin[node] = origin;
    this.#bestHops[node] = hops;
    this.#bestLatencyMs[node] = latencyMs;
    this.#bestMbps[node] = mbps;
    let child = this.#position[node] as number;
    if (child === -1) {
      child = this.#waiting;
      this.#waiting += 1;
    }
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = this.#heap[parent] as number;
      if (!this.#isNearer(node, above)) break;
      this.#put(above, child);
      child = parent;
    }
    this.#put(node, child);
  }

  #isBetter(node: number, origin: number, hops: number, latencyMs: number, mbps: number): boolean {
    const [hopsNow, latencyNow] = [this.#bestHops[node] as number, this.#bestLatencyMs[node] as number];
    if (this.#by === 'hops' && hops !== hopsNow) return hops < hopsNow;
    if (latencyMs !== latencyNow) return latencyMs < latencyNow;
    if (hops !== hopsNow) return hops < hopsNow;
    const mbpsNow = this.#bestMbps[node] as number;
    return mbps !== mbpsNow ? mbps > mbpsNow : origin < (this.#origin[node] as number);
  }

  #isNearer(node: number, other: number): boolean {
    return this.#isBetter(
      other,
      this.#origin[node] as number,
      this.#bestHops[node] as number,
      this.#bestLatencyMs[node] as number,
      this.#bestMbps[node] as number,
    );
  }

  #put(node: number, position: number): void {
    this.#heap[position] = node;
    this.#position[node] = position;
  }

  /** Takes the nearest box off the heap. */
  #nearest(): number {
    const first = this.#heap[0] as number;
    this.#position[first] = -1;
    this.#waiting -= 1;
    const end = this.#waiting;
    if (end === 0) return first;
    const last = this.#heap[end] as number;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= end) break;
      if (child + 1 < end && this.#isNearer(this.#heap[child + 1] as number, this.#heap[child] as number)) child += 1;
      const below = this.#heap[child] as number;
      if (!this.#isNearer(below, last)) break;
      this.#put(below, parent);
      parent = child;
    }
    this.#put(last, parent);
    return first;
  }
}
