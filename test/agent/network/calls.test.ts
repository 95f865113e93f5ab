import assert from 'node:assert/strict';
import { Calls } from '../../../agent/network/calls.ts';
import type { Network } from '../../../agent/network/host.ts';
import { Site } from './site-fixture.ts';

const protocol = '/holdfast/test/1';
const options = { timeoutMs: 5000, responseBytesMax: 1024 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

class OutOfStock extends Error {
  readonly code = 'OUT_OF_STOCK';
}

describe('calls', () => {
  let site: Site;
  let n1: Network;
  let n2: Network;
  beforeEach(async () => {
    site = await Site.make(['n1', 'n2', 'n3']);
    [n1, n2] = (await site.start('n1', 'n2')) as [Network, Network];
    await site.connected();
  });
  afterEach(() => site.close());

  it('an answer comes back, with the verified caller, many at once and both ways', async () => {
    for (const network of [n1, n2])
      network.calls.serve(protocol, { requestBytesMax: 1024 }, async (from, request) =>
        bytes(`${from.name} said ${new TextDecoder().decode(request)}`),
      );
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => n1.calls.call('n2', protocol, bytes(String(i)), options)));
    assert.deepEqual(
      answers.map((answer) => new TextDecoder().decode(answer)),
      Array.from({ length: 20 }, (_, i) => `n1 said ${i}`),
    );
    assert.equal(new TextDecoder().decode(await n2.calls.call('n1', protocol, new Uint8Array(0), options)), 'n2 said ');
  });

  it('streams are given back: hundreds of calls, one after the other', async () => {
    n2.calls.serve(protocol, { requestBytesMax: 16 }, async () => new Uint8Array(0));
    for (let i = 0; i < 300; i++) assert.equal((await n1.calls.call('n2', protocol, bytes('x'), options)).length, 0);
  });

  it('a refusal carries the words and the code of the far side', async () => {
    n2.calls.serve(protocol, { requestBytesMax: 16 }, async () => {
      throw new OutOfStock('no such artefact here');
    });
    await assert.rejects(n1.calls.call('n2', protocol, bytes('x'), options), {
      code: 'REFUSED',
      remoteCode: 'OUT_OF_STOCK',
      message: /no such artefact here/,
    });
  });

  it('an accident there shows no inner words here', async () => {
    n2.calls.serve(protocol, { requestBytesMax: 16 }, async () => {
      throw new Error('secret path');
    });
    await assert.rejects(n1.calls.call('n2', protocol, bytes('x'), options), (error: Error & { code: string; remoteCode: string }) => {
      assert.equal(error.code, 'REFUSED');
      assert.equal(error.remoteCode, 'INTERNAL');
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  });

  it('requests and answers above the limits are refused, those at the limit are not', async () => {
    n2.calls.serve(protocol, { requestBytesMax: 100_000 }, async (_from, request) => request);
    const at = await n1.calls.call('n2', protocol, new Uint8Array(100_000), { timeoutMs: 5000, responseBytesMax: 100_000 });
    assert.equal(at.length, 100_000);
    await assert.rejects(n1.calls.call('n2', protocol, new Uint8Array(100_001), { timeoutMs: 5000, responseBytesMax: 200_000 }), {
      code: 'TOO_LARGE',
      message: /100000/,
    });
    await assert.rejects(n1.calls.call('n2', protocol, new Uint8Array(100_000), { timeoutMs: 5000, responseBytesMax: 99_999 }), {
      code: 'TOO_LARGE',
      message: /99999/,
    });
    await assert.rejects(n1.calls.call('n2', protocol, new Uint8Array(5 * 1024 * 1024), options), { code: 'TOO_LARGE' });
  });

  it('nobody there, no such call, no answer and giving up have a code each', async () => {
    await assert.rejects(n1.calls.call('n3', protocol, bytes('x'), options), { code: 'UNREACHABLE', message: /n3/ });
    await assert.rejects(n1.calls.call('nobody', protocol, bytes('x'), options), { code: 'UNREACHABLE' });
    await assert.rejects(n1.calls.call('n2', '/holdfast/nothing/1', bytes('x'), options), { code: 'REFUSED' });
    n2.calls.serve(protocol, { requestBytesMax: 16 }, () => new Promise<Uint8Array>(() => undefined));
    await assert.rejects(n1.calls.call('n2', protocol, bytes('x'), { ...options, timeoutMs: 100 }), { code: 'TIMEOUT', message: /100 ms/ });
    const controller = new AbortController();
    const given = n1.calls.call('n2', protocol, bytes('x'), { ...options, signal: controller.signal });
    controller.abort();
    await assert.rejects(given, { code: 'ABORTED' });
  });

  it('a caller hears at once when the far side goes away', async () => {
    n2.calls.serve(protocol, { requestBytesMax: 16 }, () => new Promise<Uint8Array>(() => undefined));
    const pending = assert.rejects(n1.calls.call('n2', protocol, bytes('x'), { ...options, timeoutMs: 15_000 }), { code: 'UNREACHABLE' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await site.stop('n2');
    await pending;
  });
});

describe('a call whose stream breaks while it is sent', () => {
  it('C12: fails once, and leaves no failure behind that nobody handles', async () => {
    const broken = Object.assign(new EventTarget(), {
      send: () => {
        throw new Error('reset');
      },
      close: async () => undefined,
      abort: () => undefined,
    });
    const calls = new Calls({
      book: undefined as never,
      connections: { of: () => ({ newStream: async () => broken }) } as never,
      log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    });
    await assert.rejects(calls.call('n2', protocol, bytes('x'), { timeoutMs: 30, responseBytesMax: 16 }), { code: 'UNREACHABLE' });
    // The answer is given up when the time is over; a rejection that nobody handles then fails the test, as it would end an agent.
    await new Promise((resolve) => setTimeout(resolve, 60));
  });
});
