/** One request of a pipe: a route answers it as it would over HTTP, with documents only. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PipeRequest } from '../../schemas/generated/types.ts';
import type { Sender } from '../state/commands.ts';
import { ApiError } from './agent-api.ts';
import { Exchange, problemOf } from './exchange.ts';

export interface PipeEnd {
  /** Takes the line of an answer; its end is written after it. */
  readonly answer: (line: string) => void;
  readonly gone: AbortSignal;
}

export class PipeExchange extends Exchange {
  readonly #asked: PipeRequest;
  readonly #end: PipeEnd;

  constructor(asked: PipeRequest, end: PipeEnd, query = '', params: readonly string[] = []) {
    super(query, params);
    this.#asked = asked;
    this.#end = end;
  }

  get gone(): AbortSignal {
    return this.#end.gone;
  }

  /** A line has no headers: what they say has fields of its own. */
  header(): undefined {
    return undefined;
  }

  sender(): Sender {
    const { once } = this.#asked;
    if (once === undefined) return {};
    if ('idempotencyKey' in once) return once;
    if (once.lowestAwaited > once.sequence) throw new ApiError(400, 'REQUEST_INVALID', '/once/lowestAwaited is at most the sequence');
    return { request: once };
  }

  json(): Promise<unknown> {
    if (this.#asked.body === undefined) throw new ApiError(400, 'BODY_NOT_JSON', 'The request has no body');
    return Promise.resolve(this.#asked.body);
  }

  http(): { readonly request: IncomingMessage; readonly response: ServerResponse } {
    throw new ApiError(400, 'NOT_PIPED', 'Streams of events and bytes are had by HTTP, not through a pipe');
  }

  result(value: object, status = 200): void {
    this.#answer(status, JSON.stringify(value));
  }

  document(value: object): void {
    this.result(value);
  }

  text(_type: string, body: string): void {
    this.#answer(200, JSON.stringify(body));
  }

  empty(status: number): void {
    this.#end.answer(`{"id":${this.#asked.id},"status":${status}}`);
  }

  problem(error: unknown): void {
    const { problem } = problemOf(error);
    this.#answer(problem.status, JSON.stringify(problem));
  }

  #answer(status: number, body: string): void {
    this.#end.answer(`{"id":${this.#asked.id},"status":${status},"body":${body}}`);
  }
}
