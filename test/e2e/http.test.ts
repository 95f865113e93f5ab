import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { connect, createServer } from 'node:net';
import { done, notYet, until } from '../../agent/demo/until.ts';
import type { AllDocuments } from '../../schemas/generated/types.ts';
import { checkDocument, describeProblems } from '../../schemas/validate.ts';
import { LoneAgent } from './agent-process.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

function ask(options: RequestOptions, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = httpRequest({ agent: new Agent(), timeout: 15_000, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }),
      );
      response.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error('no answer')));
    call.on('error', reject);
    call.end(body);
  });
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

describe('the HTTP interface of a running agent', () => {
  const lone = new LoneAgent();
  let port: number;
  const get = (path: string, headers: RequestOptions['headers'] = {}): Promise<Answer> => ask({ socketPath: lone.socket, path, headers });
  const send = (method: string, path: string, body: unknown, headers: RequestOptions['headers'] = {}): Promise<Answer> =>
    ask(
      { socketPath: lone.socket, method, path, headers: { 'content-type': 'application/json', ...headers } },
      typeof body === 'string' ? body : JSON.stringify(body),
    );
  const overTcp = (path: string, options: RequestOptions = {}, body?: string): Promise<Answer> =>
    ask({ host: '127.0.0.1', port, path, ...options }, body);

  before(async function () {
    this.timeout(40_000);
    port = await freePort();
    lone.write(await lone.config({ status: { socket: lone.socket, port, token: 'a-token-of-the-plant' } }));
    await lone.start();
    const { code } = await lone.cli(['kv', 'put', 'colour', 'red']);
    assert.equal(code, 0);
  });
  after(() => lone.remove());

  const documents: readonly [string, keyof AllDocuments][] = [
    ['/status', 'StatusDocument'],
    ['/v1/nodes', 'NodesDocument'],
    ['/v1/workloads', 'WorkloadsDocument'],
    ['/v1/placements', 'PlacementsDocument'],
    ['/v1/decisions', 'DecisionsDocument'],
    ['/v1/maintenance', 'MaintenanceDocument'],
  ];
  for (const [path, name] of documents) {
    it(`D1 D4: ${path} is a valid ${name}`, async () => {
      const { status, headers, text } = await get(path);
      assert.equal(status, 200);
      assert.equal(headers['content-type'], 'application/json');
      const checked = checkDocument(name, JSON.parse(text));
      assert.ok(checked.ok, checked.ok ? '' : describeProblems(checked.problems));
    });
  }

  it('D4: answers for probes and for Prometheus', async () => {
    assert.equal((await get('/livez')).text, 'ok\n');
    assert.deepEqual(JSON.parse((await get('/readyz')).text), { ready: true, reasons: [] });
    const { text, headers } = await get('/metrics');
    assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
    assert.ok(text.endsWith('\n'));
    const explained = new Set<string>();
    const seen = new Set<string>();
    for (const line of text.split('\n').filter((one) => one !== '')) {
      const told = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
      if (told !== null) {
        if (told[1] === 'TYPE') assert.match(told[3] ?? '', /^(counter|gauge|histogram|summary)$/);
        explained.add(`${told[1]} ${told[2]}`);
        continue;
      }
      const [, series = '', name = '', value] =
        /^(([a-zA-Z_:][\w:]*)(?:\{[a-z_]\w*="[^"\\\n]*"(?:,[a-z_]\w*="[^"\\\n]*")*\})?) (\S+)$/.exec(line) ?? assert.fail(line);
      assert.ok(value === 'Nan' || value === '+Inf' || value === '-Inf' || Number.isFinite(Number(value)), line);
      const family = explained.has(`TYPE ${name}`) ? name : name.replace(/_(bucket|sum|count)$/, '');
      assert.ok(explained.has(`TYPE ${family}`) && explained.has(`HELP ${family}`), `${name} comes after its HELP and TYPE`);
      assert.ok(!seen.has(series), `${series} is there once`);
      seen.add(series);
    }
    for (const name of ['holdfast_term', 'holdfast_is_leader', 'holdfast_authority{mode="autonomous"}', 'process_resident_memory_bytes'])
      assert.ok(seen.has(name), name);
  });

  it('D1: lists every route for machines', async () => {
    const { paths } = JSON.parse((await get('/openapi.json')).text) as { paths: Record<string, Record<string, unknown>> };
    for (const path of ['/status', '/v1/kv/{p0}', '/v1/events', '/v1/workloads', '/metrics'])
      assert.ok(
        Object.keys(paths).some((known) => known.replace(/\{[^}]*\}/g, '{}') === path.replace(/\{[^}]*\}/g, '{}')),
        path,
      );
  });

  it('D4: says so when a document is unchanged', async () => {
    const first = await get('/v1/placements');
    const again = await get('/v1/placements', { 'if-none-match': first.headers.etag ?? '' });
    assert.equal(again.status, 304);
    assert.equal(again.text, '');
    assert.equal((await get('/v1/placements', { 'if-none-match': '"another"' })).status, 200);
  });

  it('C12: waits for a revision, and says when it does not come', async () => {
    const { revision } = JSON.parse((await get('/v1/kv/colour')).text) as { revision: number };
    let answered = false;
    const waiting = get(`/v1/placements?wait=${revision + 1}&timeoutMs=60000`).finally(() => {
      answered = true;
    });
    await get('/livez');
    assert.equal(answered, false);
    await send('PUT', '/v1/kv/other', { value: 'x' });
    assert.equal((await waiting).status, 200, 'long before its minute is over');
    const never = await get('/v1/placements?wait=1000000&timeoutMs=50');
    assert.equal(never.status, 504);
    assert.equal(JSON.parse(never.text).code, 'REVISION_NOT_REACHED');
  });

  it('K8: a value is compared before it is set, and set once for one Idempotency-Key', async () => {
    const once = await send('PUT', '/v1/kv/once', { value: '1', expectRevision: 0 }, { 'idempotency-key': 'k-1' });
    assert.equal(once.status, 200);
    const retried = await send('PUT', '/v1/kv/once', { value: '1', expectRevision: 0 }, { 'idempotency-key': 'k-1' });
    assert.deepEqual(JSON.parse(retried.text), JSON.parse(once.text), 'the retry is answered with the first result');
    const conflict = await send('PUT', '/v1/kv/once', { value: '2', expectRevision: 0 });
    assert.equal(conflict.status, 409);
    assert.equal(JSON.parse(conflict.text).code, 'REVISION_CONFLICT');
    assert.equal((await send('DELETE', '/v1/kv/once', '')).status, 200);
    assert.equal((await get('/v1/kv/once')).status, 404);
  });

  const refusals: readonly [string, () => Promise<Answer>, number, string][] = [
    ['an unknown path', () => get('/v1/nothing'), 404, 'ROUTE_UNKNOWN'],
    ['a method that is not taken there', () => send('PUT', '/status', {}), 405, 'METHOD_NOT_ALLOWED'],
    ['a body that is not JSON', () => send('PUT', '/v1/kv/a', '{"value": '), 400, 'BODY_NOT_JSON'],
    ['a body of another shape', () => send('PUT', '/v1/kv/a', { value: 7 }), 400, 'BODY_INVALID'],
    ['an empty body', () => send('PUT', '/v1/kv/a', 'null'), 400, 'BODY_INVALID'],
    ['a body above the limit', () => send('PUT', '/v1/kv/a', 'x'.repeat(1_200_000)), 413, 'BODY_TOO_LARGE'],
    ['a value above the limit', () => send('PUT', '/v1/kv/a', { value: 'x'.repeat(70_000) }), 413, 'VALUE_TOO_LARGE'],
    ['a key above the limit', () => send('PUT', `/v1/kv/${'k'.repeat(600)}`, { value: 'x' }), 400, 'KEY_INVALID'],
    ['a path that cannot be decoded', () => get('/v1/kv/%ff'), 400, 'PATH_INVALID'],
    ['a count that is none', () => get('/v1/workloads/x/logs?lines=-1'), 400, 'QUERY_INVALID'],
    [
      'a workload file of another shape',
      () => send('POST', '/v1/workloads', { version: 1, workloads: [{ name: 'X' }] }),
      422,
      'WORKLOADS_INVALID',
    ],
    ['an artefact without a digest', () => send('PUT', '/v1/artefacts/abc', 'x'), 400, 'DIGEST_INVALID'],
    ['a workload nobody knows', () => send('DELETE', '/v1/workloads/ghost', ''), 404, 'NOT_FOUND'],
  ];
  for (const [what, call, status, code] of refusals) {
    it(`D1: ${what} is refused with ${code}`, async () => {
      const answer = await call();
      assert.equal(answer.headers['content-type'], 'application/problem+json');
      const checked = checkDocument('ProblemDetails', JSON.parse(answer.text));
      assert.ok(checked.ok, checked.ok ? '' : describeProblems(checked.problems));
      assert.deepEqual([answer.status, checked.ok && checked.value.code], [status, code]);
    });
  }

  it('D4: over TCP asks for a loopback name, and for the token before it changes anything', async () => {
    assert.equal((await overTcp('/livez')).status, 200);
    const elsewhere = await overTcp('/status', { headers: { host: 'plant.example' } });
    assert.deepEqual([elsewhere.status, JSON.parse(elsewhere.text).code], [403, 'HOST_REFUSED']);
    const put = (authorization?: string): Promise<Answer> =>
      overTcp('/v1/kv/tcp', { method: 'PUT', headers: authorization === undefined ? {} : { authorization } }, '{"value":"x"}');
    assert.equal((await put()).status, 401);
    assert.equal((await put('Bearer wrong')).status, 401);
    assert.equal((await put('Bearer a-token-of-the-plant')).status, 200);
  });

  it('D4: its socket is for its owner and group only', () => {
    assert.equal(statSync(lone.socket).mode & 0o777, 0o660);
  });

  it('D4: a flood of header bytes ends that connection, and nothing else', async () => {
    const socket = connect(lone.socket);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(200_000)}`);
    await closed;
    assert.equal((await get('/livez')).status, 200);
  });

  describe('events', () => {
    const open: (() => void)[] = [];
    afterEach(() => {
      for (const close of open.splice(0)) close();
    });

    /** What was streamed so far. */
    function follow(headers: RequestOptions['headers'] = {}, path = '/v1/events'): { text: string } {
      const seen = { text: '' };
      const call = httpRequest({ socketPath: lone.socket, path, headers, agent: new Agent() }, (response) => {
        response.on('data', (chunk: Buffer) => {
          seen.text += chunk.toString();
        });
        response.on('error', () => undefined);
      });
      call.on('error', () => undefined);
      call.end();
      open.push(() => call.destroy());
      return seen;
    }
    const idsOf = (text: string): number[] => [...text.matchAll(/^id: ([0-9]+)$/gm)].map((match) => Number(match[1]));
    const shows = (seen: { text: string }, part: string): Promise<unknown> =>
      until(`the stream shows ${part}`, 10_000, async () => (seen.text.includes(part) ? done(true) : notYet(seen.text.slice(-200))), {
        everyMs: 20,
      });

    it('D4: are streamed as they happen, in order, and resumed from the last one seen', async () => {
      const first = follow();
      await shows(first, ': watching');
      for (const key of ['e-1', 'e-2', 'e-3']) await send('PUT', `/v1/kv/${key}`, { value: 'x' });
      await shows(first, '"e-3"');
      const ids = idsOf(first.text);
      assert.deepEqual(
        ids,
        [...ids].sort((a, b) => a - b),
      );
      const from = ids[0] as number;
      const second = follow({ 'last-event-id': String(from) });
      await shows(second, '"e-3"');
      assert.deepEqual(idsOf(second.text).slice(0, ids.length - 1), ids.slice(1), 'nothing twice, nothing missing');
    });

    it('C12: watches values under a prefix from a revision, without a gap, and is told when that is too old', async () => {
      const { revision } = JSON.parse((await send('PUT', '/v1/kv/w%2Fa', { value: '1' })).text) as { revision: number };
      await send('PUT', '/v1/kv/other', { value: 'no' });
      await send('PUT', '/v1/kv/w%2Fb', { value: '2' });
      await send('DELETE', '/v1/kv/w%2Fa', '');
      const seen = follow({}, `/v1/watch?prefix=w/&after=${revision - 1}`);
      await shows(seen, '"delete"');
      const lines = [...seen.text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1] as string) as Record<string, unknown>);
      assert.deepEqual(
        lines.map(({ type, key, value }) => [type, key, value]),
        [
          ['put', 'w/a', '1'],
          ['put', 'w/b', '2'],
          ['delete', 'w/a', undefined],
        ],
      );
      const again = follow({ 'last-event-id': String(idsOf(seen.text)[0]) }, '/v1/watch?prefix=w/');
      await shows(again, '"delete"');
      assert.ok(!again.text.includes('"w/a","value"'), 'what was seen is not told again');
    });
  });
});
