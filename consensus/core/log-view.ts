import { invariant } from './invariant.ts';
import { type Entry, type EntryId, type LogIndex, logIndex, type Term } from './types.ts';

/** Raft's order of logs: the later last term wins, then the longer log (Raft paper, end of section 5.4.1). */
export function atLeastAsUpToDate(candidate: EntryId, own: EntryId): boolean {
  return candidate.term > own.term || (candidate.term === own.term && candidate.index >= own.index);
}

/**
 * The part of the log kept in memory: everything after `base`, the last compacted entry.
 * Invariants: entries follow `base` without gaps and their terms never fall.
 */
export class LogView {
  #base: EntryId;
  #entries: Entry[];

  constructor(base: EntryId, entries: readonly Entry[]) {
    this.#base = base;
    this.#entries = [];
    this.append(entries);
  }

  get base(): EntryId {
    return this.#base;
  }

  get firstIndex(): LogIndex {
    return logIndex(this.#base.index + 1);
  }

  get lastIndex(): LogIndex {
    return logIndex(this.#base.index + this.#entries.length);
  }

  get last(): EntryId {
    const entry = this.#entries.at(-1);
    return entry === undefined ? this.#base : { term: entry.term, index: entry.index };
  }

  /** Term of the entry at `index`; undefined before `base` and after the end. */
  termAt(index: LogIndex): Term | undefined {
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.#base.index - 1]?.term;
  }

  entryAt(index: LogIndex): Entry | undefined {
    return this.#entries[index - this.#base.index - 1];
  }

  /** Adds entries at the end. */
  append(entries: readonly Entry[]): void {
    let { term, index } = this.last;
    for (const entry of entries) {
      invariant(entry.index === index + 1, 'entries follow each other', { last: index, index: entry.index });
      invariant(entry.term >= term, 'terms in the log never fall', { index: entry.index, before: term, term: entry.term });
      this.#entries.push(entry);
      ({ term, index } = entry);
    }
  }

  /** Removes everything from `from` on. */
  truncateFrom(from: LogIndex): void {
    invariant(from > this.#base.index, 'compacted entries are not truncated', { from, base: this.#base.index });
    this.#entries.length = Math.min(this.#entries.length, from - this.#base.index - 1);
  }

  /** Entries from `from` on: at most `countMax` and `bytesMax` of payload, but at least one where there is one. */
  slice(from: LogIndex, countMax: number, bytesMax: number): readonly Entry[] {
    const start = from - this.#base.index - 1;
    invariant(start >= 0, 'a slice starts after the base', { from, base: this.#base.index });
    let end = start;
    let bytes = 0;
    while (end < this.#entries.length && end - start < countMax) {
      bytes += this.#entries[end]?.data.length ?? 0;
      if (bytes > bytesMax && end > start) break;
      end += 1;
    }
    return this.#entries.slice(start, end);
  }

  /** The last entry at or before `index` whose term is at most `term`, or else the base: where two logs can agree at the latest. */
  lastNotAbove(index: LogIndex, term: Term): EntryId {
    let at = Math.min(index, this.lastIndex) - this.#base.index - 1;
    while (at >= 0) {
      const entry = this.#entries[at];
      if (entry !== undefined && entry.term <= term) return { term: entry.term, index: entry.index };
      at -= 1;
    }
    return this.#base;
  }

  /** Forgets entries up to and including `index`. */
  compact(index: LogIndex): void {
    if (index <= this.#base.index) return;
    const term = this.termAt(index);
    invariant(term !== undefined, 'only entries that are here are compacted', { index, lastIndex: this.lastIndex });
    this.#entries = this.#entries.slice(index - this.#base.index);
    this.#base = { term, index };
  }

  /** Forgets everything: the log now starts after a snapshot. */
  reset(base: EntryId): void {
    this.#base = base;
    this.#entries = [];
  }
}
