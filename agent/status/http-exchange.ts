/** One HTTP exchange: reads bounded bodies, writes documents, problems and ETags. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Sender } from '../state/commands.ts';
import { ApiError } from './agent-api.ts';
import { senderIn } from './bodies.ts';
import { Exchange, jsonBytesMax, problemOf } from './exchange.ts';

export class HttpExchange extends Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse, query = '', params: readonly string[] = []) {
    super(query, params);
    this.#request = request;
    this.#response = response;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  sender(): Sender {
    return senderIn((name) => this.header(name));
  }

  http(): { readonly request: IncomingMessage; readonly response: ServerResponse } {
    return { request: this.#request, response: this.#response };
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
      for await (const chunk of this.#request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
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
    this.#response.setHeader('etag', tag);
    if (names(this.header('if-none-match'), tag)) {
      this.#response.writeHead(304).end();
      return;
    }
    this.#send(200, 'application/json', body);
  }

  /** Ends when the client is gone. */
  get gone(): AbortSignal {
    const end = new AbortController();
    this.#response.once('close', () => end.abort());
    return end.signal;
  }

  text(type: string, body: string): void {
    this.#send(200, type, body);
  }

  empty(status: number): void {
    this.#response.writeHead(status).end();
  }

  problem(error: unknown): void {
    const { problem, headers } = problemOf(error);
    if (this.#response.headersSent) {
      this.#response.destroy();
      return;
    }
    for (const [name, value] of Object.entries(headers)) this.#response.setHeader(name, value);
    const answer = (): void => this.#send(problem.status, 'application/problem+json', JSON.stringify(problem));
    if (this.#request.complete) {
      answer();
      return;
    }
    // The rest of a refused body is thrown away, up to a bound: a client that still writes would see a broken pipe, not the answer.
    this.#response.setHeader('connection', 'close');
    void drain(this.#request).then(answer);
  }

  #send(status: number, type: string, body: string): void {
    this.#response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' });
    this.#response.end(this.#request.method === 'HEAD' ? undefined : body);
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
