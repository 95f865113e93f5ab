import type { Cell, Cells, Step } from './cells.ts';
import type { Histories } from './history.ts';

/** What holds in every state (Raft paper, figure 3), looked at after each step of a member. */
export class Checks {
  readonly #cells: Cells;
  readonly #histories: Histories;
  readonly #matching = new Map<number, boolean>();

  constructor(cells: Cells, histories: Histories) {
    this.#cells = cells;
    this.#histories = histories;
  }

  /**
   * The history after `node` took `step`; `sites` are the members after it.
   * @returns the words for what is broken instead
   */
  after(history: number, sites: readonly number[], node: number, before: number, step: Step): number | string {
    if (step.failure !== undefined) return step.failure;
    let now = history;
    const cell = this.#cells.cell(step.cell);
    if (step.elected > 0) {
      const { leaders, committed, committedIn } = this.#histories.of(now);
      const other = leaders[step.elected] ?? -1;
      if (other >= 0) return `Election safety: n${other + 1} and n${node + 1} lead in term ${step.elected}`;
      const log = this.#cells.logs[cell.log] ?? [];
      const lost = committed.findIndex((entry, at) => (committedIn[at] ?? 0) < step.elected && log[at] !== entry);
      if (lost >= 0) return `Leader completeness: n${node + 1} leads in term ${step.elected} without committed entry ${lost + 1}`;
      now = this.#histories.withLeader(now, step.elected, node);
    }
    for (const { index, entry } of step.committed) {
      const { committed } = this.#histories.of(now);
      const known = committed[index - 1];
      if (known === entry) continue;
      if (known !== undefined)
        return `State-machine safety: n${node + 1} applies ${this.#text(entry)} at ${index} where ${this.#text(known)} was`;
      if (index !== committed.length + 1) return `State-machine safety: n${node + 1} applies ${index} with a gap`;
      if (!this.#isDurable(sites, index, entry)) return `Durable acknowledgement: entry ${index} is committed and not on two disks`;
      now = this.#histories.withCommitted(now, entry, cell.term);
    }
    const old = this.#cells.cell(before);
    if (old.log === cell.log) return now;
    if (old.role === 'leader' && cell.role === 'leader' && old.term === cell.term && !this.#isPrefix(old.log, cell.log))
      return `Leader append-only: n${node + 1} changed its log`;
    for (const site of sites)
      if (site !== step.cell && !this.#match(this.#cells.cell(site).log, cell.log))
        return `Log matching: n${node + 1} and n${this.#cells.cell(site).node + 1} differ before an entry of one term`;
    return now;
  }

  #text = (entry: number): string => this.#cells.entryTexts[entry] ?? '';

  #isDurable(sites: readonly number[], index: number, entry: number): boolean {
    // A damaged disk lost what it held: the one failure of a minority that a path may have.
    const isHeld = ({ disk, uncertain }: Cell) => uncertain !== undefined || this.#cells.logs[disk]?.[index - 1] === entry;
    return sites.filter((site) => isHeld(this.#cells.cell(site))).length >= 2;
  }

  #isPrefix(short: number, long: number): boolean {
    const [before, after] = [this.#cells.logs[short] ?? [], this.#cells.logs[long] ?? []];
    return before.every((entry, at) => after[at] === entry);
  }

  /** Two logs that have an entry of one term at one index are equal up to there. */
  #match(a: number, b: number): boolean {
    if (a === b) return true;
    const key = Math.min(a, b) * 2 ** 24 + Math.max(a, b);
    let matches = this.#matching.get(key);
    if (matches === undefined) {
      matches = this.#compare(this.#cells.logs[a] ?? [], this.#cells.logs[b] ?? []);
      this.#matching.set(key, matches);
    }
    return matches;
  }

  #compare(a: readonly number[], b: readonly number[]): boolean {
    const termOf = (entry: number | undefined) => (entry === undefined ? -1 : Number.parseInt(this.#text(entry), 10));
    for (let at = Math.min(a.length, b.length) - 1; at >= 0; at -= 1)
      if (termOf(a[at]) === termOf(b[at])) return a.slice(0, at + 1).every((entry, position) => b[position] === entry);
    return true;
  }
}
