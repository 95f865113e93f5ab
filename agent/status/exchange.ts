/** One HTTP exchange: reads bounded bodies, writes documents, problems and ETags. */
import { createHash } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { ProblemDetails } from '../../schemas/generated/types.ts';
import { ApiError } from './agent-api.ts';

/** A JSON body is at most this long. */
export const jsonBytesMax = 1024 * 1024;

export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Captured parts of the path, decoded. */
  readonly params: readonly string[];
  readonly #query: URLSearchParams;

  constructor(request: IncomingMessage, response: ServerResponse, query = '', params: readonly string[] = []) {
    this.request = request;
    this.response = response;
    this.params = params;
    this.#query = new URLSearchParams(query);
  }

  param(at: number): string {
    return this.params[at] ?? '';
  }

  query(name: string): string | undefined {
    return this.#query.get(name) ?? undefined;
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value[0] : value;
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

  /** The body, parsed. Throws ApiError CONTENT_TYPE_UNKNOWN, BODY_TOO_LARGE, BODY_INCOMPLETE or BODY_NOT_JSON. */
  async json(): Promise<unknown> {
    const type = this.header('content-type');
    if (type !== undefined && !/^application\/json *(;|$)/i.test(type))
      throw new ApiError(415, 'CONTENT_TYPE_UNKNOWN', `A body of ${type.slice(0, 100)} is not taken: send application/json`);
    if (Number(this.header('content-length')) > jsonBytesMax) throw tooLarge();
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of this.request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > jsonBytesMax) throw tooLarge();
        chunks.push(chunk);
      }
    } catch (error) {
      throw error instanceof ApiError ? error : new ApiError(400, 'BODY_INCOMPLETE', 'The connection ended within the body');
    }
    try {
      return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
    } catch (error) {
      throw new ApiError(400, 'BODY_NOT_JSON', `The body is not JSON: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Answers 200 with a small result, without an ETag. */
  result(value: object, status = 200): void {
    this.#send(status, 'application/json', JSON.stringify(value));
  }

  /** Answers with a document and its ETag, or 304 when the client has it. */
  document(value: object): void {
    const body = JSON.stringify(value);
    const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    this.response.setHeader('etag', tag);
    if (names(this.header('if-none-match'), tag)) {
      this.response.writeHead(304).end();
      return;
    }
    this.#send(200, 'application/json', body);
  }

  /** Ends when the client is gone. */
  get gone(): AbortSignal {
    const end = new AbortController();
    this.response.once('close', () => end.abort());
    return end.signal;
  }

  text(type: string, body: string): void {
    this.#send(200, type, body);
  }

  empty(status: number): void {
    this.response.writeHead(status).end();
  }

  problem(error: unknown): void {
    const known = error instanceof ApiError ? error : new ApiError(500, 'INTERNAL', 'The agent failed to answer; its log says more', false);
    const { status, code, message, definite, headers } = known;
    const body: ProblemDetails = {
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      code,
      detail: message.slice(0, 4096),
      definite,
    };
    if (this.response.headersSent) {
      this.response.destroy();
      return;
    }
    for (const [name, value] of Object.entries(headers)) this.response.setHeader(name, value);
    const answer = (): void => this.#send(status, 'application/problem+json', JSON.stringify(body));
    if (this.request.complete) {
      answer();
      return;
    }
    // The rest of a refused body is thrown away, up to a bound: a client that still writes would see a broken pipe, not the answer.
    this.response.setHeader('connection', 'close');
    void drain(this.request).then(answer);
  }

  #send(status: number, type: string, body: string): void {
    this.response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' });
    this.response.end(this.request.method === 'HEAD' ? undefined : body);
  }
}

const tooLarge = (): ApiError => new ApiError(413, 'BODY_TOO_LARGE', `A JSON body has at most ${jsonBytesMax} bytes`);

const drainBytesMax = 16 * 1024 * 1024;
const drainMs = 1000;

/** Resolves when the body has ended, or was thrown away for long enough. */
function drain(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const timer = setTimeout(resolve, drainMs);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > drainBytesMax) done();
    });
    request.once('end', done);
    request.once('close', done);
    request.once('error', done);
    request.resume();
  });
}

/** Whether If-None-Match names a tag: it may list several, mark them as weak, or mean any. */
function names(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((one) => ['*', tag, `W/${tag}`].includes(one.trim()));
}
