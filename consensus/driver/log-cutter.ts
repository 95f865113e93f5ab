/** Keeps the log short: cuts away what is applied, but only up to what the state store holds even through a power cut. */
import { type Entry, type LogIndex, logIndex, tickMs } from '../core/types.ts';
import type { PeerView } from '../core/view.ts';
import type { DiskQueue } from './disk-queue.ts';
import { LogMarks } from './log-marks.ts';
import type { Clock, Storage } from './ports.ts';
import type { WriteBehind } from './write-behind.ts';

const retryMs = 1000;
/** A peer that did not answer for this long is not waited for. */
const silentMs = 2000;

export interface LogCutterOptions {
  /** Applied entries, and bytes of them, after which the log is cut. */
  readonly entriesMax: number;
  readonly bytesMax: number;
  readonly storage: Storage;
  readonly disk: DiskQueue;
  readonly behind: WriteBehind;
  readonly clock: Clock;
  /** As leader: who may still need the log. */
  readonly peers: () => readonly PeerView[];
  /** The log on disk starts after `index` now. */
  readonly cut: (index: LogIndex) => void;
  readonly failed: (error: { readonly code: string; readonly message: string }) => void;
}

export class LogCutter {
  readonly #options: LogCutterOptions;
  readonly #marks: LogMarks;
  #isBusy = false;

  constructor(options: LogCutterOptions) {
    this.#options = options;
    this.#marks = new LogMarks(options.entriesMax, options.bytesMax);
  }

  /** An entry was applied. */
  add(entry: Entry): void {
    this.#marks.add(entry);
  }

  /** The log was replaced: nothing is left to cut. */
  clear(): void {
    this.#marks.clear();
  }

  /** Cuts when it pays, one cut at a time. */
  cutIfDue(): void {
    if (this.#isBusy || !this.#marks.due || this.#isNeeded()) return;
    this.#isBusy = true;
    const { behind, clock, failed } = this.#options;
    behind
      .flush(true)
      .then(() => this.#cutStored(behind.stored.index))
      .catch((error: { code?: string; message: string }) => {
        failed({ code: error.code ?? 'STORAGE_IO', message: error.message });
        clock.after(retryMs, () => {
          this.#isBusy = false;
        });
      });
  }

  /**
   * Whether a peer that answers would be left behind by the cut. One that is being given a snapshot would need the next one as soon as it
   * has this one, and so on for as long as much is written.
   */
  #isNeeded(): boolean {
    const place = this.#marks.cutAt(logIndex(Number.MAX_SAFE_INTEGER));
    if (place === undefined || this.#marks.overdue) return false;
    const { peers, clock } = this.#options;
    const answers = ({ linkUp, lastAckAt }: PeerView) => linkUp && lastAckAt !== undefined && clock.nowMs() - lastAckAt * tickMs < silentMs;
    return peers().some((peer) => peer.needsAfter < place.index && answers(peer));
  }

  #cutStored(storedIndex: LogIndex): void {
    const { disk, storage, cut } = this.#options;
    const last = this.#marks.cutAt(storedIndex);
    if (last === undefined) {
      this.#isBusy = false;
      return;
    }
    disk.run(async () => {
      await storage.compact(last.index, last.term);
      this.#marks.cut(last.index);
      cut(last.index);
      this.#isBusy = false;
    });
  }
}
