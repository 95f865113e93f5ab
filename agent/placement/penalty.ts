/** What moves are weighed by: the penalty of overload, and how much of it, and of gaps, is counted yet. */
import type { Flat } from './flat.ts';
import { at } from './model.ts';

/** Columns between two checkpoints. */
const checkColumns = 16_384;

export class Penalty {
  /** Per box and resource, for one unit above capacity. */
  readonly perUnit: Float64Array;
  /** Of each column, with what gaps count for less than they cost. */
  readonly cost: Float64Array;
  readonly #flat: Flat;
  readonly #price: Float64Array;
  #worth: Float64Array | undefined;
  /** Product of all factors so far. */
  #pressed = 1;

  constructor(flat: Flat, price: Float64Array, spread: number) {
    const { width, demand } = flat;
    this.#flat = flat;
    this.#price = price;
    this.cost = flat.cost.slice();
    const mean = new Float64Array(width);
    for (let index = 0; index < demand.length; ) {
      for (let r = 0; r < width; r += 1, index += 1) mean[r] = (mean[r] as number) + (demand[index] as number);
    }
    const columns = Math.max(1, flat.cost.length);
    this.perUnit = price.map((worth, index) => 4 * worth + (0.2 * spread) / Math.max(1e-9, at(mean, index % width) / columns));
  }

  /** Makes overload dearer (above 1) or cheaper. */
  press(factor: number): void {
    // Beyond, sums would forget the costs.
    const total = this.#pressed * factor;
    if (total > 1e6 || total < 1e-6) return;
    this.#pressed = total;
    for (let index = 0; index < this.perUnit.length; index += 1) this.perUnit[index] = at(this.perUnit, index) * factor;
  }

  /** Undoes all pressing. */
  release(): void {
    this.press(1 / this.#pressed);
    this.#pressed = 1;
  }

  /**
   * Counts a share of what load costs, and all of what columns cost more than the best at these prices. With a small share what matters is
   * where each replica belongs, and loads may swing; with all of it a plan is weighed by its value. In between, loads settle around
   * capacity while hardly anything leaves a good column.
   */
  ease(share: number): void {
    const { cost } = this.#flat;
    this.#worth ??= worthOf(this.#flat, this.#price);
    for (let column = 0; column < cost.length; column += 1)
      this.cost[column] = (cost[column] as number) + (1 - share) * (this.#worth[column] as number);
  }
}

/** What each column takes, at these prices. */
function worthOf({ instance, cost, node, demand, width }: Flat, price: Float64Array): Float64Array {
  const worth = new Float64Array(cost.length);
  for (let column = 0; column < cost.length; column += 1) {
    if (column % checkColumns === 0) instance.checkpoint();
    let sum = 0;
    const row = (node[column] as number) * width;
    for (let r = 0; r < width; r += 1) sum += (price[row + r] as number) * (demand[column * width + r] as number);
    worth[column] = sum;
  }
  return worth;
}
