/**
 * The newest changes of values, for those who watch. A watcher names the revision it knows and gets every change after it, in order and
 * without a gap, or is told that they are no longer kept. Bounded in number and in bytes; the values themselves are in the state.
 */
import type { RowChange } from '../../consensus/driver/ports.ts';

export interface KvChange {
  /** Contiguous; means something here only. */
  readonly id: number;
  readonly revision: number;
  readonly key: string;
  /** JSON of the row; undefined when the key was deleted. */
  readonly row: Uint8Array | undefined;
  /** The last change at its revision: only now does a watcher know all of it. */
  readonly last: boolean;
}

export interface WatchLogOptions {
  /** Changes kept. @default 10_000 */
  readonly changesMax?: number;
  /** Bytes of values kept. @default 4 MiB */
  readonly bytesMax?: number;
}

const prefix = 'kv/';

export class WatchLog {
  readonly #changesMax: number;
  readonly #bytesMax: number;
  readonly #listeners = new Set<() => void>();
  #changes: KvChange[] = [];
  #bytes = 0;
  #lastId = 0;
  /** Everything after this revision is kept. */
  #base: number;
  #revision: number;

  /** @param revision up to which the state is when the log begins. */
  constructor(revision: number, options: WatchLogOptions = {}) {
    this.#base = revision;
    this.#revision = revision;
    this.#changesMax = options.changesMax ?? 10_000;
    this.#bytesMax = options.bytesMax ?? 4 * 1024 * 1024;
  }

  /** Revision up to which watchers were told everything. */
  get revision(): number {
    return this.#revision;
  }
  get lastId(): number {
    return this.#lastId;
  }
  get oldestId(): number {
    return this.#changes[0]?.id ?? this.#lastId + 1;
  }

  /** What one log entry changed. */
  add(revision: number, changes: readonly RowChange[]): void {
    const ours = changes.filter(({ key }) => key.startsWith(prefix));
    this.#revision = revision;
    for (const [i, { key, value }] of ours.entries()) {
      this.#lastId += 1;
      this.#bytes += value?.length ?? 0;
      this.#changes.push({ id: this.#lastId, revision, key: key.slice(prefix.length), row: value, last: i === ours.length - 1 });
    }
    while (this.#changes.length > this.#changesMax || this.#bytes > this.#bytesMax) {
      const dropped = this.#changes.shift();
      if (dropped === undefined) break;
      this.#bytes -= dropped.row?.length ?? 0;
      this.#base = dropped.revision;
    }
    if (ours.length > 0) for (const listener of this.#listeners) listener();
  }

  /** The state was replaced as a whole: what changed on the way is not known. */
  reset(revision: number): void {
    this.#changes = [];
    this.#bytes = 0;
    this.#lastId += 1;
    this.#base = revision;
    this.#revision = revision;
    for (const listener of this.#listeners) listener();
  }

  /** Id to begin after for a watcher that knows everything up to `revision`; undefined when changes since then are not kept. */
  idAfter(revision: number): number | undefined {
    if (revision < this.#base) return undefined;
    const next = this.#changes.find((change) => change.revision > revision);
    return next === undefined ? this.#lastId : next.id - 1;
  }

  next(id: number): KvChange | undefined {
    return this.#changes[Math.max(0, id + 1 - this.oldestId)];
  }

  /** Whether changes after `id` are gone. */
  gapAfter(id: number): boolean {
    return id + 1 < this.oldestId;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
