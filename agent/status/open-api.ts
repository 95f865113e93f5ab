/** The route table as an OpenAPI 3.1 document. */
import type { Route } from './router.ts';

export function openApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, path, summary, answer, body, isOnce } of routes) {
    const named = path.replace('{}', '{name}');
    const item = paths[named] ?? {};
    paths[named] = item;
    const parameters = [
      ...(path.includes('{}') ? [{ name: 'name', in: 'path', required: true, schema: { type: 'string' } }] : []),
      ...(isOnce === true ? onceHeaders : []),
    ];
    item[method.toLowerCase()] = {
      summary,
      ...(parameters.length === 0 ? {} : { parameters }),
      ...(body === undefined ? {} : { requestBody: { content: { 'application/json': { schema: { $ref: schemaUrl(body) } } } } }),
      responses: {
        200: {
          description: 'As asked.',
          ...(answer === undefined ? {} : { content: { 'application/json': { schema: { $ref: schemaUrl(answer) } } } }),
        },
        default: { description: 'Refused.', content: { 'application/problem+json': { schema: { $ref: schemaUrl('ProblemDetails') } } } },
      },
    };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Holdfast agent', version: '1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
  };
}

const onceHeaders = [
  {
    name: 'Holdfast-Request',
    in: 'header',
    description:
      'session=N, owner-epoch=N, sequence=N, lowest-awaited=N: done once for each sequence, however often it is sent, until the session ends.',
    schema: { type: 'string' },
  },
  {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'Done once for each key, as long as it is among the newest 4096.',
    schema: { type: 'string', minLength: 1, maxLength: 128 },
  },
] as const;

const fileOf: Readonly<Record<string, string>> = {
  StatusDocument: 'status',
  MaintenanceDocument: 'maintenance',
  MaintenanceOrder: 'maintenance-order',
  DecisionsDocument: 'decisions',
  KvTransaction: 'kv-transaction',
  MemberChange: 'member-change',
  MembersDocument: 'members',
  NodesDocument: 'nodes',
  WorkloadsDocument: 'workloads',
  PlacementsDocument: 'placements',
  ProblemDetails: 'problem-details',
};

function schemaUrl(title: string): string {
  return `https://holdfast.dev/schemas/${fileOf[title] ?? title}.schema.json`;
}
