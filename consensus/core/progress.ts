import { invariant } from './invariant.ts';
import { type LogIndex, limits, logIndex, type NodeId, type Snapshot, type Tick } from './types.ts';

/**
 * `probe`: where the logs meet is unknown, one APPEND at a time. `replicate`: entries flow ahead of their acknowledgement.
 * `snapshot`: the entries it needs are compacted.
 */
export type ProgressMode = 'probe' | 'replicate' | 'snapshot';

export interface SnapshotStream {
  readonly snapshot: Snapshot;
  readonly checksum: number;
  offset: number;
}

/** What a leader knows of one peer. Invariant: match < next. */
export class Progress {
  readonly id: NodeId;
  /** Durable at the peer and equal to the leader's log up to here. */
  match: LogIndex = logIndex(0);
  /** When that was heard last to be more than before. */
  matchedAt: Tick;
  next: LogIndex;
  mode: ProgressMode = 'probe';
  /** A probe is out and unanswered. */
  probing = false;
  /** Known from then on. */
  readonly since: Tick;
  /** Last time something was sent or came back that moved replication on. */
  movedAt: Tick;
  /** Repetitions since then; the pause doubles with each. */
  resends = 0;
  /** Highest commit index told to the peer. */
  commitSent: LogIndex = logIndex(0);
  /** Newest PING round answered. */
  answeredRound = 0;
  /** It was told of a rest and did not go along: an older release. Until its link comes up anew. */
  restless = false;
  ackSeqSeen = 0;
  lastAckAt: Tick | undefined;
  rttTicks = 0;
  rttVarTicks = 0;
  linkUp = true;
  /** Keeps no payloads. Of one that left: as it was, for it is told until its leaving is committed. */
  isWitness = false;
  /** Not a member any more, by a change that is committed. */
  leaving = false;
  stream: SnapshotStream | undefined;
  #inflight: { readonly lastIndex: LogIndex; readonly bytes: number }[] = [];
  #inflightBytes = 0;

  constructor(id: NodeId, next: LogIndex, now: Tick) {
    this.id = id;
    this.next = next;
    this.movedAt = now;
    this.matchedAt = now;
    this.since = now;
  }

  get windowFull(): boolean {
    return this.#inflight.length >= limits.inflightAppendsMax || this.#inflightBytes >= limits.inflightBytesMax;
  }

  /** Entries up to `lastIndex` were sent ahead. */
  sent(lastIndex: LogIndex, bytes: number, now: Tick): void {
    if (this.#inflight.length === 0) this.movedAt = now;
    this.#inflight.push({ lastIndex, bytes });
    this.#inflightBytes += bytes;
    this.next = logIndex(lastIndex + 1);
  }

  /** The peer has everything up to `index`, durably. */
  matched(index: LogIndex, now: Tick): void {
    if (index <= this.match) return;
    this.match = index;
    this.matchedAt = now;
    this.next = logIndex(Math.max(this.next, index + 1));
    this.movedAt = now;
    this.resends = 0;
    while (true) {
      const oldest = this.#inflight[0];
      if (oldest === undefined || oldest.lastIndex > index) break;
      this.#inflightBytes -= oldest.bytes;
      this.#inflight.shift();
    }
  }

  /** The peer turned out to have lost what it had acknowledged after `index`. */
  lostAfter(index: LogIndex): void {
    this.match = logIndex(Math.min(this.match, index));
  }

  becomeReplicate(): void {
    this.mode = 'replicate';
    this.probing = false;
    this.stream = undefined;
    this.next = logIndex(this.match + 1);
    this.#clearInflight();
  }

  /** Looks again for the place where the logs meet, from `next` backwards. */
  becomeProbe(next: LogIndex): void {
    this.mode = 'probe';
    this.probing = false;
    this.stream = undefined;
    this.next = logIndex(Math.max(this.match + 1, next));
    this.#clearInflight();
  }

  becomeSnapshot(now: Tick): void {
    this.mode = 'snapshot';
    this.probing = false;
    this.movedAt = now;
    this.#clearInflight();
  }

  /** True when nothing moved for so long that something sent must be lost. Pauses double, up to eight times the first. */
  stuck(now: Tick, pingTicks: number): boolean {
    return now - this.movedAt > Math.max(2 * pingTicks, 4 * this.rttTicks) * 2 ** Math.min(this.resends, 3);
  }

  resending(now: Tick): void {
    this.resends += 1;
    this.movedAt = now;
  }

  /** Smooths round trips like TCP does: an eighth of the new value, and a quarter of how far it is off. */
  measured(rtt: number): void {
    if (this.lastAckAt === undefined) {
      this.rttTicks = rtt;
      this.rttVarTicks = rtt / 2;
      return;
    }
    this.rttVarTicks = (3 * this.rttVarTicks + Math.abs(rtt - this.rttTicks)) / 4;
    this.rttTicks = (7 * this.rttTicks + rtt) / 8;
  }

  check(lastIndex: LogIndex): void {
    const facts = { peer: this.id, match: this.match, next: this.next, lastIndex };
    invariant(this.match < this.next, 'match < next', facts);
    invariant(this.match <= lastIndex, 'a peer matches no further than the leader has', facts);
  }

  #clearInflight(): void {
    this.#inflight = [];
    this.#inflightBytes = 0;
  }
}
