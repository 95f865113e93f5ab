/** Asks a box over its Unix socket, as any program on the box could. */
import { request } from 'node:http';
import type { NodesDocument, PlacementsDocument, StatusDocument, WorkloadsDocument } from '../../schemas/generated/types.ts';
import type { Box } from './box.ts';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export function ask(box: Box, method: string, path: string, body?: string | Uint8Array): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const call = request({ socketPath: box.socket, method, path, headers, timeout: 15_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
      response.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error(`${box.name} does not answer ${method} ${path}`)));
    call.on('error', (error: NodeJS.ErrnoException) => reject(new Error(`${box.name}: ${error.code ?? error.message}`)));
    call.end(body);
  });
}

async function get<T>(box: Box, path: string): Promise<T> {
  const answer = await ask(box, 'GET', path);
  if (answer.status !== 200) throw new Error(`${box.name} answers ${answer.status} to ${path}: ${answer.body.slice(0, 300)}`);
  return JSON.parse(answer.body) as T;
}

export const getStatus = (box: Box): Promise<StatusDocument> => get(box, '/status');
export const getNodes = (box: Box): Promise<NodesDocument> => get(box, '/v1/nodes');
export const getWorkloads = (box: Box): Promise<WorkloadsDocument> => get(box, '/v1/workloads');
export const getPlacements = (box: Box): Promise<PlacementsDocument> => get(box, '/v1/placements');
export const getJson = (box: Box, path: string): Promise<Record<string, unknown>> => get(box, path);

/** Writes a value and returns its revision; throws when it was not acknowledged. */
export async function putValue(box: Box, key: string, value: string): Promise<number> {
  const answer = await ask(box, 'PUT', `/v1/kv/${encodeURIComponent(key)}`, JSON.stringify({ value }));
  if (answer.status !== 200) throw new Error(`${box.name} answers ${answer.status} to a write: ${answer.body.slice(0, 300)}`);
  return (JSON.parse(answer.body) as { revision: number }).revision;
}

/** Reads a value linearizably. */
export async function getValue(box: Box, key: string): Promise<string> {
  return (await get<{ value: string }>(box, `/v1/kv/${encodeURIComponent(key)}`)).value;
}
