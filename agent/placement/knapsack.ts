/**
 * What one box would take of all that is worth something to it, where what it takes of one resource fits: a multiple-choice knapsack by dynamic
 * programming over room in units (Kellerer, Pferschy and Pisinger, Knapsack Problems, chapters 2 and 11).
 */

/** Units at the most. */
export const unitsMost = 2048;

export class Knapsack {
  /** The least that what was added comes to with demands of exactly so many units. */
  #least = new Float64Array(unitsMost + 1);
  #other = new Float64Array(unitsMost + 1);
  #units = 0;
  /** Per entry and units in all: the option that was taken; -1 for none. */
  #choice: Int8Array;
  /** Of each entry, and option: value, and demand in units. */
  readonly #value: Float64Array;
  readonly #demand: Int32Array;
  readonly #first: Int32Array;
  #entries = 0;
  #options = 0;
  /** Units that anything may add up to so far. */
  #reach = 0;

  /** @param entriesMax, optionsMax that are ever added together. */
  constructor(entriesMax: number, optionsMax: number) {
    this.#choice = new Int8Array(Math.min(entriesMax, 16) * (unitsMost + 1));
    this.#value = new Float64Array(optionsMax);
    this.#demand = new Int32Array(optionsMax);
    this.#first = new Int32Array(entriesMax + 1);
  }

  get entries(): number {
    return this.#entries;
  }

  /** Empties it. @param units of room, `unitsMost` at the most. */
  clear(units: number): void {
    this.#units = units;
    this.#entries = 0;
    this.#options = 0;
    this.#reach = 0;
    this.#least.fill(Number.POSITIVE_INFINITY);
    this.#least[0] = 0;
  }

  /** One way to take the entry that is added next. @param demand whole units. */
  option(value: number, demand: number): void {
    this.#value[this.#options] = value;
    this.#demand[this.#options] = demand;
    this.#options += 1;
  }

  /** Adds an entry of the options since the last one: one of them is taken, or none. */
  add(): void {
    const from = this.#first[this.#entries] as number;
    const to = this.#options;
    const units = this.#units;
    const row = this.#entries * (units + 1);
    if (row + units + 1 > this.#choice.length) {
      const larger = new Int8Array(2 * this.#choice.length);
      larger.set(this.#choice);
      this.#choice = larger;
    }
    const choice = this.#choice;
    choice.fill(-1, row, row + units + 1);
    const before = this.#least;
    const least = this.#other;
    least.set(before);
    let reach = this.#reach;
    for (let option = from; option < to; option += 1) {
      const value = this.#value[option] as number;
      const demand = this.#demand[option] as number;
      const end = Math.min(units, this.#reach + demand);
      for (let used = demand; used <= end; used += 1) {
        const taken = (before[used - demand] as number) + value;
        if (taken >= (least[used] as number)) continue;
        least[used] = taken;
        choice[row + used] = option - from;
      }
      if (end > reach) reach = end;
    }
    this.#reach = reach;
    this.#least = least;
    this.#other = before;
    this.#entries += 1;
    this.#first[this.#entries] = to;
  }

  /** What it comes to with exactly so many units; infinite where nothing adds up to them. */
  least(used: number): number {
    return this.#least[used] as number;
  }

  /** The options that come to `least(used)`: told the number of each entry and of its option. */
  takenWith(used: number, taken: (entry: number, option: number) => void): void {
    let left = used;
    for (let entry = this.#entries - 1; entry >= 0; entry -= 1) {
      const option = this.#choice[entry * (this.#units + 1) + left] as number;
      if (option === -1) continue;
      taken(entry, option);
      left -= this.#demand[(this.#first[entry] as number) + option] as number;
    }
  }
}
