import { invariant } from './invariant.ts';
import { type Entry, type HardState, type LogIndex, logIndex } from './types.ts';

interface InFlight {
  readonly token: number;
  /** The log on disk once this save is done equals the one in memory up to here. */
  reaches: LogIndex;
}

/**
 * What is on disk, and what is on its way there. Saves become durable in the order they were handed out, so the disk runs
 * through the same logs as the memory did; what memory truncated meanwhile does not count, though it was written.
 */
export class Durability {
  #durableIndex: LogIndex;
  #unsavedFrom: LogIndex;
  #savedHardState: HardState;
  #lastToken = 0;
  #inFlight: InFlight[] = [];

  constructor(hardState: HardState, lastIndex: LogIndex) {
    this.#savedHardState = hardState;
    this.#durableIndex = lastIndex;
    this.#unsavedFrom = logIndex(lastIndex + 1);
  }

  /** The log in memory equals the one on disk up to here. */
  get durableIndex(): LogIndex {
    return this.#durableIndex;
  }

  /** First entry not yet handed out to be saved. */
  get unsavedFrom(): LogIndex {
    return this.#unsavedFrom;
  }

  get lastToken(): number {
    return this.#lastToken;
  }

  /** Nothing handed out waits for the disk. */
  get idle(): boolean {
    return this.#inFlight.length === 0;
  }

  /** Whether term or vote differ from what was handed out last. */
  hardStateChanged(now: HardState): boolean {
    return now.term !== this.#savedHardState.term || now.votedFor !== this.#savedHardState.votedFor;
  }

  /** Notes that memory dropped everything from `from` on. */
  truncated(from: LogIndex): void {
    const before = logIndex(from - 1);
    this.#durableIndex = logIndex(Math.min(this.#durableIndex, before));
    this.#unsavedFrom = logIndex(Math.min(this.#unsavedFrom, from));
    for (const save of this.#inFlight) save.reaches = logIndex(Math.min(save.reaches, before));
  }

  /** Takes the token of a save that brings the disk to `lastIndex` of the present log. */
  handOut(hardState: HardState, entries: readonly Entry[]): number {
    this.#lastToken += 1;
    this.#savedHardState = hardState;
    const lastIndex = entries.at(-1)?.index;
    if (lastIndex !== undefined) this.#unsavedFrom = logIndex(lastIndex + 1);
    this.#inFlight.push({ token: this.#lastToken, reaches: logIndex(this.#unsavedFrom - 1) });
    return this.#lastToken;
  }

  /** The save with this token is durable. */
  saved(token: number): void {
    const save = this.#inFlight.shift();
    invariant(save?.token === token, 'saves are reported in order', { expected: save?.token ?? 0, token });
    this.#durableIndex = save.reaches;
  }

  /** Log and disk were replaced by a snapshot at `index`. */
  reset(index: LogIndex): void {
    this.#durableIndex = index;
    this.#unsavedFrom = logIndex(index + 1);
    for (const save of this.#inFlight) save.reaches = index;
  }
}
