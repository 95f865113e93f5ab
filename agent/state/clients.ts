/**
 * Exactly once: a change that is sent again is answered with the remembered outcome of the first. A client that needs certainty sends it
 * in its session, numbered: no outcome it still awaits is dropped before the session ends. A key of the client's own choice, without a
 * session, is remembered for as long as there is room. Pure.
 */
import type { Outcome, RefusalCode } from './commands.ts';
import { stateLimits } from './commands.ts';
import type { Table } from './rows.ts';
import { checkClaim, type SessionClaim, type SessionParts } from './session-table.ts';

/** A numbered request in a session. */
export interface SessionRequest extends SessionClaim {
  /** From 1 on; the same for every attempt at one change. */
  readonly sequence: number;
  /** The client has the answers of all sequences below this one, or will never ask for them again. At most `sequence`. */
  readonly lowestAwaited: number;
}

/** Outcomes remembered for one session. */
export interface RequestRow {
  readonly lowestAwaited: number;
  readonly results: readonly (readonly [sequence: number, outcome: Outcome])[];
}

/** The outcome remembered for an Idempotency-Key. */
export interface KeyRow {
  /** Log index at which it was decided: the oldest is forgotten first. */
  readonly lastIndex: number;
  readonly outcome: Outcome;
}

/** Applies `decide` unless this request was decided before, and remembers the outcome. Refusals made here are not remembered: the request may come again. */
export function onceInSession(parts: SessionParts, request: SessionRequest, revision: number, decide: () => Outcome): Outcome {
  const { session, sequence } = request;
  const { requests, sessions } = parts;
  const row = requests.get(String(session));
  const remembered = row?.results.find(([known]) => known === sequence);
  if (remembered !== undefined) return remembered[1];
  const refuse = (code: RefusalCode, message: string): Outcome => ({ ok: false, revision, code, message });
  if (row !== undefined && sequence < row.lowestAwaited)
    return refuse('SEQUENCE_FORGOTTEN', `Sequence ${sequence} of session ${session} was acknowledged: its result is no longer kept`);
  const lowestAwaited = Math.max(row?.lowestAwaited ?? 0, request.lowestAwaited);
  const awaited = (row?.results ?? []).filter(([known]) => known >= lowestAwaited);
  if (awaited.length >= stateLimits.resultsPerClientMax)
    return refuse('WINDOW_FULL', `Session ${session} awaits ${awaited.length} results: raise its lowest awaited sequence first`);
  const refusal = checkClaim(parts, request, revision);
  if (refusal !== undefined) return refusal;
  const outcome = decide();
  // The change may have ended the session itself.
  if (sessions.get(String(session)) !== undefined)
    requests.set(String(session), { lowestAwaited, results: [...awaited, [sequence, outcome]] });
  return outcome;
}

/** The same for a key of the client's own choice. Of more keys than are kept, the one decided longest ago is forgotten. */
export function onceByKey(keys: Table<KeyRow>, key: string, revision: number, decide: () => Outcome): Outcome {
  const known = keys.get(key);
  if (known !== undefined) return known.outcome;
  const outcome = decide();
  keys.set(key, { lastIndex: revision, outcome });
  if (keys.size <= stateLimits.idempotencyKeysMax) return outcome;
  let oldest: [string, KeyRow] | undefined;
  for (const entry of keys.entries()) if (oldest === undefined || entry[1].lastIndex < oldest[1].lastIndex) oldest = entry;
  if (oldest !== undefined) keys.delete(oldest[0]);
  return outcome;
}
