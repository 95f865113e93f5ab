import { type NodeId, type Tick, tick } from './types.ts';

/** Later of two points, where either may be missing. */
export const later = (a: Tick | undefined, b: Tick | undefined): Tick | undefined =>
  a === undefined ? b : b === undefined ? a : tick(Math.max(a, b));

/** How many answers to PINGs a follower remembers: at ten a second more than a minute. */
const sentAcksMax = 1024;

/**
 * A follower's side: when did the ACK leave that the leader names in PING? Its lease runs from there, on its own clock.
 * The count starts at random so that a leader's echo of ACKs sent before a restart matches nothing.
 */
export class SentAcks {
  #next: number;
  #sent: { readonly ackSeq: number; readonly at: Tick }[] = [];

  constructor(start: number) {
    this.#next = start;
  }

  /** Numbers an ACK that leaves at `at`. */
  record(at: Tick): number {
    const ackSeq = this.#next;
    this.#next += 1;
    this.#sent.push({ ackSeq, at });
    if (this.#sent.length > sentAcksMax) this.#sent.shift();
    return ackSeq;
  }

  /** When the ACK was sent; undefined for one not sent by this process, or long ago. */
  leftAt(ackSeq: number): Tick | undefined {
    return this.#sent.find((ack) => ack.ackSeq === ackSeq)?.at;
  }

  /** The same, and forgets older ones. */
  sentAt(ackSeq: number): Tick | undefined {
    const at = this.#sent.findIndex((ack) => ack.ackSeq === ackSeq);
    if (at < 0) return undefined;
    this.#sent = this.#sent.slice(at);
    return this.#sent[0]?.at;
  }

  /** A new term: what the old leader echoes does not count any more. */
  forget(): void {
    this.#sent = [];
  }
}

interface Round {
  readonly seq: number;
  readonly at: Tick;
  /** Latest `ackSeq` of each peer when the round began. */
  readonly ackSeqSeen: ReadonlyMap<NodeId, number>;
}

/** A leader's side: PING rounds of this term, and the newest one that a majority answered. */
export class Rounds {
  #seq = 0;
  #answered = 0;
  #pending: Round[] = [];
  #leaseFrom: Tick | undefined;
  #majoritySeen: ReadonlyMap<NodeId, number> = new Map();

  /** Number of the newest round begun. */
  get seq(): number {
    return this.#seq;
  }

  /** Newest round that a majority answered. At its beginning nobody else led: a majority would have had to know. */
  get answered(): number {
    return this.#answered;
  }

  /** When the newest answered round began: the leader's own lease runs from there. */
  get leaseFrom(): Tick | undefined {
    return this.#leaseFrom;
  }

  /** What to echo to a peer: its latest ACK seen before the newest answered round began. */
  ackSeqMajority(peer: NodeId): number {
    return this.#majoritySeen.get(peer) ?? 0;
  }

  begin(at: Tick, ackSeqSeen: () => ReadonlyMap<NodeId, number>): void {
    this.#seq += 1;
    // Rounds of one tick share one record: the first is the oldest, hence the safe one for leases.
    if (this.#pending.at(-1)?.at !== at) this.#pending.push({ seq: this.#seq, at, ackSeqSeen: ackSeqSeen() });
  }

  /** `reached`: newest round that a majority answered, this member included. True when it moved on. */
  update(reached: number): boolean {
    if (reached <= this.#answered) return false;
    this.#answered = reached;
    while (true) {
      const round = this.#pending[0];
      if (round === undefined || round.seq > reached) break;
      this.#leaseFrom = round.at;
      this.#majoritySeen = round.ackSeqSeen;
      this.#pending.shift();
    }
    return true;
  }
}
