/** The command line's side of the HTTP interface. */
import { type IncomingMessage, request } from 'node:http';
import type { ProblemDetails } from '../../schemas/generated/types.ts';
import { checkDocument } from '../../schemas/validate.ts';

export const defaultEndpoint = 'unix:/run/holdfast/holdfast.sock';

/** Exit codes, the same for all commands. */
export const exitCode = { ok: 0, failed: 1, usage: 2, notFound: 3, refused: 4, unavailable: 5, indefinite: 6 } as const;

/** A command that ends with a message and an exit code. */
export class CliError extends Error {
  readonly exitCode: number;
  /** What to print with --json. */
  readonly code: string;

  constructor(exit: number, code: string, message: string) {
    super(message);
    this.exitCode = exit;
    this.code = code;
  }
}

export class HttpClient {
  readonly #endpoint: string;
  readonly #where: { readonly socketPath: string } | { readonly host: string; readonly port: number };
  readonly #token: string | undefined;

  /** @param endpoint `unix:/path` or `http://host:port`. Throws CliError. */
  constructor(endpoint: string, token: string | undefined) {
    this.#endpoint = endpoint;
    this.#token = token;
    if (endpoint.startsWith('unix:')) {
      this.#where = { socketPath: endpoint.slice(5) };
      return;
    }
    const url = URL.parse(endpoint);
    if (url?.protocol !== 'http:')
      throw new CliError(exitCode.usage, 'ENDPOINT_INVALID', `The endpoint ${endpoint} is neither unix:/path nor http://127.0.0.1:port`);
    this.#where = { host: url.hostname, port: Number(url.port || 80) };
  }

  async get(path: string): Promise<unknown> {
    return parseAnswer(await this.#text('GET', path));
  }

  /** The body of a successful answer, parsed. Throws CliError with the exit code of the problem. */
  async send(method: 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    return parseAnswer(await this.#text(method, path, body === undefined ? undefined : Buffer.from(JSON.stringify(body))));
  }

  /** For answers without a body. */
  async post(path: string, body: unknown): Promise<void> {
    await this.#text('POST', path, Buffer.from(JSON.stringify(body)));
  }

  async upload(path: string, bytes: Uint8Array): Promise<void> {
    await this.#text('PUT', path, bytes, 'application/octet-stream');
  }

  async has(path: string): Promise<boolean> {
    const response = await this.#open('HEAD', path);
    response.resume();
    return response.statusCode === 200;
  }

  /** The data of server-sent events, one JSON object each, for as long as the agent sends them. */
  async *events(path: string): AsyncGenerator<string> {
    let rest = '';
    for await (const chunk of this.stream(path)) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('data: ')) yield line.slice(6);
    }
  }

  /** What comes, as text, for as long as the agent sends it. */
  async *stream(path: string): AsyncGenerator<string> {
    const response = await this.#open('GET', path);
    if (response.statusCode !== 200) throw await this.#problem(response);
    response.setEncoding('utf8');
    try {
      yield* response as AsyncIterable<string>;
    } catch {
      // Told below: whether it ended well or not, there is no more.
    }
    throw new CliError(
      exitCode.unavailable,
      'STREAM_ENDED',
      `The agent at ${this.#endpoint} ended the stream: begin again after the last id`,
    );
  }

  #open(method: string, path: string, body?: Uint8Array, type = 'application/json'): Promise<IncomingMessage> {
    const headers: Record<string, string | number> = {
      ...(body === undefined ? {} : { 'content-type': type, 'content-length': body.byteLength }),
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
    };
    return new Promise((resolve, reject) => {
      const call = request({ ...this.#where, method, path, headers }, resolve);
      let sent = false;
      call.on('finish', () => {
        sent = body !== undefined || method === 'DELETE';
      });
      call.on('error', (error: NodeJS.ErrnoException) => {
        const refused = error.code === 'ECONNREFUSED' || error.code === 'ENOENT' || error.code === 'EACCES';
        reject(refused || !sent ? this.#unreachable(error) : this.#answerLost());
      });
      call.setTimeout(60_000, () => call.destroy(new Error('no answer for 60 s')));
      call.end(body);
    });
  }

  #unreachable({ code, message }: NodeJS.ErrnoException): CliError {
    const remedy =
      code === 'EACCES'
        ? 'this user may not ask it: use root, or join the group of the socket'
        : 'is it running? Set --endpoint or HOLDFAST_ENDPOINT';
    return new CliError(exitCode.unavailable, 'UNREACHABLE', `No agent answers at ${this.#endpoint} (${code ?? message}): ${remedy}`);
  }

  #answerLost(): CliError {
    return new CliError(
      exitCode.indefinite,
      'ANSWER_LOST',
      `The connection to ${this.#endpoint} broke before the answer: the change may have happened, read before you repeat it`,
    );
  }

  /** The body of an answer to this. Throws CliError when it breaks off. */
  async #whole(response: IncomingMessage, method = 'GET'): Promise<string> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch (error) {
      throw method !== 'GET' ? this.#answerLost() : this.#unreachable(error as Error);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  async #problem(response: IncomingMessage): Promise<CliError> {
    return problemToError(response.statusCode ?? 0, await this.#whole(response));
  }

  async #text(method: string, path: string, body?: Uint8Array, type?: string): Promise<string> {
    const response = await this.#open(method, path, body, type);
    const status = response.statusCode ?? 0;
    if (status < 200 || status >= 300) throw await this.#problem(response);
    return this.#whole(response, method);
  }
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CliError(exitCode.failed, 'ANSWER_STRANGE', 'The answer is not JSON: is this endpoint an agent?');
  }
}

function problemToError(status: number, text: string): CliError {
  let problem: ProblemDetails | undefined;
  try {
    const checked = checkDocument('ProblemDetails', JSON.parse(text));
    if (checked.ok) problem = checked.value;
  } catch {
    // Not from an agent: told below.
  }
  if (problem === undefined)
    return new CliError(exitCode.failed, 'ANSWER_STRANGE', `The answer (HTTP ${status}) is not an agent's: is --endpoint right?`);
  const exit = !problem.definite
    ? exitCode.indefinite
    : status === 404
      ? exitCode.notFound
      : status >= 500
        ? exitCode.unavailable
        : exitCode.refused;
  return new CliError(exit, problem.code, problem.detail);
}
