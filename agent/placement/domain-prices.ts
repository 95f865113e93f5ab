/**
 * What a place in a failure domain is worth to replicas that must not share one: boxes that look at themselves alone would each take one.
 * With these prices a bound knows that a domain has room for one (Lagrangian relaxation of "at most one in each domain").
 */
import type { Flat } from './flat.ts';
import { at } from './model.ts';
import { domainsOf } from './rivals.ts';

export class DomainPrices {
  /** Number of the domain of each box, and of all. */
  readonly domain: Int32Array;
  readonly count: number;
  /** What all prices come to, and replicas that have one. */
  sum = 0;
  /** Row of each head in the tables; -1 for those that need not be spread over domains. */
  readonly #row: Int32Array;
  // By row and domain: micro-seconds per hour, and boxes of the domain that took one.
  readonly #price: Float64Array;
  readonly #taken: Int32Array;
  readonly #towards: Float64Array;
  readonly #best: Float64Array;

  private constructor(domain: Int32Array, row: Int32Array, rows: number) {
    this.domain = domain;
    this.count = domain.reduce((most, one) => Math.max(most, one + 1), 0);
    this.#row = row;
    this.#price = new Float64Array(rows * this.count);
    this.#taken = new Int32Array(this.#price.length);
    this.#towards = new Float64Array(this.#price.length);
    this.#best = new Float64Array(this.#price.length);
  }

  /**
   * Undefined where nothing is spread over domains.
   * @param heads first slots of those that are all the same. @param twins of each slot: how many those are.
   */
  static of({ instance }: Flat, heads: Int32Array, twins: Int32Array): DomainPrices | undefined {
    const { site, slots } = instance;
    let rows = 0;
    const row = heads.map((slot) => {
      const isSpread = at(twins, slot) > 1 && at(site.workloads, at(slots, slot).workload).spread === 'domain';
      return isSpread ? rows++ : -1;
    });
    return rows === 0 ? undefined : new DomainPrices(domainsOf(site.nodes), row, rows);
  }

  isSpread(head: number): boolean {
    return this.#row[head] !== -1;
  }

  /**
   * Begins with the prices that fit what places cost: the last place that is needed is worth itself, and a domain what its second best place
   * would be better than that.
   * @param cheapest of each box, infinite where there is no place. @returns what the last place costs.
   */
  begin(head: number, cheapest: Float64Array, need: number): number {
    const first = new Float64Array(this.count).fill(Number.POSITIVE_INFINITY);
    const second = first.slice();
    for (let box = 0; box < cheapest.length; box += 1) {
      const [own, domain] = [at(cheapest, box), at(this.domain, box)];
      if (own < at(first, domain)) {
        second[domain] = at(first, domain);
        first[domain] = own;
      } else if (own < at(second, domain)) second[domain] = own;
    }
    const places = first.filter((cost) => cost < Number.POSITIVE_INFINITY).sort();
    const worth = at(places, Math.min(need, places.length) - 1);
    const from = at(this.#row, head) * this.count;
    for (let domain = 0; domain < this.count; domain += 1) this.#price[from + domain] = Math.max(0, worth - at(second, domain));
    return worth;
  }

  /** What a head pays for being on a box. */
  at(head: number, box: number): number {
    const row = this.#row[head] as number;
    return row === -1 ? 0 : (this.#price[row * this.count + (this.domain[box] as number)] as number);
  }

  /** Forgets who took what. */
  clear(): void {
    this.#taken.fill(0);
    this.sum = this.#price.reduce((sum, price) => sum + price, 0);
  }

  take(head: number, box: number): void {
    const row = this.#row[head] as number;
    if (row === -1) return;
    const index = row * this.count + (this.domain[box] as number);
    this.#taken[index] = (this.#taken[index] as number) + 1;
  }

  /** Where prices should go: up where a domain took more than one. @returns the square of how far. */
  aim(deflection: number): number {
    let norm = 0;
    for (let index = 0; index < this.#price.length; index += 1) {
      let step = (this.#taken[index] as number) - 1 + deflection * (this.#towards[index] as number);
      if (step < 0 && this.#price[index] === 0) step = 0;
      this.#towards[index] = step;
      norm += step * step;
    }
    return norm;
  }

  go(length: number): void {
    for (let index = 0; index < this.#price.length; index += 1)
      this.#price[index] = Math.max(0, (this.#price[index] as number) + length * (this.#towards[index] as number));
  }

  keep(): void {
    this.#best.set(this.#price);
  }

  /** Back to those that were kept, without a direction. */
  back(): void {
    this.#price.set(this.#best);
    this.#towards.fill(0);
  }
}
