import assert from 'node:assert/strict';
import { chmodSync, chownSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CliError, exitCode, HttpClient } from '../../../agent/cli/http-client.ts';
import { ApiError } from '../../../agent/status/agent-api.ts';
import { freePort, Served } from '../status/served.ts';

/** A call fails with this exit code and this code in the message for people. */
async function ends(call: Promise<unknown>, exit: number, code: string, words = /./): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof CliError, String(error));
    assert.deepEqual([error.exitCode, error.code], [exit, code], error.message);
    assert.match(error.message, words);
    return true;
  });
}

describe('what the command line makes of answers', () => {
  const served = new Served();
  const client = new HttpClient(`unix:${served.socket}`, undefined);
  let port: number;
  before(async () => {
    port = await freePort();
    await served.start({ port, token: 'secret' });
  });
  after(() => served.stop());

  it('D7: a refusal is 4, what is not there 3, what cannot be had now 5, what may still happen 6', async () => {
    const put = (): Promise<unknown> => client.send('PUT', '/v1/kv/a', { value: 'x' });
    const cases = [
      [409, true, exitCode.refused],
      [404, true, exitCode.notFound],
      [503, true, exitCode.unavailable],
      [503, false, exitCode.indefinite],
    ] as const;
    for (const [status, definite, exit] of cases) {
      served.agent.write = () => Promise.reject(new ApiError(status, 'SOME_CODE', 'and the words for it', definite));
      await ends(put(), exit, 'SOME_CODE', /^and the words for it$/);
    }
    served.agent.write = (written) => Promise.resolve(written);
    await put();
  });

  it('D7: over TCP it shows its token, and says so when it is refused', async () => {
    const over = (token?: string): Promise<unknown> =>
      new HttpClient(`http://127.0.0.1:${port}`, token).send('PUT', '/v1/kv/a', { value: 'x' });
    await over('secret');
    await ends(over('guess'), exitCode.refused, 'TOKEN_REFUSED', /\/status\/token/);
    await ends(over(), exitCode.refused, 'TOKEN_REFUSED');
  });

  it('D7: an endpoint that is none is wrong usage', () => {
    for (const endpoint of ['', 'box', 'https://127.0.0.1', 'ftp://box', '/run/holdfast.sock'])
      assert.throws(
        () => new HttpClient(endpoint, undefined),
        (error) => error instanceof CliError && error.exitCode === exitCode.usage,
      );
  });

  it('D7: where nobody listens, or this user may not ask, says what to do', async () => {
    await ends(
      new HttpClient('unix:/nowhere/a.sock', undefined).get('/status'),
      exitCode.unavailable,
      'UNREACHABLE',
      /is it running\?.*--endpoint/,
    );
    await ends(new HttpClient(`http://127.0.0.1:${await freePort()}`, undefined).get('/status'), exitCode.unavailable, 'UNREACHABLE');
    const { seteuid } = process;
    if (process.getuid?.() !== 0 || seteuid === undefined) return;
    const owned = new Served();
    await owned.start();
    // Root may always: be somebody else for the moment of the call, and in another group than the socket's.
    chmodSync(owned.dir, 0o755);
    chownSync(owned.socket, 0, 1);
    seteuid(65_534);
    try {
      await ends(
        new HttpClient(`unix:${owned.socket}`, undefined).get('/status'),
        exitCode.unavailable,
        'UNREACHABLE',
        /EACCES.*group of the socket/,
      );
    } finally {
      seteuid(0);
      await owned.stop();
    }
  });

  it('D7: a stream ends with a code when the agent goes, and is refused like any other answer', async () => {
    await ends(client.stream('/v1/events?after=x').next(), exitCode.refused, 'QUERY_INVALID');
    const other = new Served();
    await other.start();
    const stream = new HttpClient(`unix:${other.socket}`, undefined).stream('/v1/events');
    assert.equal((await stream.next()).value, ': watching\n\n');
    await other.stop();
    await ends(stream.next(), exitCode.unavailable, 'STREAM_ENDED', /begin again/);
  });

  describe('from something that is no agent', () => {
    let odd: Server;
    const against = async (listener: RequestListener): Promise<HttpClient> => {
      odd = createServer(listener);
      await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve));
      return new HttpClient(`http://127.0.0.1:${(odd.address() as AddressInfo).port}`, undefined);
    };
    afterEach(() => {
      odd.closeAllConnections();
      return new Promise((resolve) => odd.close(resolve));
    });

    it('D7: is named strange, never a stack trace', async () => {
      const page = await against((_, response) => response.end('<html>'));
      await ends(page.get('/status'), exitCode.failed, 'ANSWER_STRANGE', /is this endpoint an agent\?/);
      odd.close();
      const error = await against((_, response) => response.writeHead(502).end('{"status":502}'));
      await ends(error.get('/status'), exitCode.failed, 'ANSWER_STRANGE', /HTTP 502/);
    });

    it('D7: that breaks off: a read failed, a change may have happened', async () => {
      const half = await against((_, response) => {
        response.writeHead(200, { 'content-length': 100 }).write('{"rev');
        setImmediate(() => response.destroy());
      });
      await ends(half.get('/status'), exitCode.unavailable, 'UNREACHABLE');
      await ends(half.send('PUT', '/v1/kv/a', { value: 'x' }), exitCode.indefinite, 'ANSWER_LOST', /read before you repeat/);
    });

    it('D7: that says nothing at all to a change: it may have happened', async () => {
      const silent = await against((request) => {
        request.resume().on('end', () => request.socket.destroy());
      });
      await ends(silent.send('PUT', '/v1/kv/a', { value: 'x' }), exitCode.indefinite, 'ANSWER_LOST');
      await ends(silent.send('DELETE', '/v1/kv/a'), exitCode.indefinite, 'ANSWER_LOST');
      await ends(silent.get('/status'), exitCode.unavailable, 'UNREACHABLE');
    });
  });
});
