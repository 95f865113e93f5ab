import type { RevalidateItem } from './messages.ts';
import { type LogIndex, limits, type NodeId } from './types.ts';

/** A read or a revalidation that waits for proof that this member still leads. */
export interface PendingRead {
  readonly from: NodeId;
  readonly requestId: number;
  /** Undefined for a plain read. */
  readonly items: readonly RevalidateItem[] | undefined;
}

interface Batch {
  readonly round: number;
  readonly index: LogIndex;
  readonly reads: readonly PendingRead[];
}

/**
 * ReadIndex (Raft thesis, section 6.4): a read may be served at the commit index of its arrival, once a majority answered a
 * PING round that began after it arrived. Reads that arrive together share a round.
 */
export class ReadQueue {
  #waiting: PendingRead[] = [];
  #batches: Batch[] = [];
  #size = 0;

  get full(): boolean {
    return this.#size >= limits.pendingRequestsMax;
  }

  /** Nobody waits for anything. */
  get idle(): boolean {
    return this.#size === 0;
  }

  /** Reads wait for a round to begin. */
  get waiting(): boolean {
    return this.#waiting.length > 0;
  }

  add(read: PendingRead): void {
    this.#waiting.push(read);
    this.#size += 1;
  }

  /** A round begins: it will prove what waits now. */
  assign(round: number, commitIndex: LogIndex): void {
    if (this.#waiting.length === 0) return;
    this.#batches.push({ round, index: commitIndex, reads: this.#waiting });
    this.#waiting = [];
  }

  /** Takes out what is proved once a majority answered round `answered`. */
  release(answered: number): readonly Batch[] {
    const proved: Batch[] = [];
    while (true) {
      const batch = this.#batches[0];
      if (batch === undefined || batch.round > answered) break;
      this.#size -= batch.reads.length;
      proved.push(batch);
      this.#batches.shift();
    }
    return proved;
  }

  /** Takes out everything, when leadership ends. */
  drain(): readonly PendingRead[] {
    const all = [...this.#batches.flatMap((batch) => batch.reads), ...this.#waiting];
    this.#batches = [];
    this.#waiting = [];
    this.#size = 0;
    return all;
  }
}
