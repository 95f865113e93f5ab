/** How long and how heavy the applied part of the log is, and where it may be cut. */
import type { Entry, EntryId, LogIndex } from '../core/types.ts';

/** What an entry costs in memory and on disk besides its payload, roughly. */
const entryOverheadBytes = 64;
/** Kept behind the cut, for followers that are a little behind. */
const trailingMax = 1000;
/** How many times as long the log may become for the sake of those who still need it. */
const patience = 4;

interface Mark extends EntryId {
  readonly bytes: number;
}

export class LogMarks {
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  #marks: Mark[] = [];
  #bytes = 0;

  constructor(entriesMax: number, bytesMax: number) {
    this.#entriesMax = entriesMax;
    this.#bytesMax = bytesMax;
  }

  add(entry: Entry): void {
    const bytes = entry.data.length + entryOverheadBytes;
    this.#marks.push({ index: entry.index, term: entry.term, bytes });
    this.#bytes += bytes;
  }

  /** Whether cutting pays. */
  get due(): boolean {
    return this.#marks.length >= this.#entriesMax || this.#bytes >= this.#bytesMax;
  }

  /** Whether it is to be cut whoever needs it. */
  get overdue(): boolean {
    return this.#marks.length >= patience * this.#entriesMax || this.#bytes >= patience * this.#bytesMax;
  }

  /** The last entry to cut away, at most `storedIndex`, so that a tail stays. */
  cutAt(storedIndex: LogIndex): EntryId | undefined {
    const trailing = Math.min(trailingMax, Math.floor(this.#entriesMax / 10));
    let at = this.#marks.length - 1 - trailing;
    let kept = 0;
    for (let i = this.#marks.length - 1; i > at; i--) {
      kept += this.#marks[i]?.bytes ?? 0;
      if (kept > this.#bytesMax / 4) at = Math.max(at, i);
    }
    while (at >= 0 && (this.#marks[at]?.index ?? 0) > storedIndex) at--;
    return this.#marks[at];
  }

  /** Nothing is applied since the log begins. */
  clear(): void {
    this.#marks = [];
    this.#bytes = 0;
  }

  /** The log starts after `index` now. */
  cut(index: LogIndex): void {
    const from = this.#marks.findIndex((mark) => mark.index > index);
    this.#marks = from < 0 ? [] : this.#marks.slice(from);
    this.#bytes = this.#marks.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}
