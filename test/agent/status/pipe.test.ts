import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { LinePipe } from '../../../agent/client/line-pipe.ts';
import { PipeSiteClient } from '../../../agent/client/pipe-site-client.ts';
import { done, notYet, until } from '../../../agent/demo/until.ts';
import type { KvTransaction } from '../../../schemas/generated/types.ts';
import { ask, freePort, Served } from './served.ts';

const upgrade = 'GET /v1/pipe HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: holdfast-pipe\r\n\r\n';

interface Line {
  readonly id: number | null;
  readonly status: number;
  readonly body?: { readonly code?: string; readonly value?: string };
}

/** What comes back for these lines; once so many answers came, a line that is no request ends the pipe. */
function through(path: string, lines: readonly string[], answers: number): Promise<readonly Line[]> {
  return new Promise((resolve, reject) => {
    let text = '';
    const got = (): readonly string[] => (text.split('\r\n\r\n')[1] ?? '').split('\n').filter((line) => line !== '');
    const socket = connect(path, () => socket.write(`${upgrade}${lines.join('\n')}\n`));
    socket.on('data', (chunk) => {
      text += chunk.toString('utf8');
      if (got().length === answers) socket.write('{"end":true}\n');
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(got().map((line) => JSON.parse(line) as Line)));
  });
}

describe('a pipe', () => {
  const served = new Served();
  let port: number;
  before(async () => {
    port = await freePort();
    await served.start({ port, token: 'open sesame' });
    served.agent.values.set('a', { key: 'a', value: '1', revision: 9 });
  });
  after(() => served.stop());

  it('D4: answers each request by its id, as soon as it is done, with what HTTP would say', async () => {
    const lines = await through(
      served.socket,
      [
        '{"id":1,"method":"GET","path":"/status?wait=1000&timeoutMs=600000"}',
        '{"id":2,"method":"GET","path":"/v1/kv/a"}',
        '{"id":3,"method":"GET","path":"/v1/kv/b"}',
        '{"id":4,"method":"GET","path":"/v1/nothing"}',
        '{"id":5,"method":"PUT","path":"/v1/plan","body":{}}',
        '{"id":6,"method":"PUT","path":"/v1/kv/c%2Fd","body":{"value":"x"}}',
        '{"id":7,"method":"PUT","path":"/v1/kv/c","body":{"valeu":"x"}}',
        '{"id":8,"method":"GET","path":"/v1/watch"}',
        '{"id":9,"method":"POST","path":"/v1/sessions/3/touch","body":{"ownerEpoch":3}}',
      ],
      8,
    ).then((all) => new Map(all.map((line) => [line.id, line])));
    assert.equal(lines.get(2)?.body?.value, '1');
    const codes = [3, 4, 5, 7, 8, null].map((id) => [lines.get(id)?.status, lines.get(id)?.body?.code]);
    assert.deepEqual(codes, [
      [404, 'KEY_NOT_FOUND'],
      [404, 'ROUTE_UNKNOWN'],
      [405, 'METHOD_NOT_ALLOWED'],
      [400, 'BODY_INVALID'],
      [400, 'NOT_PIPED'],
      [400, 'REQUEST_INVALID'],
    ]);
    assert.equal(lines.get(6)?.status, 200);
    assert.equal(served.agent.values.get('c/d')?.value, 'x');
    assert.deepEqual(lines.get(9), { id: 9, status: 204 });
    assert.ok(!lines.has(1), 'who waits is not waited for');
  });

  it('D4: a line that is cut anywhere is put together again, and one that is no request ends the pipe', async () => {
    const socket = connect(served.socket).on('error', () => undefined);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('utf8');
    });
    for (const byte of Buffer.from(`${upgrade}{"id":1,"method":"PUT","path":"/v1/kv/ü","body":{"value":"straße"}}\n`.replace('ü', 'u'))) {
      socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('it is answered', 5000, () => Promise.resolve(text.includes('"id":1') ? done(true) : notYet(text)));
    assert.equal(served.agent.values.get('u')?.value, 'straße');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('no json\n{"id":2,"method":"GET","path":"/v1/kv/a"}\n');
    await closed;
    assert.match(text, /"id":null,"status":400,"body":\{.*"code":"BODY_NOT_JSON"/);
    assert.ok(!text.includes('"id":2'), 'nothing after it is done');
  });

  it('D4: a line without end is refused before all of it is there', async () => {
    const socket = connect(served.socket);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('utf8');
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined); // It writes on when nobody listens any more.
    socket.write(upgrade);
    const feed = setInterval(() => !socket.destroyed && socket.write(Buffer.alloc(64 * 1024, 0x20)), 1);
    await closed;
    clearInterval(feed);
    assert.match(text, /BODY_TOO_LARGE/);
  });

  it('D4: over TCP it needs the token, by a loopback name; without Upgrade it says what to send', async () => {
    const tcp = (headers: Readonly<Record<string, string>>): ReturnType<typeof ask> =>
      ask({ host: '127.0.0.1', port, path: '/v1/pipe', headers: { connection: 'Upgrade', upgrade: 'holdfast-pipe', ...headers } });
    assert.match((await tcp({})).text, /TOKEN_REFUSED/);
    assert.match((await tcp({ authorization: 'Bearer open sesame', host: 'plant.example' })).text, /HOST_REFUSED/);
    const plain = await served.ask('/v1/pipe');
    assert.deepEqual([plain.status, plain.headers.upgrade], [426, 'holdfast-pipe']);
    const pipe = await LinePipe.open({ host: '127.0.0.1', port }, 'open sesame', 5000);
    pipe.close();
    await assert.rejects(LinePipe.open({ host: '127.0.0.1', port }, 'open barley', 5000), /HTTP 401/);
  });

  it('D4: a client that does not read its answers is not read from, and gets all of them when it does', async () => {
    const socket: Socket = connect(served.socket);
    const total = 60_000;
    served.agent.values.set('big', { key: 'big', value: 'v'.repeat(1000), revision: 9 });
    const ask = '{"id":7,"method":"GET","path":"/v1/kv/big"}\n';
    await new Promise((resolve) => socket.write(upgrade, resolve));
    await new Promise((resolve) => socket.once('readable', resolve));
    const { kvGet } = served.agent;
    let taken = 0;
    served.agent.kvGet = (key) => {
      taken += 1;
      return kvGet(key);
    };
    socket.write(ask.repeat(total));
    let before = 0;
    await until('no more is taken', 10_000, async () => {
      await served.ask('/status');
      const isStill = taken > 0 && taken === before;
      before = taken;
      return isStill ? done(true) : notYet(String(taken));
    });
    assert.ok(taken < total / 4, `${taken} of ${total} were taken`);
    let answers = -4; // The lines of HTTP's answer.
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      answers += text.split('\n').length - 1;
    });
    await until('all is answered', 20_000, () => Promise.resolve(answers >= total ? done(true) : notYet(String(answers))));
    assert.deepEqual([taken, answers], [total, total]);
    served.agent.kvGet = kvGet;
    socket.destroy();
  });

  it('K8: a client passes on what makes a change happen once; who gives up before it is written knows that it did not happen', async () => {
    const client = new PipeSiteClient({ endpoint: `unix:${served.socket}` });
    const request = { session: 3, ownerEpoch: 3, sequence: 5, lowestAwaited: 4 };
    const transaction: KvTransaction = { operations: [{ type: 'put', key: 'k', value: 'v' }] };
    await client.transact(transaction, { request });
    assert.deepEqual(served.agent.senders.at(-1), { request });
    await assert.rejects(client.transact(transaction, { request: { ...request, lowestAwaited: 6 } }), { code: 'REQUEST_INVALID' });
    assert.equal((await client.get('a'))?.value, '1');
    assert.equal(await client.get('nothing'), undefined);
    const many = await Promise.all(Array.from({ length: 500 }, () => client.get('a')));
    assert.ok(many.every((item) => item?.value === '1'));
    const giveUp = new AbortController();
    const given = client.transact(transaction, { signal: giveUp.signal });
    await Promise.resolve();
    giveUp.abort();
    await assert.rejects(given, { code: 'ABORTED', definite: true });
    client.close();
  });

  it('K8: a change whose agent goes away is left open, a read is not, and the next goes by a new connection', async () => {
    const other = new Served();
    await other.start();
    const client = new PipeSiteClient({ endpoint: `unix:${other.socket}` });
    let asked: () => void = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    other.agent.write = () => {
      asked();
      return new Promise(() => {});
    };
    const change = assert.rejects(client.transact({ operations: [{ type: 'delete', key: 'k' }] }), {
      code: 'ANSWER_LOST',
      definite: false,
    });
    await isAsked;
    await other.stop();
    await change;
    await assert.rejects(client.get('a'), { code: 'UNREACHABLE', definite: true });
    await other.start();
    assert.equal(await client.get('a'), undefined);
    client.close();
    await other.stop();
  });
});
