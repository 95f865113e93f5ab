/** One exchange with a client: what a route sees of it. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { ProblemDetails } from '../../schemas/generated/types.ts';
import type { Sender } from '../state/commands.ts';
import { ApiError } from './agent-api.ts';

/** A JSON body is at most this long. */
export const jsonBytesMax = 1024 * 1024;

/** One request and its answer, whatever carries them. */
export abstract class Exchange {
  /** Captured parts of the path, decoded. */
  readonly params: readonly string[];
  readonly #queryText: string;
  #query: URLSearchParams | undefined;

  constructor(query: string, params: readonly string[]) {
    this.params = params;
    this.#queryText = query;
  }

  /** @param name in lower case. */
  abstract header(name: string): string | undefined;
  /** What makes a change happen once. Throws ApiError REQUEST_INVALID or IDEMPOTENCY_KEY_INVALID. */
  abstract sender(): Sender;
  /** The body, parsed. Throws ApiError CONTENT_TYPE_UNKNOWN, BODY_TOO_LARGE, BODY_INCOMPLETE or BODY_NOT_JSON. */
  abstract json(): Promise<unknown>;
  /** Answers 200 with a small result, without an ETag. */
  abstract result(value: object, status?: number): void;
  /** Answers with a document and its ETag, or 304 when the client has it. */
  abstract document(value: object): void;
  abstract text(type: string, body: string): void;
  abstract empty(status: number): void;
  abstract problem(error: unknown): void;
  /** Ends when the client is gone. */
  abstract get gone(): AbortSignal;
  /** For streams of bytes or events. Throws ApiError NOT_PIPED where only documents are carried. */
  abstract http(): { readonly request: IncomingMessage; readonly response: ServerResponse };

  param(at: number): string {
    return this.params[at] ?? '';
  }

  query(name: string): string | undefined {
    if (this.#queryText === '') return undefined;
    this.#query ??= new URLSearchParams(this.#queryText);
    return this.#query.get(name) ?? undefined;
  }

  /** A whole number in [0, max] from the query, or undefined when absent. Throws ApiError QUERY_INVALID. */
  count(name: string, max: number): number | undefined {
    const text = this.query(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 0 || value > max)
      throw new ApiError(400, 'QUERY_INVALID', `?${name}=${text} must be a whole number from 0 to ${max}`);
    return value;
  }
}

/** What a failure says to the client: nothing of the inside of the agent. */
export function problemOf(error: unknown): { readonly problem: ProblemDetails; readonly headers: Readonly<Record<string, string>> } {
  const known = error instanceof ApiError ? error : new ApiError(500, 'INTERNAL', 'The agent failed to answer; its log says more', false);
  const { status, code, message, definite, headers } = known;
  const title = STATUS_CODES[status] ?? 'Error';
  return { problem: { type: 'about:blank', title, status, code, detail: message.slice(0, 4096), definite }, headers };
}
