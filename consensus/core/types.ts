/** The nouns of the consensus core. Everything here is plain data: no I/O, no clock, no randomness. */

declare const brand: unique symbol;
/** A number that must not be mixed with other numbers. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Raft term (Raft paper, section 5.1). 0 before the first election. */
export type Term = Brand<number, 'Term'>;
/** Position in the replicated log; the first entry has index 1, 0 means "before the log". */
export type LogIndex = Brand<number, 'LogIndex'>;
/**
 * A point on the local clock that counts suspend, in units of 10 ms (`tickMs`).
 * Ticks of two boxes are never compared.
 */
export type Tick = Brand<number, 'Tick'>;
/**
 * Name of a member, never used twice in its site: a box that comes back without its memory comes back under another one. By custom
 * the box's name, and from its second incarnation on a dot and the incarnation's number.
 */
export type NodeId = string;
export const nodeIdPattern = /^[a-z0-9.-]{1,79}$/;

export const term = (value: number): Term => value as Term;
export const logIndex = (value: number): LogIndex => value as LogIndex;
export const tick = (value: number): Tick => value as Tick;

/** Where chance comes from: seeded in tests, from the operating system otherwise. */
export interface RandomSource {
  /** An integer in [0, below). `below` is at least 1. */
  nextInt(below: number): number;
}

/** Length of one tick in milliseconds. */
export const tickMs = 10;

/** `noop` starts a term; `configuration` changes membership; `command` belongs to the state machine. */
export type EntryKind = 'noop' | 'command' | 'configuration';

/** Which request produced an entry: the member that took it in and its request number there (0: nobody waits). */
export interface Origin {
  readonly node: NodeId;
  readonly requestId: number;
}

export interface Entry {
  readonly term: Term;
  readonly index: LogIndex;
  readonly kind: EntryKind;
  readonly origin: Origin | undefined;
  readonly data: Uint8Array;
}

export interface EntryId {
  readonly term: Term;
  readonly index: LogIndex;
}

/** What must be durable before a vote or its reply leaves the box (Raft paper, figure 2). */
export interface HardState {
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
}

/** Changes by itself; membership (voter, learner, witness) is changed by request. */
export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader';

/** Who belongs to the site. Replaced as a whole by each `configuration` entry, from the moment that is in the log (Raft paper, section 6). */
export interface Membership {
  readonly voters: readonly NodeId[];
  /** The voters before the change under way: until it is done, elections and commits need a majority of each. */
  readonly votersBefore?: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** Members that keep term and index of every entry, but no payload: they vote and count for commits, and never lead. */
  readonly witnesses?: readonly NodeId[];
}

/** What a member is to become; `none` leaves. A witness is one from its first day: the flag cannot be changed. */
export interface RoleChange {
  readonly id: NodeId;
  readonly role: 'learner' | 'witness-learner' | 'voter' | 'none';
}

/** What a snapshot stands for: the state after applying everything up to `index`. */
export interface SnapshotMeta {
  readonly index: LogIndex;
  readonly term: Term;
  readonly membership: Membership;
}

export interface Snapshot {
  readonly meta: SnapshotMeta;
  readonly data: Uint8Array;
}

/** Durations in ticks of 10 ms. Relations are checked when the core is built. */
export interface Timing {
  /** @default 10 (100 ms) */
  readonly pingTicks: number;
  /** A follower campaigns after a silence drawn from [electionTicks, 2 × electionTicks). @default 40 (400 ms) */
  readonly electionTicks: number;
  /** Slow disks and long round trips stretch it up to here. @default 120 (1.2 s) */
  readonly electionMaxTicks: number;
  /** PING interval of a site that rests: at most a quarter of the lease. 0: it never does. @default 0 */
  readonly restPingTicks: number;
  /** It rests after so long without anything to do. @default 3000 (30 s) */
  readonly restAfterTicks: number;
  /** Step between ranks when the link to the leader is lost. @default 1 (10 ms) */
  readonly rankTicks: number;
  /** Length of a placement lease. @default 300 (3 s) */
  readonly leaseTicks: number;
}

export const defaultTiming: Timing = {
  pingTicks: 10,
  electionTicks: 40,
  electionMaxTicks: 120,
  restPingTicks: 0,
  restAfterTicks: 3000,
  rankTicks: 1,
  leaseTicks: 300,
};

/** Everything that can grow has a limit; its refusal has a code. */
export const limits = {
  /** One entry's payload. */
  entryBytesMax: 512 * 1024,
  /** Entries in flight to one peer, by messages, count and bytes. */
  inflightAppendsMax: 64,
  appendEntriesMax: 1024,
  appendBytesMax: 1024 * 1024,
  inflightBytesMax: 4 * 1024 * 1024,
  /** Uncommitted payload a leader holds before it answers BUSY. */
  uncommittedBytesMax: 16 * 1024 * 1024,
  /** Requests one member may have outstanding. */
  pendingRequestsMax: 16_384,
  /** One chunk of a snapshot, and the whole of it. */
  snapshotChunkBytes: 256 * 1024,
  snapshotBytesMax: 256 * 1024 * 1024,
  /** Sessions one member tells the leader of in one ACK. */
  touchesMax: 65_536,
  /** Voters of a site, those of a change under way counted once. */
  votersMax: 9,
  /** Members of a site. */
  membersMax: 1024,
  /** Items in one REVALIDATE. */
  revalidateItemsMax: 4096,
  /** A whole frame on the wire. */
  frameBytesMax: 4 * 1024 * 1024,
} as const;
