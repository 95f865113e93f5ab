/** The route table as an OpenAPI 3.1 document. */
import type { Route } from './router.ts';

export function openApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, path, summary, answer, body } of routes) {
    const named = path.replace('{}', '{name}');
    const item = paths[named] ?? {};
    paths[named] = item;
    item[method.toLowerCase()] = {
      summary,
      ...(path.includes('{}') ? { parameters: [{ name: 'name', in: 'path', required: true, schema: { type: 'string' } }] } : {}),
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

const fileOf: Readonly<Record<string, string>> = {
  StatusDocument: 'status',
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
