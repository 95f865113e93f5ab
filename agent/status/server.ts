/** The local HTTP interface: a Unix socket, whose file permission is the key, and loopback, where writes need the token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { chmodSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { ProblemDetails } from '../../schemas/generated/types.ts';
import type { Log, Startable } from '../ports.ts';
import { type AgentApi, ApiError } from './agent-api.ts';
import { type Exchange, problemOf } from './exchange.ts';
import { HttpExchange } from './http-exchange.ts';
import { Pipe, pipePath, pipeProtocol } from './pipe.ts';
import { Router } from './router.ts';
import { routesOf } from './routes.ts';

export interface StatusServerComponents {
  readonly api: AgentApi;
  readonly log: Log;
}

export interface StatusServerOptions {
  /** Path of the Unix socket. */
  readonly socket: string;
  readonly host: string;
  /** 0: no TCP at all. */
  readonly port: number;
  /** Without one, writes are taken on the Unix socket only. */
  readonly token: string | undefined;
  /** Milliseconds a client has to send its headers; a connection that sends nothing ends too. @default 10000 */
  readonly headersMs?: number;
  /** Milliseconds a client has to send a whole request: artefacts are large. @default 120000 */
  readonly requestMs?: number;
}

/** An endpoint cannot be served. The message says why and what to do. */
export class EndpointError extends Error {
  readonly code: 'PORT_IN_USE' | 'LISTEN_FAILED';
  constructor(code: 'PORT_IN_USE' | 'LISTEN_FAILED', message: string) {
    super(message);
    this.code = code;
  }
}

const loopbackHost = /^(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?$/i;
/** A key of the longest, each of its characters percent-encoded. */
const targetBytesMax = 8192;
export const connectionsMax = 1024;

/** What Node refuses before there is a request to answer. */
const brokenRequests: Readonly<Record<string, readonly [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'HEADERS_TOO_LARGE', 'Headers have at most 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'REQUEST_TIMEOUT', 'The request did not come in time'],
};

export class StatusServer implements Startable {
  readonly #log: Log;
  readonly #options: StatusServerOptions;
  readonly #router: Router;
  readonly #servers: Server[] = [];
  readonly #pipes = new Set<Socket>();

  constructor({ api, log }: StatusServerComponents, options: StatusServerOptions) {
    this.#log = log;
    this.#options = options;
    this.#router = new Router(routesOf(api));
  }

  /** Rejects with EndpointError. */
  async start(): Promise<void> {
    const { socket, host, port } = this.#options;
    await removeStale(socket);
    await this.#listen(this.#make(true), { path: socket }, socket);
    chmodSync(socket, 0o660);
    if (port > 0) await this.#listen(this.#make(false), { host, port }, `${host}:${port}`);
  }

  async stop(): Promise<void> {
    for (const socket of this.#pipes) socket.destroy();
    await Promise.all(
      this.#servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      ),
    );
  }

  /** @param trusted whoever can open it may change things. */
  #make(trusted: boolean): Server {
    const { headersMs = 10_000, requestMs = 120_000 } = this.#options;
    const server = createServer(
      {
        headersTimeout: headersMs,
        requestTimeout: requestMs,
        connectionsCheckingInterval: Math.min(headersMs / 2, 5000),
        keepAliveTimeout: 30_000,
        shouldUpgradeCallback: ({ url, headers }) => url === pipePath && headers.upgrade?.toLowerCase() === pipeProtocol,
      },
      (request, response) => void this.#serve(request, response, trusted),
    );
    server.maxConnections = connectionsMax;
    server.on('clientError', refuseBroken);
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as Socket, head, trusted));
    return server;
  }

  #listen(
    server: Server,
    where: { readonly path: string } | { readonly host: string; readonly port: number },
    name: string,
  ): Promise<void> {
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        const inUse = error.code === 'EADDRINUSE';
        reject(
          new EndpointError(
            inUse ? 'PORT_IN_USE' : 'LISTEN_FAILED',
            inUse
              ? `${name} is in use: stop what listens there, or set another /status/port`
              : `Cannot listen on ${name} (${error.code ?? error.message}): check /status`,
          ),
        );
      });
      server.listen(where, () => resolve());
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse, trusted: boolean): Promise<void> {
    const method = request.method ?? 'GET';
    await this.#route(
      method,
      request.url ?? '/',
      (query, params) => new HttpExchange(request, response, query, params),
      () => {
        if (!trusted) this.#admit(request, method !== 'GET' && method !== 'HEAD');
      },
    );
  }

  /** A pipe may change things: over TCP it needs the token as a whole. */
  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer, trusted: boolean): void {
    try {
      if (!trusted) this.#admit(request, true);
    } catch (error) {
      const { problem } = problemOf(error);
      socket.end(rawProblem(problem));
      return;
    }
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${pipeProtocol}\r\n\r\n`);
    this.#pipes.add(socket);
    socket.once('close', () => this.#pipes.delete(socket));
    new Pipe(socket, head, (asked, make) => this.#route(asked.method, asked.path, make));
  }

  /** Never rejects: failures are answered. */
  async #route(
    method: string,
    raw: string,
    make: (query: string, params: readonly string[]) => Exchange,
    admit: () => void = () => {},
  ): Promise<void> {
    let exchange: Exchange | undefined;
    try {
      if (!raw.startsWith('/') || raw.length > targetBytesMax)
        throw new ApiError(400, 'PATH_INVALID', `A request target is a path of at most ${targetBytesMax} characters`);
      admit();
      // Not by URL: it would take a key of two dots for the parent directory.
      const at = raw.indexOf('?');
      const { route, params } = this.#router.find(method, at === -1 ? raw : raw.slice(0, at));
      exchange = make(at === -1 ? '' : raw.slice(at + 1), params);
      await route.handle(exchange);
    } catch (error) {
      if (!(error instanceof ApiError))
        this.#log.error('status.request.failed', {
          method,
          path: raw.slice(0, 200),
          message: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
      (exchange ?? make('', [])).problem(error);
    }
  }

  /** Over TCP any program of the box, and any page in a browser on it, could ask. Throws ApiError. */
  #admit(request: IncomingMessage, isWrite: boolean): void {
    if (!loopbackHost.test(request.headers.host ?? ''))
      throw new ApiError(403, 'HOST_REFUSED', 'Ask by a loopback address: other names may be somebody else’s page');
    if (!isWrite) return;
    const { token } = this.#options;
    if (token === undefined) throw new ApiError(403, 'WRITE_REFUSED', 'Writes are taken on the Unix socket: use it, or set /status/token');
    if (!isSame(request.headers.authorization ?? '', `Bearer ${token}`))
      throw new ApiError(401, 'TOKEN_REFUSED', 'Send the token of /status/token: Authorization: Bearer …', true, {
        'www-authenticate': 'Bearer',
      });
  }
}

/** Without telling by the time it takes how much of a guess was right. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

function refuseBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, code, detail] = brokenRequests[error.code ?? ''] ?? [400, 'REQUEST_MALFORMED', 'This is no HTTP request'];
  const problem: ProblemDetails = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, code, detail, definite: true };
  // What the client still sends is not waited for.
  socket.end(rawProblem(problem), () => socket.destroy());
}

function rawProblem(problem: ProblemDetails): string {
  const body = JSON.stringify(problem);
  const head = `HTTP/1.1 ${problem.status} ${problem.title}\r\ncontent-type: application/problem+json`;
  return `${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
}

/** Removes a socket nobody listens on. One that answers is left, and listening then fails. Rejects with EndpointError. */
function removeStale(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      try {
        if (error.code === 'ECONNREFUSED') unlinkSync(path);
        resolve();
      } catch (cause) {
        const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
        reject(
          new EndpointError('LISTEN_FAILED', `Cannot remove ${path}, left by an earlier run (${reason}): check its directory and disk`),
        );
      }
    });
  });
}
