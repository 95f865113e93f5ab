/** Refusals as a client sees them. */
import { checkDocument } from '../../schemas/validate.ts';

/** What a refused attempt says about the change it carried. */
export class SiteError extends Error {
  readonly code: string;
  /** True: the change certainly did not happen. False: it may have, or may still. */
  readonly definite: boolean;

  constructor(code: string, message: string, definite: boolean) {
    super(message);
    this.name = 'SiteError';
    this.code = code;
    this.definite = definite;
  }
}

/** Refusals of an attempt, not outcomes of the change: another attempt may come to something else. */
const passing = new Set([
  'ABORTED',
  'ANSWER_LOST',
  'BUSY',
  'INTERNAL',
  'NOT_LEADER',
  'OUTCOME_UNKNOWN',
  'STEPPING_DOWN',
  'STOPPED',
  'STORAGE',
  'TIMEOUT',
  'UNREACHABLE',
  'WINDOW_FULL',
  'WITNESS',
]);

/** What a change itself can come to: remembered by the site, and so the answer to every attempt at it. */
const outcomes = new Set(['BAD_COMMAND', 'GUARD_FAILED', 'KEY_INVALID', 'STATE_FULL', 'TXN_INVALID', 'VALUE_TOO_LARGE']);

/** Whether another attempt makes sense. */
export const isPassing = ({ code }: SiteError): boolean => passing.has(code);

/** Whether it is what all attempts at a numbered change came to; any other refusal is of this attempt alone. */
export const isOutcome = ({ code }: SiteError): boolean => outcomes.has(code);

/** A stream that broke off, or could not begin: read again, and watch from there. */
export const isBroken = ({ code }: SiteError): boolean => ['STREAM_ENDED', 'TOO_MANY_STREAMS', 'WATCH_TOO_OLD'].includes(code);

export const aborted = (definite: boolean): SiteError => new SiteError('ABORTED', 'The caller gave up', definite);

export const answerLost = (endpoint: string, { message }: Error, definite: boolean): SiteError =>
  new SiteError('ANSWER_LOST', `The connection to ${endpoint} broke before the answer (${message})`, definite);

/** Nobody was there: nothing was sent. */
export const isUnsent = ({ code }: NodeJS.ErrnoException): boolean => ['ECONNREFUSED', 'ENOENT', 'EACCES'].includes(code ?? '');

export const unreachable = (endpoint: string, { code, message }: NodeJS.ErrnoException): SiteError =>
  new SiteError('UNREACHABLE', `No agent answers at ${endpoint} (${code ?? message})`, true);

/** What a refusal's body says; anything that is not an agent's leaves the outcome open. */
export function problemIn(status: number, body: unknown): SiteError {
  const checked = checkDocument('ProblemDetails', body);
  if (checked.ok) return new SiteError(checked.value.code, checked.value.detail, checked.value.definite);
  return new SiteError('ANSWER_STRANGE', `HTTP ${status} without a problem in it: is this endpoint an agent?`, false);
}

/** Anything thrown, as a SiteError; what is not known to be one leaves the outcome open. */
export function asSiteError(error: unknown): SiteError {
  if (error instanceof SiteError) return error;
  return new SiteError('FAILED', error instanceof Error ? error.message : String(error), false);
}
