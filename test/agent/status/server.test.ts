import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { done, notYet, until } from '../../../agent/demo/until.ts';
import { ApiError } from '../../../agent/status/agent-api.ts';
import { routesOf } from '../../../agent/status/routes.ts';
import { connectionsMax, EndpointError, StatusServer } from '../../../agent/status/server.ts';
import { checkDocument, describeProblems } from '../../../schemas/validate.ts';
import { type Answer, ask, freePort, PlayedAgent, raw, Served } from './served.ts';

/** The problem an answer carries, checked. */
function problemOf({ headers, text, status }: Pick<Answer, 'headers' | 'text' | 'status'>): {
  readonly code: string;
  readonly detail: string;
} {
  assert.equal(headers['content-type'], 'application/problem+json', text);
  const checked = checkDocument('ProblemDetails', JSON.parse(text));
  assert.ok(checked.ok, checked.ok ? '' : describeProblems(checked.problems));
  assert.equal(checked.value.status, status);
  return checked.value;
}

/** The same of bytes off the wire. */
function rawProblem(bytes: string): string {
  const [head = '', text = ''] = bytes.split('\r\n\r\n');
  const status = Number(/^HTTP\/1\.1 (\d+) /.exec(head)?.[1]);
  return problemOf({ headers: { 'content-type': /^content-type: (.+)$/m.exec(head)?.[1] ?? '' }, text, status }).code;
}

describe('StatusServer', () => {
  const served = new Served();
  let port: number;
  before(async () => {
    port = await freePort();
    await served.start({ port, token: 'open sesame', headersMs: 400, requestMs: 800 });
  });
  after(() => served.stop());
  const json = { 'content-type': 'application/json' };

  it('D1: lists exactly the routes it has, each with its path parameter', async () => {
    const { paths } = JSON.parse((await served.ask('/openapi.json')).text) as {
      paths: Record<string, Record<string, { summary: string; parameters?: { name: string; in: string }[] }>>;
    };
    const listed = Object.entries(paths).flatMap(([path, item]) => Object.keys(item).map((method) => `${method} ${path}`));
    const had = routesOf(new PlayedAgent()).map(({ method, path }) => `${method.toLowerCase()} ${path.replace('{}', '{name}')}`);
    assert.deepEqual(listed.sort(), had.sort());
    for (const [path, item] of Object.entries(paths))
      for (const { summary, parameters } of Object.values(item)) {
        assert.ok(summary.length > 5, path);
        assert.deepEqual(
          (parameters ?? []).filter((one) => one.in === 'path').map(({ name }) => `{${name}}`),
          path.match(/\{\w+\}/g) ?? [],
        );
      }
    const once = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).flatMap(([method, { parameters }]) =>
        parameters?.some(({ name }) => name === 'Idempotency-Key') ? [`${method} ${path}`] : [],
      ),
    );
    assert.deepEqual(once.sort(), ['delete /v1/kv', 'delete /v1/kv/{name}', 'post /v1/txn', 'put /v1/kv/{name}']);
  });

  it('D4: a 405 lists in Allow what is taken there', async () => {
    const answer = await served.ask('/v1/kv/a', { method: 'PATCH' });
    assert.equal(answer.status, 405);
    assert.equal(problemOf(answer).code, 'METHOD_NOT_ALLOWED');
    assert.equal(answer.headers.allow, 'GET, PUT, DELETE');
  });

  it('D4: HEAD is answered like GET, without a body, for streams too', async () => {
    for (const path of ['/status', '/livez', '/v1/events']) {
      const { status, text } = await served.ask(path, { method: 'HEAD' });
      assert.deepEqual([status, text], [200, ''], path);
    }
  });

  it('D4: an ETag is found in a list, weak or not, and by *', async () => {
    const { etag = '' } = (await served.ask('/status')).headers;
    assert.match(etag, /^"[\w-]+"$/);
    for (const known of [etag, `W/${etag}`, `"older", ${etag}`, '*'])
      assert.equal((await served.ask('/status', { headers: { 'if-none-match': known } })).status, 304, known);
    assert.equal((await served.ask('/status', { headers: { 'if-none-match': etag.slice(0, -2) } })).status, 200);
  });

  it('D1: a body of another type, a misspelt key and a body without shape are refused, and nothing is set', async () => {
    const put = (body: string, headers: Record<string, string> = json): Promise<Answer> =>
      served.ask('/v1/kv/strict', { method: 'PUT', headers }, body);
    const cases: readonly [Promise<Answer>, number, string, RegExp][] = [
      [put('{"value":"x"}', { 'content-type': 'text/xml' }), 415, 'CONTENT_TYPE_UNKNOWN', /application\/json/],
      [put('{"value":"x","expectrevision":0}'), 400, 'BODY_INVALID', /^\/expectrevision is not a known key/],
      [put('{"value":"x","expectRevision":-1}'), 400, 'BODY_INVALID', /^\/expectRevision must be/],
      [put('[]'), 400, 'BODY_INVALID', /\/value/],
      [put('7'), 400, 'BODY_INVALID', /must be an object/],
      [put(''), 400, 'BODY_NOT_JSON', /not JSON/],
    ];
    for (const [answer, status, code, detail] of cases) {
      const problem = problemOf(await answer);
      assert.deepEqual([(await answer).status, problem.code], [status, code]);
      assert.match(problem.detail, detail);
    }
    assert.equal(served.agent.values.has('strict'), false);
    assert.equal((await put('{"value":"x"}', { 'content-type': 'application/json; charset=utf-8' })).status, 200);
  });

  it('K8: a transaction is checked whole, and what makes it happen once is passed on', async () => {
    const send = (body: string, headers: Record<string, string> = {}): Promise<Answer> =>
      served.ask('/v1/txn', { method: 'POST', headers: { ...json, ...headers } }, body);
    const body = '{"operations":[{"type":"delete","key":"a"}]}';
    const request = 'session=5, owner-epoch=6, sequence=8, lowest-awaited=7';
    served.agent.senders.length = 0;
    const revision = served.agent.revision();
    assert.deepEqual(JSON.parse((await send(body)).text), { revision, results: [{ deleted: 2 }] });
    await send(body, { 'idempotency-key': 'k' });
    await send(body, { 'holdfast-request': request });
    const swept = await served.ask('/v1/kv?prefix=a%2F', { method: 'DELETE', headers: { 'idempotency-key': 'sweep' } });
    assert.deepEqual(JSON.parse(swept.text), { revision, deleted: 2 });
    const senders = [
      {},
      { idempotencyKey: 'k' },
      { request: { session: 5, ownerEpoch: 6, sequence: 8, lowestAwaited: 7 } },
      { idempotencyKey: 'sweep' },
    ];
    assert.deepEqual(served.agent.senders, senders);
    const cases: readonly [Promise<Answer>, string, RegExp][] = [
      [send('{"operations":[]}'), 'BODY_INVALID', /\/operations/],
      [send('{"operations":[{"type":"increment","key":"a"}]}'), 'BODY_INVALID', /"increment": there is no such kind/],
      [send('{"operations":[{"type":"delete","key":"a","value":"b"}]}'), 'BODY_INVALID', /\/operations\/0\/value is not a known key/],
      [send(body, { 'idempotency-key': 'k'.repeat(129) }), 'IDEMPOTENCY_KEY_INVALID', /128/],
      [send(body, { 'holdfast-request': request, 'idempotency-key': 'k' }), 'REQUEST_INVALID', /no Idempotency-Key/],
      [send(body, { 'holdfast-request': 'session=5, sequence=8' }), 'REQUEST_INVALID', /owner-epoch must be a whole number/],
      [send(body, { 'holdfast-request': `${request}0` }), 'REQUEST_INVALID', /at most the sequence/],
      [send(body, { 'holdfast-request': `${request}, colour=3` }), 'REQUEST_INVALID', /exactly these four/],
      [served.ask('/v1/kv', { method: 'DELETE' }), 'QUERY_INVALID', /prefix= is missing/],
    ];
    for (const [answer, code, detail] of cases) {
      const problem = problemOf(await answer);
      assert.deepEqual([(await answer).status, problem.code], [400, code]);
      assert.match(problem.detail, detail);
    }
    assert.equal(served.agent.senders.length, senders.length);
  });

  it('K10: an answer the others were not asked for says at which revision and how old it is, and no other does', async () => {
    await served.ask('/v1/kv/old', { method: 'PUT', headers: json }, '{"value":"x"}');
    const stale = { revision: served.agent.revision(), ageMs: 250 };
    const staleIn = async (path: string): Promise<unknown> => (JSON.parse((await served.ask(path)).text) as { stale?: unknown }).stale;
    assert.deepEqual(await staleIn('/v1/kv/old?stale=true'), stale);
    assert.deepEqual(await staleIn('/v1/kv?prefix=old&stale=true'), stale);
    assert.equal(await staleIn('/v1/kv/old'), undefined);
    assert.equal(await staleIn('/v1/kv?prefix=old'), undefined);
  });

  it('D4: a key is one path segment, whatever characters it has', async () => {
    for (const key of ['..', '.', 'a/b', '%2e', 'größe', '鉄'.repeat(512), '?x#y']) {
      const path = `/v1/kv/${encodeURIComponent(key)}`;
      assert.equal((await served.ask(path, { method: 'PUT', headers: json }, '{"value":"x"}')).status, 200, key);
      assert.equal((JSON.parse((await served.ask(path)).text) as { key: string }).key, key);
    }
  });

  it('D4: a target that is no path is refused', async () => {
    assert.equal(
      rawProblem(await raw(served.socket, 'GET http://a.example/status HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')),
      'PATH_INVALID',
    );
    assert.equal(problemOf(await served.ask(`/${'x'.repeat(9000)}`)).code, 'PATH_INVALID');
    assert.equal((await served.ask('/v1/kv?prefix=%')).status, 200, 'a query that cannot be decoded is taken as it is');
  });

  it('D4: a body that is said or found to be too long is refused over TCP too, before all of it is there', async () => {
    const headers = { ...json, authorization: 'Bearer open sesame' };
    for (const length of [{}, { 'content-length': String(40 * 1024 * 1024) }]) {
      const options = { host: '127.0.0.1', port, path: '/v1/kv/a', method: 'PUT', headers: { ...headers, ...length } };
      const answer = await ask(options, Buffer.alloc(40 * 1024 * 1024, 0x20)).catch((error: NodeJS.ErrnoException) => error.code);
      // The answer may be overtaken by the end of the connection: the client is still sending.
      if (typeof answer === 'object') assert.equal(problemOf(answer).code, 'BODY_TOO_LARGE');
      else assert.match(answer ?? '', /^(EPIPE|ECONNRESET)$/);
    }
  });

  it('D4: what is no HTTP, and headers without end, are answered with a problem and cut off', async () => {
    assert.equal(rawProblem(await raw(served.socket, 'hello\r\n\r\n')), 'REQUEST_MALFORMED');
    assert.equal(
      rawProblem(await raw(served.socket, `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(64 * 1024)}\r\n\r\n`)),
      'HEADERS_TOO_LARGE',
    );
    assert.equal(rawProblem(await raw(served.socket, `GET / HTTP/1.1\r\nhost: x\r\n${'x: y\r\n'.repeat(20_000)}`)), 'HEADERS_TOO_LARGE');
    assert.equal(
      rawProblem(await raw(served.socket, 'PUT /v1/kv/a HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n')),
      'REQUEST_MALFORMED',
    );
  });

  it('D4: a request that does not come in time is cut off: no bytes, half of the headers, half of the body', async () => {
    const slow = [
      '',
      'GET /status HTTP/1.1\r\nhost: x\r\nx-half: ',
      'PUT /v1/kv/slow HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"value": "',
    ];
    for (const bytes of await Promise.all(slow.map((bytes) => raw(served.socket, bytes))))
      assert.equal(rawProblem(bytes), 'REQUEST_TIMEOUT');
    assert.equal(served.agent.values.has('slow'), false);
  });

  it('C12: who waits for a revision and goes away is waited for no longer', async () => {
    const socket = connect(served.socket);
    socket.write('GET /status?wait=999999&timeoutMs=600000 HTTP/1.1\r\nhost: x\r\n\r\n');
    const waiting = (count: number): Promise<unknown> =>
      until(`${count} wait`, 5000, async () => (served.agent.waiting === count ? done(true) : notYet(String(served.agent.waiting))), {
        everyMs: 5,
      });
    await waiting(1);
    socket.destroy();
    await waiting(0);
  });

  it('D4: over TCP any loopback name is taken, and any other refused; a wrong token is told how to ask', async () => {
    const from = (host: string, options: object = {}): Promise<Answer> =>
      ask({ host: '127.0.0.1', port, path: '/livez', headers: { host }, ...options });
    for (const host of [`127.0.0.1:${port}`, 'localhost', 'LocalHost:80', '[::1]:7480']) assert.equal((await from(host)).status, 200, host);
    for (const host of ['plant.example', '127.0.0.1.plant.example', 'localhost.', '10.0.0.1']) {
      const answer = await from(host);
      assert.deepEqual([answer.status, problemOf(answer).code], [403, 'HOST_REFUSED'], host);
    }
    for (const authorization of [undefined, 'Bearer open', 'Bearer open sesame!', 'Basic b3Blbg==']) {
      const headers = { host: 'localhost', ...json, ...(authorization === undefined ? {} : { authorization }) };
      const answer = await from('localhost', { method: 'PUT', path: '/v1/kv/tcp', headers });
      assert.deepEqual([answer.status, answer.headers['www-authenticate'], problemOf(answer).code], [401, 'Bearer', 'TOKEN_REFUSED']);
    }
  });

  it('D4: says that it is not ready, and why; that there is no plan', async () => {
    served.agent.reasons = ['this box reaches no quorum'];
    const answer = await served.ask('/readyz');
    assert.deepEqual([answer.status, JSON.parse(answer.text)], [503, { ready: false, reasons: ['this box reaches no quorum'] }]);
    served.agent.reasons = [];
    const had = served.agent.planned;
    served.agent.planned = () => undefined;
    assert.equal(problemOf(await served.ask('/v1/plan')).code, 'NO_PLAN');
    served.agent.planned = had;
    assert.ok(checkDocument('Plan', (JSON.parse((await served.ask('/v1/plan')).text) as { plan: unknown }).plan).ok);
  });

  it('D4: tells a change that may still happen from one that did not; a fault of ours is logged, and shows nothing of itself', async () => {
    const put = (): Promise<Answer> => served.ask('/v1/kv/a', { method: 'PUT', headers: json }, '{"value":"x"}');
    served.agent.write = () => Promise.reject(new ApiError(503, 'REQUEST_TIMEOUT', 'No majority answered in time', false));
    assert.deepEqual((JSON.parse((await put()).text) as { definite: boolean }).definite, false);
    served.agent.write = () => Promise.reject(new Error('a secret of the inside'));
    const answer = await put();
    assert.deepEqual([answer.status, problemOf(answer).code], [500, 'INTERNAL']);
    assert.doesNotMatch(answer.text, /secret/);
    assert.deepEqual(served.logged.length, 1, 'what clients do wrong is no fault of ours');
    assert.match(served.logged[0] ?? '', /^status\.request\.failed .*a secret of the inside/);
    served.agent.write = (written) => Promise.resolve(written);
  });
});

describe('StatusServer, as it starts and stops', () => {
  const served = new Served();
  after(() => served.stop());

  it('D4: replaces a socket that a killed agent left, never one that is listened on, and removes its own', async () => {
    const other = (): StatusServer =>
      new StatusServer(
        { api: new PlayedAgent(), log: served.log },
        { socket: served.socket, host: '127.0.0.1', port: 0, token: undefined },
      );
    const { spawnSync } = await import('node:child_process');
    const script = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    mkdirSync(served.dir);
    spawnSync(process.execPath, ['-e', script, served.socket]);
    assert.ok(existsSync(served.socket), 'left behind');
    await served.start();
    assert.equal(statSync(served.socket).mode & 0o777, 0o660);
    await assert.rejects(
      other().start(),
      (error) => error instanceof EndpointError && error.code === 'PORT_IN_USE' && /in use/.test(error.message),
    );
    assert.equal((await served.ask('/livez')).status, 200);
    await served.stop();
    assert.equal(existsSync(served.socket), false);
  });

  it('D4: a port that is taken and a directory that is not there are named', async () => {
    const port = await freePort();
    const start = (socket: string): Promise<void> =>
      new StatusServer({ api: new PlayedAgent(), log: served.log }, { socket, host: '127.0.0.1', port, token: undefined }).start();
    await assert.rejects(
      start('/nowhere/at/all.sock'),
      (error) => error instanceof EndpointError && error.code === 'LISTEN_FAILED' && /all\.sock/.test(error.message),
    );
  });

  it('D4: a socket of a killed agent that cannot be removed is named, and ends nothing else', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const stale = new Served();
    const { spawnSync } = await import('node:child_process');
    const script = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    mkdirSync(stale.dir);
    spawnSync(process.execPath, ['-e', script, stale.socket]);
    // What is mounted cannot be removed, not even by root.
    if (spawnSync('mount', ['--bind', stale.socket, stale.socket]).status !== 0) this.skip();
    try {
      await assert.rejects(
        stale.start(),
        (error) => error instanceof EndpointError && error.code === 'LISTEN_FAILED' && error.message.includes('EBUSY'),
      );
    } finally {
      spawnSync('umount', [stale.socket]);
      await stale.stop();
    }
  });

  it('D4: holds a bounded number of connections, and goes on when they are gone', async function () {
    this.timeout(30_000);
    const crowded = new Served();
    await crowded.start();
    const open: Socket[] = [];
    let ended = 0;
    try {
      for (let i = 0; i < connectionsMax + 10; i += 1) {
        const socket = connect(crowded.socket).resume();
        socket.on('close', () => {
          ended += 1;
        });
        // One after the other: the kernel's own queue is shorter than this, and refuses too.
        await once(socket, 'connect');
        open.push(socket);
      }
      await until('ten are turned away', 5000, async () => (ended === 10 ? done(true) : notYet(String(ended))), { everyMs: 10 });
      for (const socket of open) socket.destroy();
      await until('it answers', 5000, async () => ((await crowded.ask('/livez')).status === 200 ? done(true) : notYet('')));
    } finally {
      for (const socket of open) socket.destroy();
      await crowded.stop();
    }
  });

  it('D4: over TCP without a token nothing can be changed', async () => {
    const open = new Served();
    const port = await freePort();
    await open.start({ port });
    const options = { host: '127.0.0.1', port, path: '/v1/kv/a', method: 'PUT', headers: { authorization: 'Bearer undefined' } };
    const answer = await ask(options, '{"value":"x"}').finally(() => open.stop());
    assert.deepEqual([answer.status, problemOf(answer).code], [403, 'WRITE_REFUSED']);
    assert.equal(open.agent.values.size, 0);
  });
});
