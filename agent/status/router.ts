/** A table of routes: method, path pattern, handler. One `{}` in a pattern takes one path segment. */
import { ApiError } from './agent-api.ts';
import type { Exchange } from './exchange.ts';

export interface Route {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  /** One sentence, for /openapi.json. */
  readonly summary: string;
  /** Title of the schema of the answer, when it has one. */
  readonly answer?: string;
  /** Title of the schema of the body, when it has one. */
  readonly body?: string;
  /** May be sent again without being done again: it takes the headers for that. */
  readonly isOnce?: boolean;
  readonly handle: (exchange: Exchange) => void | Promise<void>;
}

interface Compiled {
  readonly pattern: RegExp;
  readonly methods: Map<string, Route>;
}

export class Router {
  readonly #exact = new Map<string, Compiled>();
  readonly #patterns: Compiled[] = [];

  constructor(routes: readonly Route[]) {
    const byPath = new Map<string, Compiled>();
    for (const route of routes) {
      const known = byPath.get(route.path);
      const compiled = known ?? { pattern: compile(route.path), methods: new Map<string, Route>() };
      compiled.methods.set(route.method, route);
      if (known !== undefined) continue;
      byPath.set(route.path, compiled);
      if (route.path.includes('{}')) this.#patterns.push(compiled);
      else this.#exact.set(route.path, compiled);
    }
  }

  /** Throws ApiError ROUTE_UNKNOWN or METHOD_NOT_ALLOWED. */
  find(method: string, pathname: string): { readonly route: Route; readonly params: readonly string[] } {
    let params: readonly string[] = [];
    let found = this.#exact.get(pathname);
    if (found === undefined) {
      for (const candidate of this.#patterns) {
        const match = candidate.pattern.exec(pathname);
        if (match === null) continue;
        found = candidate;
        params = match.slice(1).map(decode);
        break;
      }
    }
    if (found === undefined) throw new ApiError(404, 'ROUTE_UNKNOWN', `There is nothing at ${pathname.slice(0, 200)}: see /openapi.json`);
    const route = found.methods.get(method) ?? (method === 'HEAD' ? found.methods.get('GET') : undefined);
    if (route === undefined) {
      const allowed = [...found.methods.keys()].join(', ');
      throw new ApiError(405, 'METHOD_NOT_ALLOWED', `${pathname.slice(0, 200)} takes ${allowed}`, true, { allow: allowed });
    }
    return { route, params };
  }
}

function compile(path: string): RegExp {
  return new RegExp(
    `^${path
      .split('{}')
      .map((part) => part.replace(/[.*+?^$()|[\]\\]/g, '\\$&'))
      .join('([^/]+)')}$`,
  );
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ApiError(400, 'PATH_INVALID', `${segment.slice(0, 100)} is not a well-formed path segment`);
  }
}
