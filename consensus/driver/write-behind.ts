/** Brings applied changes to the state store in batches, never ahead of the durable log, and nothing at all when idle. */
import type { LogIndex, Membership, SnapshotMeta, Term } from '../core/types.ts';
import { storageErrorFrom } from './errors.ts';
import type { Clock, RowChange, StateStore } from './ports.ts';
import type { Row } from './snapshot-codec.ts';

const retryMs = 1000;

interface AppliedChanges {
  readonly index: LogIndex;
  readonly term: Term;
  readonly changes: readonly RowChange[];
}

export interface WriteBehindOptions {
  readonly membership: (index: LogIndex) => Membership;
  /** Entries up to here are durable in the log. */
  readonly durableIndex: () => LogIndex;
  /** How long a change may wait. */
  readonly flushMs: number;
  /** How many changes may wait. */
  readonly flushChanges: number;
  readonly failed: (error: { code: string; message: string }) => void;
}

export class WriteBehind {
  readonly #store: StateStore;
  readonly #clock: Clock;
  readonly #options: WriteBehindOptions;
  #waiting: AppliedChanges[] = [];
  #changeCount = 0;
  #stored: SnapshotMeta;
  #cancelTimer: (() => void) | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #hasFailed = false;
  #isUrgent = false;
  #stopped = false;

  constructor(store: StateStore, clock: Clock, stored: SnapshotMeta, options: WriteBehindOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#stored = stored;
    this.#options = options;
  }

  /** What the store stands for. */
  get stored(): SnapshotMeta {
    return this.#stored;
  }

  add(index: LogIndex, term: Term, changes: readonly RowChange[]): void {
    this.#waiting.push({ index, term, changes });
    this.#changeCount += changes.length;
    if (this.#changeCount >= this.#options.flushChanges) {
      if (!this.#isUrgent) this.#arm(0);
      this.#isUrgent = true;
    } else if (this.#cancelTimer === undefined) {
      this.#arm(this.#options.flushMs);
    }
  }

  /** Writes what is durable in the log. With `sync` the store holds it even through a power cut, read back. */
  flush(sync: boolean): Promise<void> {
    return this.#exclusively(async () => {
      const durable = this.#options.durableIndex();
      const count = this.#waiting.findLastIndex(({ index }) => index <= durable) + 1;
      const last = this.#waiting[count - 1];
      if (last === undefined && !sync) return;
      const batch = this.#waiting.slice(0, count);
      const changes = batch.flatMap((applied) => applied.changes);
      const { index, term } = last ?? this.#stored;
      const meta = { index, term, membership: this.#options.membership(index) };
      await this.#store.write(changes, meta, sync);
      this.#waiting = this.#waiting.slice(count);
      this.#changeCount -= changes.length;
      this.#stored = meta;
      this.#hasFailed = false;
    });
  }

  /** Replaces the whole store by a snapshot; what waited for before is in it. */
  replace(rows: readonly Row[], meta: SnapshotMeta): Promise<void> {
    return this.#exclusively(async () => {
      await this.#store.replace(rows, meta);
      this.#waiting = this.#waiting.filter(({ index }) => index > meta.index);
      this.#changeCount = this.#waiting.reduce((sum, { changes }) => sum + changes.length, 0);
      this.#stored = meta;
    });
  }

  /** Writes what can be written, then closes the store. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    await this.flush(false).catch(() => undefined);
    await this.#store.close();
  }

  #arm(ms: number): void {
    if (this.#stopped) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.after(ms, () => void this.#flushInTime());
  }

  async #flushInTime(): Promise<void> {
    if (this.#stopped) return;
    this.#cancelTimer = undefined;
    this.#isUrgent = false;
    let nextMs = this.#options.flushMs;
    try {
      await this.flush(false);
    } catch (error) {
      const { code, message } = storageErrorFrom(error, 'state');
      if (!this.#hasFailed) this.#options.failed({ code, message });
      this.#hasFailed = true;
      nextMs = retryMs;
    }
    if (this.#waiting.length > 0 && this.#cancelTimer === undefined) this.#arm(nextMs);
  }

  #exclusively(operation: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(operation);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
