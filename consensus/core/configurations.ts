import { invariant } from './invariant.ts';
import { decodeMembership } from './membership-bytes.ts';
import type { Entry, LogIndex, Membership } from './types.ts';

/** A membership and the entry that brought it. */
export interface Configuration {
  readonly index: LogIndex;
  readonly membership: Membership;
}

/** The memberships of the log: the last one counts, committed or not; a tail that is replaced takes its memberships with it. */
export class Configurations {
  #known: Configuration[];

  /** `membership` is that at `index`; `entries` may begin before it. */
  constructor(index: LogIndex, membership: Membership, entries: readonly Entry[]) {
    this.#known = [{ index, membership }];
    this.append(entries.filter((entry) => entry.index > index));
  }

  get latest(): Configuration {
    return this.#at(this.#known.length - 1);
  }

  /** The membership as of `index`; the oldest one known for anything before it. */
  at(index: LogIndex): Membership {
    return this.#at(
      Math.max(
        0,
        this.#known.findLastIndex((known) => known.index <= index),
      ),
    ).membership;
  }

  /** Takes what was added to the log. True when the membership changed. */
  append(entries: readonly Entry[]): boolean {
    const before = this.#known.length;
    for (const { kind, index, data } of entries) {
      if (kind !== 'configuration') continue;
      const membership = decodeMembership(data);
      invariant(membership !== undefined, 'what is no membership is refused before it comes here', { index });
      this.#known.push({ index, membership });
    }
    return this.#known.length > before;
  }

  /** The log lost everything from `from` on. True when the membership changed. */
  truncateFrom(from: LogIndex): boolean {
    const kept = this.#known.filter(({ index }, position) => position === 0 || index < from);
    const changed = kept.length < this.#known.length;
    this.#known = kept;
    return changed;
  }

  /** Forgets what was replaced at or before `index`. */
  compact(index: LogIndex): void {
    const last = this.#known.findLastIndex((known) => known.index <= index);
    if (last > 0) this.#known = this.#known.slice(last);
  }

  /** The log starts anew after a snapshot. */
  reset(index: LogIndex, membership: Membership): void {
    this.#known = [{ index, membership }];
  }

  #at(position: number): Configuration {
    const known = this.#known[position];
    invariant(known !== undefined, 'there is always a membership', { position });
    return known;
  }
}
