/** Parts of bodies and headers that several routes take. */
import type { Sender } from '../state/commands.ts';
import type { SessionClaim } from '../state/session-table.ts';
import { ApiError } from './agent-api.ts';

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Throws ApiError BODY_INVALID. */
export function claimIn(value: unknown, place: string): SessionClaim {
  const { session, ownerEpoch } = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  if (!isCount(session) || !isCount(ownerEpoch))
    throw new ApiError(400, 'BODY_INVALID', `${place} must be {"session": number, "ownerEpoch": number}, as opening the session answered`);
  return { session, ownerEpoch };
}

/** The header that numbers a change within a session; a dictionary of RFC 8941. */
export const requestHeader = 'holdfast-request';

/**
 * What makes a change happen once: `Holdfast-Request: session=N, owner-epoch=N, sequence=N, lowest-awaited=N`, or an `Idempotency-Key`.
 * Throws ApiError REQUEST_INVALID or IDEMPOTENCY_KEY_INVALID.
 */
export function senderIn(header: (name: string) => string | undefined): Sender {
  const idempotencyKey = header('idempotency-key');
  const numbered = header(requestHeader);
  if (numbered === undefined) {
    if (idempotencyKey === undefined) return {};
    if (idempotencyKey.length === 0 || idempotencyKey.length > 128)
      throw new ApiError(400, 'IDEMPOTENCY_KEY_INVALID', 'Idempotency-Key has 1 to 128 characters');
    return { idempotencyKey };
  }
  const fields = new Map(numbered.split(',').map((part) => part.trim().split('=', 2) as [string, string | undefined]));
  const number = (name: string): number => {
    const value = fields.get(name);
    if (value === undefined || !/^[0-9]{1,15}$/.test(value)) throw requestInvalid(`${name} must be a whole number`);
    return Number(value);
  };
  const request = {
    session: number('session'),
    ownerEpoch: number('owner-epoch'),
    sequence: number('sequence'),
    lowestAwaited: number('lowest-awaited'),
  };
  if (fields.size !== 4 || idempotencyKey !== undefined) throw requestInvalid('exactly these four are taken, and no Idempotency-Key');
  if (request.lowestAwaited > request.sequence) throw requestInvalid('lowest-awaited is at most the sequence');
  return { request };
}

function requestInvalid(why: string): ApiError {
  return new ApiError(400, 'REQUEST_INVALID', `Holdfast-Request: session=N, owner-epoch=N, sequence=N, lowest-awaited=N: ${why}`);
}
