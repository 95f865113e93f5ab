/** What the consensus driver needs from the world. Each port has one contract suite that every implementation passes. */
import type { Message, RevalidateItem, VerdictItem } from '../core/messages.ts';
import type { Entry, HardState, LogIndex, Membership, NodeId, RandomSource, SnapshotMeta, Term } from '../core/types.ts';

/** What a log holds when it is opened. */
export interface Recovered {
  readonly hardState: HardState;
  /** Entries from `snapshot.index + 1` (or 1) on, in order, without gaps. */
  readonly entries: readonly Entry[];
  /** Everything up to here was cut: it lives in the state store. Index 0 and term 0 for a log never cut. */
  readonly base: { readonly index: LogIndex; readonly term: Term };
  /** True when nothing was ever written here. */
  readonly fresh: boolean;
  /**
   * Set when the last batch was dropped as torn or flipped: its acknowledgement is uncertain. Do not campaign, and vote only
   * for a log that reaches this id (or once every voter answered), until caught up.
   */
  readonly uncertain: { readonly term: Term; readonly index: LogIndex } | undefined;
}

/** The durable log, term and vote. All methods reject with `StorageError`. */
export interface Storage {
  /** Makes hard state and entries durable, in that order. Entries replace everything from their first index on. One call at a time. */
  save(hardState: HardState | undefined, entries: readonly Entry[]): Promise<void>;
  /** Drops entries up to and including `index`. The state up to there is durable elsewhere. */
  compact(index: LogIndex, term: Term): Promise<void>;
  /** Replaces the whole log by nothing, starting after a snapshot at `index`. */
  reset(index: LogIndex, term: Term): Promise<void>;
  /** Records how far the log is durable, once, when writes have gone quiet. */
  settle(): Promise<void>;
  /** Forgets `Recovered.uncertain`: the log has all of it again. Storage without it finds that out by itself. */
  certain?(): Promise<void>;
  /** True from the first write refused for lack of space until `restoreSpace` found room. Storage without it never runs out. */
  readonly lowSpace?: boolean;
  /** Tries to hold back the reserve again. Resolves to whether there is room for it. */
  restoreSpace?(): Promise<boolean>;
  close(): Promise<void>;
}

/** Direct, ordered, lossy links to peers. */
export interface Transport {
  /** Queues messages; all that are queued within one turn of the loop go in one write per peer. Messages to unreachable peers are dropped. */
  send(messages: readonly Message[]): void;
  /** `message` is validated and bounded. */
  onMessage(handler: (message: Message) => void): void;
  onLink(handler: (peer: NodeId, state: 'up' | 'lost' | 'closed') => void): void;
}

/** A clock that counts suspend and never goes back. */
export interface Clock {
  /** Milliseconds since boot (/proc/uptime on Linux). */
  nowMs(): number;
  /** Cheaper, and late after the box slept: for deadlines of requests and dates of events. @default nowMs */
  recentMs?(): number;
  /** Calls back after about `ms`; returns a function that cancels. */
  after(ms: number, callback: () => void): () => void;
}

/** One row of the replicated state, as written behind to the state store; `value` undefined means deleted. */
export interface RowChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

export interface Applied {
  /** What the caller of `propose` gets. */
  readonly result: unknown;
  readonly changes: readonly RowChange[];
}

/** The replicated state. Pure and total: a bad command gives a result that says so, never a throw. */
export interface StateMachine {
  apply(entry: Entry): Applied;
  /** All rows, for a snapshot. Order does not matter. */
  rows(): Iterable<readonly [key: string, value: Uint8Array]>;
  /** Replaces everything by these rows. */
  load(rows: Iterable<readonly [key: string, value: Uint8Array]>): void;
  revalidate(from: NodeId, items: readonly RevalidateItem[]): readonly VerdictItem[];
}

/** Where applied rows are written behind (level). */
export interface StateStore {
  /** Loads all rows, checks the digest. */
  open(): Promise<{ readonly meta: SnapshotMeta; readonly rows: readonly (readonly [string, Uint8Array])[] }>;
  /** Writes changes, applied index, membership and digest in one batch. `sync` for a point the log may be cut at. */
  write(changes: readonly RowChange[], meta: SnapshotMeta, sync: boolean): Promise<void>;
  /** Replaces everything, durably. */
  replace(rows: Iterable<readonly [string, Uint8Array]>, meta: SnapshotMeta): Promise<void>;
  close(): Promise<void>;
}

export type { Membership, RandomSource };
