/** Sessions of clients, and the keys that live as long as they do (ZooKeeper's ephemeral nodes). Pure. */
import type { NodeId } from '../../consensus/core/types.ts';
import type { RequestRow } from './clients.ts';
import type { Outcome } from './commands.ts';
import { stateLimits } from './commands.ts';
import type { Table } from './rows.ts';

export interface SessionRow {
  readonly ttlMs: number;
  /** The member the client speaks with: the only one that may touch it. */
  readonly owner: NodeId;
  /** Log index of the last change of owner. Requests under an older one are refused: they come from a connection left behind. */
  readonly ownerEpoch: number;
  /** Log index at which it was opened; also its number. */
  readonly openedAt: number;
  /** Log index at which its client was last taken back by the same owner; absent before the first time. */
  readonly takenBackAt?: number;
}

/** Log index of the last entry that shows its client alive. */
export const heardAt = ({ ownerEpoch, takenBackAt = 0 }: SessionRow): number => Math.max(ownerEpoch, takenBackAt);

/** What a request says of the session it acts in. */
export interface SessionClaim {
  readonly session: number;
  readonly ownerEpoch: number;
}

export const sessionTtlMs = { min: 1000, max: 24 * 3600 * 1000, default: 10_000 } as const;

export interface SessionParts {
  readonly sessions: Table<SessionRow>;
  /** What each session's numbered requests came to. */
  readonly requests: Table<RequestRow>;
  /** Keys of each session; derived from the keys themselves. */
  readonly ephemerals: Map<number, Set<string>>;
  readonly deleteKey: (key: string) => void;
}

const keyOf = (session: number): string => String(session);

export function sessionRow({ sessions }: Pick<SessionParts, 'sessions'>, session: number): SessionRow | undefined {
  return sessions.get(keyOf(session));
}

export function openSession(parts: SessionParts, ttlMs: number, owner: NodeId, revision: number): Outcome {
  if (!Number.isSafeInteger(ttlMs) || ttlMs < sessionTtlMs.min || ttlMs > sessionTtlMs.max)
    return refused(revision, 'TTL_INVALID', `A session lives from ${sessionTtlMs.min} to ${sessionTtlMs.max} ms`);
  if (parts.sessions.size >= stateLimits.sessionsMax)
    return refused(revision, 'STATE_FULL', `The site holds ${stateLimits.sessionsMax} sessions already: close some first`);
  parts.sessions.set(keyOf(revision), { ttlMs, owner, ownerEpoch: revision, openedAt: revision });
  return { ok: true, revision };
}

/** The client speaks with another member now: from here on only that one may touch the session. */
export function moveSession(parts: SessionParts, session: number, owner: NodeId, revision: number): Outcome {
  const row = sessionRow(parts, session);
  if (row === undefined) return expired(revision, session);
  parts.sessions.set(keyOf(session), row.owner === owner ? { ...row, takenBackAt: revision } : { ...row, owner, ownerEpoch: revision });
  return { ok: true, revision };
}

/**
 * Ends those of the sessions that were not heard of since: one that was taken over or taken back while its end was on its way lives, as its
 * client was told.
 * @param heard for each, `heardAt` as it was when nothing had been heard of it for too long.
 */
export function expireSessions(
  parts: SessionParts,
  due: readonly number[],
  heard: readonly number[] | undefined,
  revision: number,
): Outcome {
  const isSilent = (session: number, i: number): boolean => {
    const row = sessionRow(parts, session);
    return row !== undefined && (heard === undefined || heardAt(row) === heard[i]);
  };
  return endSessions(parts, due.filter(isSilent), revision);
}

/** Ends sessions and deletes their keys, all at this one log index. Those that ended already count for nothing. */
export function endSessions(parts: SessionParts, ended: readonly number[], revision: number): Outcome {
  for (const session of ended) {
    if (!parts.sessions.delete(keyOf(session))) continue;
    parts.requests.delete(keyOf(session));
    for (const key of parts.ephemerals.get(session) ?? []) parts.deleteKey(key);
    parts.ephemerals.delete(session);
  }
  return { ok: true, revision };
}

/** Undefined when the claim holds; else why it does not. */
export function checkClaim(parts: SessionParts, claim: SessionClaim, revision: number): Outcome | undefined {
  const row = sessionRow(parts, claim.session);
  if (row === undefined) return expired(revision, claim.session);
  if (row.ownerEpoch === claim.ownerEpoch) return undefined;
  return refused(
    revision,
    'SESSION_MOVED',
    `Session ${claim.session} was taken to ${row.owner} (owner epoch ${row.ownerEpoch}, not ${claim.ownerEpoch}): this connection is left behind`,
  );
}

/** Keys are told apart by the log index, which only grows: the smallest is the one that came first. */
export const sequentialKey = (key: string, revision: number): string => `${key}${String(revision).padStart(16, '0')}`;

function expired(revision: number, session: number): Outcome {
  return refused(revision, 'SESSION_EXPIRED', `There is no session ${session}: it expired or was closed; open another`);
}

function refused(revision: number, code: Extract<Outcome, { ok: false }>['code'], message: string): Outcome {
  return { ok: false, revision, code, message };
}
