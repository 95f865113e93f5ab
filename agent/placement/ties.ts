/**
 * What ties replicas together besides room: a shared source's data goes to each box where somebody reads it, and a box with any work
 * cannot rest. Counts only, kept up to date in the time one replica takes.
 */
import type { Flat } from './flat.ts';
import { rates, usedCost } from './merit.ts';
import { at, toMicros } from './model.ts';

export class Ties {
  readonly #nodes: number;
  readonly #sources: readonly Int32Array[];
  /** Replicas that read a source on a box. */
  readonly #readers: Int32Array;
  readonly #copies: Int32Array;
  readonly #copyCost: number;
  readonly #replicas: Int32Array;
  readonly #usedCost: Float64Array;

  private constructor({ instance, nodes }: Pick<Flat, 'instance' | 'nodes'>) {
    const { site, slots, fixed, shared, sharedCount } = instance;
    this.#nodes = nodes;
    this.#sources = slots.map(({ workload }) => Int32Array.from(at(shared, workload)));
    this.#readers = new Int32Array(sharedCount * nodes);
    this.#copies = new Int32Array(sharedCount);
    this.#copyCost = toMicros(site.problem.weights.colocation * rates.copySeconds);
    this.#replicas = new Int32Array(nodes);
    this.#usedCost = Float64Array.from(site.nodes, (node) => usedCost(site.problem, node));
    for (const { workload, node } of fixed) {
      if (node < 0) continue;
      this.#replicas[node] = at(this.#replicas, node) + 1;
      for (const source of at(shared, workload)) this.#count(source, node, 1);
    }
  }

  /** Undefined where nothing is tied. */
  static of(flat: Pick<Flat, 'instance' | 'nodes'>): Ties | undefined {
    const { site, sharedCount } = flat.instance;
    const isShared = sharedCount > 0 && site.problem.weights.colocation > 0;
    return isShared || site.nodes.some((node) => usedCost(site.problem, node) > 0) ? new Ties(flat) : undefined;
  }

  /** Of everything placed now. */
  total(): number {
    let sum = 0;
    for (let source = 0; source < this.#copies.length; source += 1) sum += Math.max(0, at(this.#copies, source) - 1) * this.#copyCost;
    for (let node = 0; node < this.#nodes; node += 1) if (at(this.#replicas, node) > 0) sum += at(this.#usedCost, node);
    return sum;
  }

  /** What a slot that has no place would add on a box. */
  adds(slot: number, node: number): number {
    let sum = this.#replicas[node] === 0 ? (this.#usedCost[node] as number) : 0;
    const sources = this.#sources[slot] as Int32Array;
    for (let index = 0; index < sources.length; index += 1) {
      const source = sources[index] as number;
      if (this.#readers[source * this.#nodes + node] === 0 && (this.#copies[source] as number) > 0) sum += this.#copyCost;
    }
    return sum;
  }

  /** What the change of a slot from one box to another would cost, near enough: the last reader of all is not told from others. */
  moves(slot: number, from: number, to: number): number {
    let sum = 0;
    if (this.#replicas[to] === 0) sum += this.#usedCost[to] as number;
    if (this.#replicas[from] === 1) sum -= this.#usedCost[from] as number;
    const sources = this.#sources[slot] as Int32Array;
    for (let index = 0; index < sources.length; index += 1) {
      const row = (sources[index] as number) * this.#nodes;
      if (this.#readers[row + to] === 0) sum += this.#copyCost;
      if (this.#readers[row + from] === 1) sum -= this.#copyCost;
    }
    return sum;
  }

  /** Puts a slot on a box, or takes it away. @returns the change of cost. */
  change(slot: number, node: number, sign: 1 | -1): number {
    const before = this.#replicas[node] as number;
    this.#replicas[node] = before + sign;
    let sum = before === 0 ? (this.#usedCost[node] as number) : before + sign === 0 ? -(this.#usedCost[node] as number) : 0;
    const sources = this.#sources[slot] as Int32Array;
    for (let index = 0; index < sources.length; index += 1) sum += this.#count(sources[index] as number, node, sign);
    return sum;
  }

  #count(source: number, node: number, sign: 1 | -1): number {
    const index = source * this.#nodes + node;
    const before = this.#readers[index] as number;
    this.#readers[index] = before + sign;
    const change = before === 0 ? 1 : before + sign === 0 ? -1 : 0;
    if (change === 0) return 0;
    const copies = this.#copies[source] as number;
    this.#copies[source] = copies + change;
    return (Math.max(0, copies + change - 1) - Math.max(0, copies - 1)) * this.#copyCost;
  }
}
