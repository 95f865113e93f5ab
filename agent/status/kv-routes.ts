/** Values the site agrees on, over HTTP. */
import { checkDocument, describeProblems } from '../../schemas/validate.ts';
import { type AgentApi, ApiError } from './agent-api.ts';
import { claimIn, isCount } from './bodies.ts';
import type { Exchange } from './exchange.ts';
import { KvWatches } from './kv-watches.ts';
import type { Route } from './router.ts';

export function kvRoutes(api: AgentApi): readonly Route[] {
  const watches = new KvWatches(api.watchLog);
  return [
    { method: 'GET', path: '/v1/kv', summary: 'Values whose key begins with ?prefix=.', handle: (exchange) => listValues(api, exchange) },
    {
      method: 'DELETE',
      path: '/v1/kv',
      summary: 'Deletes all values whose key begins with ?prefix=.',
      isOnce: true,
      handle: (exchange) => deleteValues(api, exchange),
    },
    {
      method: 'GET',
      path: '/v1/kv/{}',
      summary: 'One value, linearizable; with ?stale=true as this box has it, with its revision and age.',
      handle: (exchange) => getValue(api, exchange),
    },
    {
      method: 'PUT',
      path: '/v1/kv/{}',
      summary: 'Sets a value: {value, expectRevision?, session?, sequential?}.',
      isOnce: true,
      handle: (exchange) => putValue(api, exchange),
    },
    {
      method: 'DELETE',
      path: '/v1/kv/{}',
      summary: 'Deletes a value; with ?expectRevision= only at that revision.',
      isOnce: true,
      handle: (exchange) => deleteValue(api, exchange),
    },
    {
      method: 'POST',
      path: '/v1/txn',
      summary: 'Changes several values together, when all guards hold, or none: {guards?, operations}.',
      body: 'KvTransaction',
      isOnce: true,
      handle: (exchange) => transact(api, exchange),
    },
    {
      method: 'GET',
      path: '/v1/watch',
      summary: 'Changes of values as they happen (server-sent): ?prefix= and ?after=REVISION.',
      handle: (exchange) => watches.serve(exchange),
    },
  ];
}

async function listValues(api: AgentApi, exchange: Exchange): Promise<void> {
  const stale = exchange.query('stale') === 'true';
  const list = await api.kvList(exchange.query('prefix') ?? '', stale);
  exchange.result({ ...list, ...(stale ? { stale: api.staleness() } : {}) });
}

async function getValue(api: AgentApi, exchange: Exchange): Promise<void> {
  const key = exchange.param(0);
  const stale = exchange.query('stale') === 'true';
  const value = await api.kvGet(key, stale);
  if (value === undefined) throw new ApiError(404, 'KEY_NOT_FOUND', `There is no key ${key.slice(0, 200)}`);
  exchange.result({ ...value, ...(stale ? { stale: api.staleness() } : {}) });
}

async function putValue(api: AgentApi, exchange: Exchange): Promise<void> {
  const body = await exchange.json();
  if (typeof body !== 'object' || body === null) throw new ApiError(400, 'BODY_INVALID', 'The body must be an object: {"value": "…"}');
  const { value, expectRevision, session, sequential, ...others } = body as Readonly<Record<string, unknown>>;
  // A misspelt expectRevision would otherwise set the value whatever is there.
  for (const key of Object.keys(others))
    throw new ApiError(400, 'BODY_INVALID', `/${key.slice(0, 100)} is not a known key: value, expectRevision, session and sequential are`);
  if (typeof value !== 'string') throw new ApiError(400, 'BODY_INVALID', '/value must be a string');
  if (expectRevision !== undefined && !isCount(expectRevision))
    throw new ApiError(400, 'BODY_INVALID', '/expectRevision must be a whole number (0: the key must not exist)');
  if (sequential !== undefined && typeof sequential !== 'boolean')
    throw new ApiError(400, 'BODY_INVALID', '/sequential must be true or false');
  const options = {
    ...(expectRevision === undefined ? {} : { expectRevision }),
    ...(session === undefined ? {} : { session: claimIn(session, '/session') }),
    ...(sequential === undefined ? {} : { sequential }),
  };
  exchange.result(await api.kvPut(exchange.param(0), value, options, exchange.sender()));
}

async function deleteValue(api: AgentApi, exchange: Exchange): Promise<void> {
  const expectRevision = exchange.count('expectRevision', Number.MAX_SAFE_INTEGER);
  const options = expectRevision === undefined ? {} : { expectRevision };
  exchange.result(await api.kvDelete(exchange.param(0), options, exchange.sender()));
}

async function deleteValues(api: AgentApi, exchange: Exchange): Promise<void> {
  const prefix = exchange.query('prefix') ?? '';
  if (prefix === '') throw new ApiError(400, 'QUERY_INVALID', '?prefix= is missing: say which values are to be deleted');
  const { revision, results } = await api.kvTransact({ operations: [{ type: 'deletePrefix', prefix }] }, exchange.sender());
  exchange.result({ revision, deleted: results[0]?.deleted ?? 0 });
}

async function transact(api: AgentApi, exchange: Exchange): Promise<void> {
  const checked = checkDocument('KvTransaction', await exchange.json());
  if (!checked.ok) throw new ApiError(400, 'BODY_INVALID', describeProblems(checked.problems));
  exchange.result(await api.kvTransact(checked.value, exchange.sender()));
}
