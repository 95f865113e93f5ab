/** Everything written to the log, in order: one operation at a time, saves that wait become one, failures are tried again. */
import type { Save } from '../core/ready.ts';
import type { Entry, HardState } from '../core/types.ts';
import { type StorageError, storageErrorFrom } from './errors.ts';
import type { Clock, Storage } from './ports.ts';
import { SyncTimes } from './sync-times.ts';

const backoffFirstMs = 100;
const backoffMaxMs = 5000;

export interface DiskQueueEvents {
  /** These saves are durable, in order. `late` ones failed at first: their messages are out of date. */
  saved(saves: readonly Save[], late: boolean): void;
  failed(error: StorageError): void;
  recovered(): void;
}

type Job = () => Promise<void>;
type Task = { readonly save: Save } | { readonly job: Job };

export class DiskQueue {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #settleMs: number;
  readonly #events: DiskQueueEvents;
  readonly times = new SyncTimes();
  readonly #tasks: Task[] = [];
  #work: Promise<void> | undefined;
  #failure: StorageError | undefined;
  #backoffMs = backoffFirstMs;
  #stopped = false;
  #wake: (() => void) | undefined;
  #cancelSettle: (() => void) | undefined;
  #syncs = 0;
  /** Something was saved since the durable end was recorded last; also true after a start. */
  #unsettled = true;

  constructor(storage: Storage, clock: Clock, settleMs: number, events: DiskQueueEvents) {
    this.#storage = storage;
    this.#clock = clock;
    this.#settleMs = settleMs;
    this.#events = events;
  }

  /** Why writes are refused at the moment. */
  get failure(): StorageError | undefined {
    return this.#failure;
  }

  /** Calls of `Storage.save` that succeeded; less than the saves asked for, because waiting ones join. */
  get syncs(): number {
    return this.#syncs;
  }

  save(save: Save): void {
    this.#unsettled = true;
    this.#tasks.push({ save });
    this.#start();
  }

  /** Runs between saves, tried again until it succeeds: it must be repeatable. */
  run(job: Job): void {
    this.#tasks.push({ job });
    this.#start();
  }

  /** Ends after the operation under way and everything that waits, unless writes fail. Then records what is durable. */
  async stop(): Promise<void> {
    this.#cancelSettle?.();
    this.#stopped = true;
    this.#wake?.();
    await this.#work;
    if (this.#failure === undefined) await this.#storage.settle().catch(() => undefined);
  }

  #start(): void {
    this.#cancelSettle?.();
    this.#cancelSettle = undefined;
    this.#work ??= this.#loop().finally(() => {
      this.#work = undefined;
      if (this.#stopped) return;
      if (this.#tasks.length > 0) this.#start();
      else if (this.#unsettled) this.#cancelSettle = this.#clock.after(this.#settleMs, () => this.#settle());
    });
  }

  #settle(): void {
    this.#unsettled = false;
    this.run(() => this.#storage.settle());
  }

  async #loop(): Promise<void> {
    while (this.#tasks.length > 0 || this.#failure !== undefined) {
      try {
        await this.#next();
        await this.#checkSpace();
      } catch (error) {
        this.#fail(storageErrorFrom(error, 'log'));
      }
      if (this.#failure === undefined) continue;
      if (this.#stopped) return;
      await this.#pause();
    }
  }

  async #next(): Promise<void> {
    const first = this.#tasks[0];
    if (first === undefined) return;
    if ('job' in first) {
      await first.job();
      this.#tasks.shift();
      return;
    }
    const saves: Save[] = [];
    for (const task of this.#tasks) {
      if ('job' in task) break;
      saves.push(task.save);
    }
    const late = this.#failure !== undefined;
    const { hardState, entries } = joinSaves(saves);
    this.times.began(this.#nowMs());
    await this.#storage.save(hardState, entries).finally(() => this.times.ended(this.#nowMs()));
    this.#syncs++;
    this.#tasks.splice(0, saves.length);
    this.#events.saved(saves, late);
  }

  /** Out of trouble only once there is room again for what must never be refused. */
  async #checkSpace(): Promise<void> {
    if (this.#storage.lowSpace === true && this.#failure === undefined) {
      const remedy = 'Free disk space; the box goes on by itself then.';
      this.#fail(storageErrorFrom(Object.assign(new Error(remedy), { code: 'ENOSPC' }), 'log'));
      return;
    }
    if (this.#failure === undefined) return;
    if (this.#storage.lowSpace === true && (await this.#storage.restoreSpace?.()) === false) return;
    this.#failure = undefined;
    this.#backoffMs = backoffFirstMs;
    this.#events.recovered();
  }

  #nowMs(): number {
    return this.#clock.recentMs?.() ?? this.#clock.nowMs();
  }

  #fail(error: StorageError): void {
    const isFirst = this.#failure === undefined;
    this.#failure = error;
    if (isFirst) this.#events.failed(error);
  }

  #pause(): Promise<void> {
    // More to write does not shorten the pause: a failing disk gets time.
    const ms = this.#backoffMs;
    this.#backoffMs = Math.min(backoffMaxMs, ms * 2);
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

/** Several saves as one: the last hard state, and the entries as they stand after all of them. */
export function joinSaves(saves: readonly Save[]): { hardState: HardState | undefined; entries: readonly Entry[] } {
  let hardState: HardState | undefined;
  let entries: Entry[] = [];
  for (const save of saves) {
    hardState = save.hardState ?? hardState;
    const first = save.entries[0];
    const start = entries[0];
    if (first === undefined) continue;
    if (start === undefined || first.index <= start.index) entries = [...save.entries];
    else {
      entries.length = Math.min(entries.length, first.index - start.index);
      for (const entry of save.entries) entries.push(entry);
    }
  }
  return { hardState, entries };
}
