/** A site through the HTTP interface of one of its agents, over the Unix socket or loopback. */
import { Agent, type IncomingMessage, request } from 'node:http';
import type { KvTransaction } from '../../schemas/generated/types.ts';
import type { SessionRequest } from '../state/clients.ts';
import type { SessionClaim } from '../state/session-table.ts';
import type { Change, Item, SessionHandle, SiteClient, Transacted } from './port.ts';
import { aborted, answerLost, isUnsent, problemIn, SiteError, unreachable } from './site-error.ts';

export interface HttpSiteClientOptions {
  /** `unix:/path` or `http://127.0.0.1:port`. */
  readonly endpoint: string;
  /** Where the agent wants one. */
  readonly token?: string;
  /** An attempt without an answer is given up. @default 15 000 */
  readonly timeoutMs?: number;
}

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

export interface Asked {
  readonly body?: object;
  readonly numbered?: SessionRequest;
  readonly signal?: AbortSignal | undefined;
  /** Nothing changes: an answer that is lost leaves nothing open. */
  readonly isRead?: boolean;
}

export class HttpSiteClient implements SiteClient {
  protected readonly options: HttpSiteClientOptions;
  protected readonly where: { readonly socketPath: string } | { readonly host: string; readonly port: number };
  readonly #agent = new Agent({ keepAlive: true });

  /** Throws SiteError ENDPOINT_INVALID. */
  constructor(options: HttpSiteClientOptions) {
    this.options = options;
    const { endpoint } = options;
    const url = URL.parse(endpoint);
    if (endpoint.startsWith('unix:')) this.where = { socketPath: endpoint.slice(5) };
    else if (url?.protocol === 'http:') this.where = { host: url.hostname, port: Number(url.port || 80) };
    else throw new SiteError('ENDPOINT_INVALID', `The endpoint ${endpoint} is neither unix:/path nor http://127.0.0.1:port`, true);
  }

  /** Ends the connections that are kept open. */
  close(): void {
    this.#agent.destroy();
  }

  async get(key: string, signal?: AbortSignal): Promise<Item | undefined> {
    try {
      return (await this.ask('GET', `/v1/kv/${encodeURIComponent(key)}`, { signal, isRead: true })) as Item;
    } catch (error) {
      if (error instanceof SiteError && error.code === 'KEY_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** Sets one value. Rejects with SiteError. */
  async put(key: string, value: string): Promise<{ readonly revision: number }> {
    return (await this.ask('PUT', `/v1/kv/${encodeURIComponent(key)}`, { body: { value } })) as { readonly revision: number };
  }

  async list(prefix: string, signal?: AbortSignal): Promise<{ readonly revision: number; readonly items: readonly Item[] }> {
    const answer = await this.ask('GET', `/v1/kv?prefix=${encodeURIComponent(prefix)}`, { signal, isRead: true });
    return answer as { readonly revision: number; readonly items: readonly Item[] };
  }

  async transact(
    transaction: KvTransaction,
    { request: numbered, signal }: { readonly request?: SessionRequest; readonly signal?: AbortSignal } = {},
  ): Promise<Transacted> {
    return (await this.ask('POST', '/v1/txn', {
      body: transaction,
      signal,
      ...(numbered === undefined ? {} : { numbered }),
    })) as Transacted;
  }

  async openSession(ttlMs: number): Promise<SessionHandle> {
    return (await this.ask('POST', '/v1/sessions', { body: { ttlMs } })) as SessionHandle;
  }

  async touchSession({ session, ownerEpoch }: SessionClaim): Promise<void> {
    await this.ask('POST', `/v1/sessions/${session}/touch`, { body: { ownerEpoch } });
  }

  async takeSession(session: number): Promise<SessionHandle> {
    return (await this.ask('POST', `/v1/sessions/${session}/revalidate`, {})) as SessionHandle;
  }

  async closeSession(session: number): Promise<void> {
    await this.ask('DELETE', `/v1/sessions/${session}`, {});
  }

  async *watch(prefix: string, after: number, signal: AbortSignal): AsyncGenerator<Change> {
    const response = await this.#open('GET', `/v1/watch?prefix=${encodeURIComponent(prefix)}&after=${after}`, { signal, isRead: true });
    if (response.statusCode !== 200) throw problemInText(response.statusCode ?? 0, await this.#whole(response, true));
    response.setEncoding('utf8');
    let rest = '';
    try {
      for await (const chunk of response as AsyncIterable<string>) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line.startsWith('data: ')) yield JSON.parse(line.slice(6)) as Change;
      }
    } catch (error) {
      if (signal.aborted) throw aborted(true);
      if (error instanceof SyntaxError) throw new SiteError('ANSWER_STRANGE', 'The stream is not an agent’s', true);
    } finally {
      response.destroy();
    }
    throw new SiteError('STREAM_ENDED', 'The agent ended the stream: read again, and watch from there', true);
  }

  /** The body of the answer to a request. Rejects with SiteError. */
  protected async ask(method: Method, path: string, asked: Asked): Promise<unknown> {
    const response = await this.#open(method, path, asked);
    const text = await this.#whole(response, asked.isRead === true);
    const status = response.statusCode ?? 0;
    if (status < 200 || status >= 300) throw problemInText(status, text);
    if (text === '') return undefined;
    try {
      return JSON.parse(text);
    } catch {
      throw new SiteError('ANSWER_STRANGE', `The answer of ${this.options.endpoint} is not JSON: is it an agent?`, false);
    }
  }

  #open(method: Method, path: string, { body, numbered, signal, isRead = false }: Asked): Promise<IncomingMessage> {
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const { token, timeoutMs = 15_000, endpoint } = this.options;
    return new Promise((resolve, reject) => {
      const call = request(
        {
          ...this.where,
          method,
          path,
          agent: this.#agent,
          ...(signal === undefined ? {} : { signal }),
          headers: {
            ...(numbered === undefined ? {} : { 'holdfast-request': headerOf(numbered) }),
            ...(bytes === undefined ? {} : { 'content-type': 'application/json', 'content-length': bytes.length }),
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
        },
        (response) => {
          call.setTimeout(0);
          resolve(response);
        },
      );
      call.setTimeout(timeoutMs, () => call.destroy(new Error(`no answer for ${timeoutMs} ms`)));
      call.on('error', (error: NodeJS.ErrnoException) => {
        if (isUnsent(error)) reject(unreachable(endpoint, error));
        else if (signal?.aborted) reject(aborted(isRead));
        else reject(answerLost(endpoint, error, isRead));
      });
      call.end(bytes);
    });
  }

  async #whole(response: IncomingMessage, isRead: boolean): Promise<string> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch (error) {
      throw answerLost(this.options.endpoint, error as Error, isRead);
    }
    return Buffer.concat(chunks).toString('utf8');
  }
}

const headerOf = ({ session, ownerEpoch, sequence, lowestAwaited }: SessionRequest): string =>
  `session=${session}, owner-epoch=${ownerEpoch}, sequence=${sequence}, lowest-awaited=${lowestAwaited}`;

function problemInText(status: number, text: string): SiteError {
  try {
    return problemIn(status, JSON.parse(text));
  } catch {
    return problemIn(status, undefined);
  }
}
