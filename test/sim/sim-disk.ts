import { atLeastAsUpToDate } from '../../consensus/core/log-view.ts';
import type { Save } from '../../consensus/core/ready.ts';
import { type Entry, type EntryId, type HardState, logIndex, type SnapshotMeta, term } from '../../consensus/core/types.ts';

/** Applied state as it was written behind. */
export interface StoredState {
  readonly meta: SnapshotMeta | undefined;
  readonly data: Uint8Array;
}

/** What a core is started from. */
export interface RecoveredDisk {
  readonly hardState: HardState;
  readonly entries: readonly Entry[];
  readonly base: EntryId;
  readonly uncertain: EntryId | undefined;
  readonly state: StoredState;
}

/** A disk that keeps what was synced and forgets the rest in a crash. */
export class SimDisk {
  hardState: HardState = { term: term(0), votedFor: undefined };
  entries: Entry[] = [];
  base: EntryId = { term: term(0), index: logIndex(0) };
  state: StoredState = { meta: undefined, data: new Uint8Array(0) };
  uncertain: EntryId | undefined;
  /** Up to here it lost, once, what it had acknowledged; 0 for nothing. */
  lostTo = 0;
  /** Handed in, not yet synced. */
  pending: Save[] = [];
  #lastBatchFrom = 0;

  get last(): EntryId {
    const entry = this.entries.at(-1);
    return entry === undefined ? this.base : { term: entry.term, index: entry.index };
  }

  /** Makes the oldest pending save durable and gives it back. */
  sync(): Save | undefined {
    const save = this.pending.shift();
    if (save === undefined) return undefined;
    if (save.hardState !== undefined) this.hardState = save.hardState;
    const first = save.entries[0];
    if (first !== undefined) {
      if (first.index > this.last.index + 1) throw new Error(`A save leaves a gap: ${first.index} after ${this.last.index}`);
      this.entries = this.entries.filter((entry) => entry.index < first.index);
      this.entries.push(...save.entries);
      this.#lastBatchFrom = first.index;
    }
    return save;
  }

  /** Whether this entry, or a state that contains it, is durable here. */
  holds(id: EntryId): boolean {
    if (id.index <= this.base.index || id.index <= (this.state.meta?.index ?? 0)) return true;
    return this.entries[id.index - this.base.index - 1]?.term === id.term;
  }

  compact(index: number): void {
    const cut = this.entries.find((entry) => entry.index === index);
    if (cut === undefined) return;
    this.entries = this.entries.filter((entry) => entry.index > index);
    this.base = { term: cut.term, index: cut.index };
  }

  install(meta: SnapshotMeta, data: Uint8Array): void {
    this.entries = [];
    this.base = { term: meta.term, index: meta.index };
    this.state = { meta, data };
    if (this.uncertain !== undefined && atLeastAsUpToDate(meta, this.uncertain)) this.uncertain = undefined;
  }

  /** The power fails: the first `synced` pending saves made it, unreported; the next one is torn if `torn`. */
  crash(synced: number, torn: boolean): void {
    for (let save = 0; save < synced; save += 1) this.sync();
    const half = this.pending[0]?.entries.at(-1);
    if (torn && half !== undefined) this.uncertain = { term: half.term, index: half.index };
    this.pending = [];
  }

  /**
   * A bit of the last batch flips: it is dropped, though it was acknowledged. `header`: where its header is lost, too, there is no more
   * than an upper bound of what it held. A membership is followed by a batch of nothing.
   */
  flipLastBatch(header: boolean): boolean {
    const last = this.entries.at(-1);
    if (last === undefined || this.#lastBatchFrom <= this.base.index || this.#lastBatchFrom > last.index) return false;
    const bound = { term: this.hardState.term, index: logIndex(last.index + 40) };
    if (this.entries.some(({ kind, index }) => kind === 'configuration' && index >= this.#lastBatchFrom)) {
      this.uncertain = bound;
      return true;
    }
    this.lostTo = Math.max(this.lostTo, last.index);
    this.uncertain = header ? bound : { term: last.term, index: last.index };
    this.entries = this.entries.filter((entry) => entry.index < this.#lastBatchFrom);
    return true;
  }

  recover(): RecoveredDisk {
    const { meta } = this.state;
    // The state was written behind entries that were dropped since: the log starts anew after it.
    if (meta !== undefined && meta.index > this.last.index) {
      this.entries = [];
      this.base = { term: meta.term, index: meta.index };
    }
    return { hardState: this.hardState, entries: this.entries, base: this.base, uncertain: this.uncertain, state: this.state };
  }
}
