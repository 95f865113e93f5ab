/** The local HTTP interface: a Unix socket, whose file permission is the key, and loopback, where writes need the token. */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Log, Startable } from '../ports.ts';
import { type AgentApi, ApiError } from './agent-api.ts';
import { Exchange } from './exchange.ts';
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
}

/** An endpoint cannot be served. The message says why and what to do. */
export class EndpointError extends Error {
  readonly code: 'PORT_IN_USE' | 'LISTEN_FAILED';
  constructor(code: 'PORT_IN_USE' | 'LISTEN_FAILED', message: string) {
    super(message);
    this.code = code;
  }
}

const loopbackHost = /^(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?$/;

export class StatusServer implements Startable {
  readonly #log: Log;
  readonly #options: StatusServerOptions;
  readonly #router: Router;
  readonly #servers: Server[] = [];

  constructor({ api, log }: StatusServerComponents, options: StatusServerOptions) {
    this.#log = log;
    this.#options = options;
    this.#router = new Router(routesOf(api));
  }

  /** Rejects with EndpointError. */
  async start(): Promise<void> {
    const { socket, host, port } = this.#options;
    await removeStale(socket);
    await this.#listen(
      createServer((request, response) => void this.#serve(request, response, true)),
      { path: socket },
      socket,
    );
    chmodSync(socket, 0o660);
    if (port > 0)
      await this.#listen(
        createServer((request, response) => void this.#serve(request, response, false)),
        { host, port },
        `${host}:${port}`,
      );
  }

  async stop(): Promise<void> {
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

  #listen(
    server: Server,
    where: { readonly path: string } | { readonly host: string; readonly port: number },
    name: string,
  ): Promise<void> {
    server.headersTimeout = 10_000;
    server.requestTimeout = 120_000;
    server.keepAliveTimeout = 30_000;
    server.maxConnections = 1024;
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
    const raw = request.url ?? '/';
    let exchange = new Exchange(request, response, new URL('http://localhost/'), []);
    try {
      const url = URL.parse(raw, 'http://localhost');
      if (url === null || raw.length > 4096) throw new ApiError(400, 'PATH_INVALID', 'The request target is not a well-formed path');
      if (!trusted) this.#admit(request, method);
      const { route, params } = this.#router.find(method, url.pathname);
      exchange = new Exchange(request, response, url, params);
      await route.handle(exchange);
    } catch (error) {
      if (!(error instanceof ApiError))
        this.#log.error('status.request.failed', {
          method,
          path: raw.slice(0, 200),
          message: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
      exchange.problem(error);
    }
  }

  /** Over TCP any program of the box, and any page in a browser on it, could ask. Throws ApiError. */
  #admit(request: IncomingMessage, method: string): void {
    if (!loopbackHost.test(request.headers.host ?? ''))
      throw new ApiError(403, 'HOST_REFUSED', 'Ask by a loopback address: other names may be somebody else’s page');
    if (method === 'GET' || method === 'HEAD') return;
    const { token } = this.#options;
    if (token === undefined) throw new ApiError(403, 'WRITE_REFUSED', 'Writes are taken on the Unix socket: use it, or set /status/token');
    if (request.headers.authorization !== `Bearer ${token}`)
      throw new ApiError(401, 'TOKEN_REFUSED', 'Send the token of /status/token: Authorization: Bearer …');
  }
}

/** Removes a socket nobody listens on. One that answers is left, and listening then fails. */
function removeStale(path: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') rmSync(path, { force: true });
      resolve();
    });
  });
}
