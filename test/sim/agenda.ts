interface Appointment {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const before = (a: Appointment, b: Appointment): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** More than this between two ticks is a loop. */
const runawayMax = 50_000;

/** Virtual time: what happens when, in ticks. What falls on one tick happens in the order it was entered. */
export class Agenda {
  #now = 0;
  #order = 0;
  #heap: Appointment[] = [];

  get now(): number {
    return this.#now;
  }

  /** When the next thing is due; undefined when nothing is. */
  get nextAt(): number | undefined {
    return this.#heap[0]?.at;
  }

  after(delay: number, run: () => void): void {
    this.#order += 1;
    this.#push({ at: this.#now + delay, order: this.#order, run });
  }

  /** Runs everything up to and including tick `until`. */
  runTo(until: number): void {
    let ran = 0;
    while (true) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) break;
      this.#pop();
      this.#now = next.at;
      ran += 1;
      if (ran > runawayMax) throw new Error('Runaway: members answer each other without end');
      next.run();
    }
    this.#now = until;
  }

  #push(item: Appointment): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || before(above, item)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const item = heap.pop();
    if (item === undefined || heap.length === 0) return;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, left)) child += 1;
      const below = heap[child];
      if (below === undefined || before(item, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = item;
  }
}
