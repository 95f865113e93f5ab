/** A set of rows of small integers, kept as 64 bits of hash each: with 10^7 rows two are taken for one with a chance of 3 in a million. */
export class Visited {
  #size = 0;
  #mask: number;
  #low: Int32Array;
  #high: Int32Array;

  constructor(capacity = 1 << 20) {
    this.#mask = capacity - 1;
    this.#low = new Int32Array(capacity);
    this.#high = new Int32Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** True when it was not there. */
  add(row: readonly number[]): boolean {
    let low = 0x1234567;
    let high = 0x89abcde;
    for (const value of row) {
      low = Math.imul(low ^ value, 0x85ebca6b);
      low ^= low >>> 15;
      high = Math.imul(high + value, 0xc2b2ae35);
      high ^= high >>> 13;
    }
    low = Math.imul(low ^ (low >>> 16), 0x27d4eb2f);
    // Zero stands for an empty place.
    high = Math.imul(high ^ (high >>> 16), 0x165667b1) || 1;
    if (!this.#insert(low, high)) return false;
    this.#size += 1;
    if (this.#size * 3 > this.#mask * 2) this.#grow();
    return true;
  }

  #insert(low: number, high: number): boolean {
    for (let at = low & this.#mask; ; at = (at + 1) & this.#mask) {
      if (this.#high[at] === 0) {
        this.#low[at] = low;
        this.#high[at] = high;
        return true;
      }
      if (this.#high[at] === high && this.#low[at] === low) return false;
    }
  }

  #grow(): void {
    const [low, high] = [this.#low, this.#high];
    this.#mask = low.length * 2 - 1;
    this.#low = new Int32Array(low.length * 2);
    this.#high = new Int32Array(low.length * 2);
    for (let at = 0; at < high.length; at += 1) if (high[at] !== 0) this.#insert(low[at] ?? 0, high[at] ?? 0);
  }
}

/** Rows of integers, first in, first out. */
export class Rows {
  #values = new Int32Array(1 << 16);
  #end = 0;
  #read = 0;

  get empty(): boolean {
    return this.#read >= this.#end;
  }

  push(row: readonly number[]): void {
    if (this.#end + row.length + 1 > this.#values.length) this.#makeRoom(row.length + 1);
    this.#values[this.#end] = row.length;
    for (let at = 0; at < row.length; at += 1) this.#values[this.#end + 1 + at] = row[at] ?? 0;
    this.#end += row.length + 1;
  }

  shift(): number[] {
    const length = this.#values[this.#read] ?? 0;
    const row = Array.from(this.#values.subarray(this.#read + 1, this.#read + 1 + length));
    this.#read += length + 1;
    return row;
  }

  #makeRoom(needed: number): void {
    const kept = this.#values.subarray(this.#read, this.#end);
    const values = kept.length + needed > this.#values.length / 2 ? new Int32Array(this.#values.length * 2) : this.#values;
    values.set(kept);
    this.#values = values;
    this.#end = kept.length;
    this.#read = 0;
  }
}

/** A list of integers that grows cheaply. */
export class Growing {
  #values = new Int32Array(1 << 16);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const values = new Int32Array(this.length * 2);
      values.set(this.#values);
      this.#values = values;
    }
    this.#values[this.length] = value;
    this.length += 1;
  }

  at(index: number): number {
    return this.#values[index] ?? 0;
  }
}
