/** What can be asked, and by which method of the agent it is answered. */
import type { WorkloadFile } from '../../schemas/generated/types.ts';
import { checkDocument, describeProblems } from '../../schemas/validate.ts';
import { sessionTtlMs } from '../state/session-table.ts';
import { type AgentApi, ApiError } from './agent-api.ts';
import { claimIn, isCount } from './bodies.ts';
import { EventStreams } from './event-stream.ts';
import type { Exchange } from './exchange.ts';
import { kvRoutes } from './kv-routes.ts';
import { maintenanceRoutes } from './maintenance-routes.ts';
import { memberRoutes } from './member-routes.ts';
import { openApi } from './open-api.ts';
import { pipePath, pipeProtocol } from './pipe.ts';
import type { Route } from './router.ts';

const artefactBytesMax = 1024 * 1024 * 1024;
const sha256 = /^[0-9a-f]{64}$/;

export function routesOf(api: AgentApi): readonly Route[] {
  const streams = new EventStreams(api.events);
  const get = (path: string, summary: string, handle: Route['handle'], answer?: string): Route => ({
    method: 'GET',
    path,
    summary,
    handle,
    ...(answer === undefined ? {} : { answer }),
  });
  /** A document that may be waited for: `?wait=REVISION&timeoutMs=`. */
  const document = (path: string, summary: string, answer: string, read: () => object): Route =>
    get(
      path,
      summary,
      async (exchange) => {
        await waitAsAsked(api, exchange);
        exchange.document(read());
      },
      answer,
    );
  const routes: Route[] = [
    document('/status', 'How this agent and its site are.', 'StatusDocument', () => api.status()),
    get('/livez', 'The process answers.', (exchange) => exchange.text('text/plain', 'ok\n')),
    get('/readyz', 'This box takes part in the site: 200, or 503 with the reasons.', (exchange) => {
      const { ready, reasons } = api.ready();
      exchange.result({ ready, reasons }, ready ? 200 : 503);
    }),
    get('/metrics', 'Figures for Prometheus.', async (exchange) => exchange.text('text/plain; version=0.0.4', await api.metrics())),
    get('/openapi.json', 'This list, for machines.', (exchange) => exchange.document(openApi(routes))),
    document('/v1/nodes', 'All known boxes with topology and health.', 'NodesDocument', () => api.nodes()),
    document('/v1/workloads', 'Workloads and what becomes of their replicas.', 'WorkloadsDocument', () => api.workloads()),
    document('/v1/placements', 'All placements in force.', 'PlacementsDocument', () => api.placements()),
    get('/v1/plan', 'The plan in force with its terms and alternatives.', (exchange) => {
      const plan = api.plan();
      if (plan === undefined) throw new ApiError(404, 'NO_PLAN', 'There is no plan yet: apply a workload first');
      exchange.document(plan);
    }),
    get('/v1/plan/problem', 'The site as a placement problem, as it would be planned now.', async (exchange) =>
      exchange.document(await api.problem()),
    ),
    document('/v1/decisions', 'Why plans were made, and what became of them, newest last.', 'DecisionsDocument', () => api.decisions()),
    get('/v1/placements/{}/explain', 'Why the replicas of a workload are where they are.', async (exchange) =>
      exchange.result(await api.explain(exchange.param(0))),
    ),
    get('/v1/workloads/{}/logs', 'Newest output of a workload.', async (exchange) => {
      const replica = exchange.count('replica', 15);
      const logs = await api.logs(exchange.param(0), {
        lines: exchange.count('lines', 10_000) ?? 100,
        ...(replica === undefined ? {} : { replica }),
      });
      exchange.result({ logs });
    }),
    ...kvRoutes(api),
    ...memberRoutes(api),
    ...maintenanceRoutes(api),
    {
      method: 'POST',
      path: '/v1/leadership/transfer',
      summary: 'Asks the leader to hand over: {to?}.',
      handle: async (exchange) => {
        const { to } = ((await exchange.json()) ?? {}) as Readonly<Record<string, unknown>>;
        if (to !== undefined && typeof to !== 'string') throw new ApiError(400, 'BODY_INVALID', '/to must be the name of a box');
        exchange.result(await api.transferLeadership(to));
      },
    },
    get('/v1/sessions', 'Sessions of clients, with their owners and number of keys.', (exchange) => exchange.result(api.sessions())),
    {
      method: 'POST',
      path: '/v1/sessions',
      summary: 'Opens a session: {ttlMs?}. Answers {session, ownerEpoch, ttlMs}.',
      handle: (exchange) => openSession(api, exchange),
    },
    {
      method: 'POST',
      path: '/v1/sessions/{}/touch',
      summary: 'Renews a session: {ownerEpoch}. Writes nothing.',
      handle: (exchange) => touchSession(api, exchange),
    },
    {
      method: 'POST',
      path: '/v1/sessions/{}/revalidate',
      summary: 'Takes a session over to this box, with its keys.',
      handle: async (exchange) => exchange.result(await api.sessionMove(sessionIn(exchange))),
    },
    {
      method: 'DELETE',
      path: '/v1/sessions/{}',
      summary: 'Closes a session and deletes its keys.',
      handle: async (exchange) => exchange.result(await api.sessionClose(sessionIn(exchange))),
    },
    {
      method: 'POST',
      path: '/v1/workloads',
      summary: 'Applies a workload file.',
      handle: async (exchange) => exchange.result(await api.applyWorkloads(await workloadFile(exchange))),
    },
    {
      method: 'DELETE',
      path: '/v1/workloads/{}',
      summary: 'Deletes a workload.',
      handle: async (exchange) => exchange.result(await api.deleteWorkload(exchange.param(0))),
    },
    {
      method: 'POST',
      path: '/v1/plan',
      summary: 'What would be planned for a workload file; changes nothing.',
      handle: async (exchange) => exchange.result(await api.dryRun(await workloadFile(exchange))),
    },
    {
      method: 'HEAD',
      path: '/v1/artefacts/{}',
      summary: 'Whether this box holds an artefact.',
      handle: (exchange) => exchange.empty(api.hasArtefact(digest(exchange)) ? 200 : 404),
    },
    {
      method: 'PUT',
      path: '/v1/artefacts/{}',
      summary: 'Stores an artefact under its SHA-256.',
      handle: (exchange) => putArtefact(api, exchange),
    },
    get(pipePath, `Many requests at a time on one connection: asked for with Upgrade: ${pipeProtocol}.`, () => {
      throw new ApiError(426, 'UPGRADE_REQUIRED', `Ask with Upgrade: ${pipeProtocol}`, true, {
        upgrade: pipeProtocol,
        connection: 'Upgrade',
      });
    }),
    get('/v1/events', 'Events as they happen (server-sent), resumable by Last-Event-ID.', (exchange) => streams.serve(exchange)),
  ];
  return routes;
}

async function waitAsAsked(api: AgentApi, exchange: Exchange): Promise<void> {
  const wait = exchange.count('wait', Number.MAX_SAFE_INTEGER);
  if (wait === undefined || api.revision() >= wait) return;
  const timeoutMs = exchange.count('timeoutMs', 600_000) ?? 30_000;
  if (!(await api.waitForRevision(wait, timeoutMs, exchange.gone)))
    throw new ApiError(504, 'REVISION_NOT_REACHED', `This box is at revision ${api.revision()}, not yet at ${wait}`);
}

function sessionIn(exchange: Exchange): number {
  const session = Number(exchange.param(0));
  if (!isCount(session)) throw new ApiError(400, 'SESSION_INVALID', 'A session is named by its number');
  return session;
}

async function openSession(api: AgentApi, exchange: Exchange): Promise<void> {
  const { ttlMs = sessionTtlMs.default, ...others } = ((await exchange.json()) ?? {}) as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(others)) throw new ApiError(400, 'BODY_INVALID', `/${key.slice(0, 100)} is not a known key: ttlMs is`);
  if (!isCount(ttlMs)) throw new ApiError(400, 'BODY_INVALID', `/ttlMs must be a whole number of milliseconds`);
  exchange.result(await api.sessionOpen(ttlMs));
}

async function touchSession(api: AgentApi, exchange: Exchange): Promise<void> {
  const { ownerEpoch } = ((await exchange.json()) ?? {}) as Readonly<Record<string, unknown>>;
  api.sessionTouch(claimIn({ session: sessionIn(exchange), ownerEpoch }, ''));
  exchange.empty(204);
}

async function workloadFile(exchange: Exchange): Promise<WorkloadFile> {
  const checked = checkDocument('WorkloadFile', await exchange.json());
  if (!checked.ok) throw new ApiError(422, 'WORKLOADS_INVALID', describeProblems(checked.problems));
  const seen = new Set<string>();
  for (const { name } of checked.value.workloads) {
    if (seen.has(name)) throw new ApiError(422, 'WORKLOADS_INVALID', `Workload ${name} is there twice: give each its own name`);
    seen.add(name);
  }
  return checked.value;
}

function digest(exchange: Exchange): string {
  const value = exchange.param(0);
  if (!sha256.test(value))
    throw new ApiError(400, 'DIGEST_INVALID', 'An artefact is named by its SHA-256: 64 lower-case hexadecimal digits');
  return value;
}

async function putArtefact(api: AgentApi, exchange: Exchange): Promise<void> {
  const bytes = Number(exchange.header('content-length'));
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new ApiError(411, 'LENGTH_REQUIRED', 'An artefact is sent with its Content-Length');
  if (bytes > artefactBytesMax) throw new ApiError(413, 'BODY_TOO_LARGE', `An artefact has at most ${artefactBytesMax} bytes`);
  await api.putArtefact(digest(exchange), bytes, exchange.http().request as AsyncIterable<Uint8Array>);
  exchange.result({ stored: true });
}
