/** What the recipes need of a site. HTTP is one way to it; any other that keeps these promises will do. */
import type { KvTransaction } from '../../schemas/generated/types.ts';
import type { SessionRequest } from '../state/clients.ts';
import type { OperationResult } from '../state/commands.ts';
import type { SessionClaim } from '../state/session-table.ts';

export interface Item {
  readonly key: string;
  readonly value: string;
  /** Log index of its last change. */
  readonly revision: number;
  /** Number of the session it lives with. */
  readonly session?: number;
}

export interface SessionHandle extends SessionClaim {
  readonly ttlMs: number;
}

export interface Transacted {
  /** Log index at which it was decided. */
  readonly revision: number;
  /** What became of each operation, in its order. */
  readonly results: readonly OperationResult[];
}

/** All promises are rejected with SiteError. */
export interface SiteClient {
  /** Linearizable: knows everything that was acknowledged to anybody before the call. */
  get(key: string, signal?: AbortSignal): Promise<Item | undefined>;
  /** Linearizable. The items are those at `revision`, sorted by key: a watch from there misses nothing. */
  list(prefix: string, signal?: AbortSignal): Promise<{ readonly revision: number; readonly items: readonly Item[] }>;
  /** All operations, or none. With `request` it happens once, however often it is sent. */
  transact(transaction: KvTransaction, options?: { readonly request?: SessionRequest; readonly signal?: AbortSignal }): Promise<Transacted>;
  openSession(ttlMs: number): Promise<SessionHandle>;
  touchSession(claim: SessionClaim): Promise<void>;
  /** The session's client speaks with this box from now on. */
  takeSession(session: number): Promise<SessionHandle>;
  closeSession(session: number): Promise<void>;
  /** Changes after a revision, in order and without a gap. Never ends well: it rejects, with ABORTED when the signal says so. */
  watch(prefix: string, after: number, signal: AbortSignal): AsyncIterable<Change>;
}

export interface Change {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly revision: number;
}
