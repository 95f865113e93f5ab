import assert from 'node:assert/strict';
import { DeltaCalls } from '../../../agent/network/delta-calls.ts';
import type { CallPort, KnownPeer } from '../../../agent/ports.ts';

type Handler = (from: KnownPeer, request: Uint8Array) => Promise<Uint8Array>;
const child: KnownPeer = { name: 'box-a', site: 'mill', peerId: 'key', address: undefined, relation: 'child' };
const bytesMax = 1 << 20;
const options = { timeoutMs: 1000, responseBytesMax: bytesMax };

/** A line that counts bytes, and loses or spoils what it is told to. */
class Line implements CallPort {
  handler: Handler | undefined;
  calls = 0;
  sent = 0;
  came = 0;
  losesAnswer = false;
  spoil: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes;

  serve(_protocol: string, _limits: object, handler: Handler): void {
    this.handler = handler;
  }

  async call(_to: string, _protocol: string, request: Uint8Array): Promise<Uint8Array> {
    assert.ok(this.handler);
    this.calls += 1;
    this.sent += request.byteLength;
    const answer = await this.handler(child, this.spoil(request));
    if (this.losesAnswer) throw new Error('TIMEOUT');
    this.came += answer.byteLength;
    return answer;
  }
}

const report = (counter: number): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify({
      counter,
      boxes: Array.from({ length: 40 }, (_, box) => ({ name: `box-${box}`, key: (box * 7919) ** 3, age: counter + box })),
    }),
  );
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe('calls told against the last of their kind', () => {
  let line: Line;
  let client: DeltaCalls;
  let heard: string[];
  const serve = (): void =>
    new DeltaCalls(line).serve('/p/1', { requestBytesMax: bytesMax }, async (_from, request) => {
      heard.push(text(request));
      return Buffer.concat([request, Buffer.from('!')]);
    });
  beforeEach(() => {
    line = new Line();
    client = new DeltaCalls(line);
    heard = [];
    serve();
  });
  const ask = async (counter: number): Promise<void> => {
    const answer = await client.call('region-1', '/p/1', report(counter), options);
    assert.equal(text(answer), `${text(report(counter))}!`);
    assert.equal(heard.at(-1), text(report(counter)));
  };

  it('what was said before costs next to nothing, both ways', async () => {
    await ask(1);
    const [sent, came] = [line.sent, line.came];
    await ask(1);
    assert.ok(line.sent - sent < 64, `${line.sent - sent} bytes to say the same again, ${report(1).byteLength} in full`);
    assert.ok(line.came - came < 64, `${line.came - came} bytes of answer`);
    await ask(2);
    assert.equal(line.calls, 3);
  });

  it('a side that forgot, and an answer that was lost, cost one more call and nothing else', async () => {
    await ask(1);
    serve();
    await ask(2);
    assert.equal(line.calls, 3, 'the far side was restarted');
    line.losesAnswer = true;
    await assert.rejects(client.call('region-1', '/p/1', report(3), options), /TIMEOUT/);
    line.losesAnswer = false;
    await ask(4);
    assert.equal(line.calls, 6, 'the far side heard of a report whose answer never came');
    client = new DeltaCalls(line);
    await ask(5);
    assert.equal(line.calls, 7, 'this side was restarted');
  });

  it('what cannot be unpacked, is of another version or too large is refused with a code', async () => {
    const refused = async (spoil: Line['spoil'], code: RegExp): Promise<void> => {
      line.spoil = spoil;
      await assert.rejects(client.call('region-1', '/p/1', report(1), options), code);
    };
    await refused((bytes) => Uint8Array.of(9, ...bytes.subarray(1)), /CALL_MALFORMED.*version/);
    await refused((bytes) => Uint8Array.of(1, 0, ...bytes.subarray(2).map((byte) => byte ^ 0x55)), /CALL_MALFORMED/);
    await refused(() => new Uint8Array(0), /CALL_MALFORMED/);
    line.spoil = (bytes) => bytes;
    await assert.rejects(client.call('region-1', '/p/1', new Uint8Array(bytesMax + 1), options), /TOO_LARGE/);
    assert.deepEqual(heard, []);
    await assert.rejects(client.call('region-1', '/p/1', report(1), { ...options, responseBytesMax: 100 }), /TOO_LARGE/);
  });
});
