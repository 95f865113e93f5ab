import assert from 'node:assert/strict';
import { limits, logIndex, term } from '../../../consensus/core/types.ts';
import { decodeMessage, encodeMessage, messageTypes } from '../../../consensus/driver/codec.ts';
import { CodecError } from '../../../consensus/driver/errors.ts';
import { encodeFrames, FrameSplitter } from '../../../consensus/driver/framing.ts';
import { randomMessage, SeededRandom } from './random-message.ts';

const seed = Number(process.env.SEED ?? 1);

/** Either a message that encodes to the very same bytes, or a `CodecError`. */
function checkDecode(payload: Uint8Array, note: string): 'message' | 'error' {
  try {
    const message = decodeMessage(payload);
    assert.deepEqual(encodeMessage(message, payload[0]), new Uint8Array(payload), note);
    return 'message';
  } catch (error) {
    if (error instanceof CodecError) return 'error';
    throw error;
  }
}

describe('codec', () => {
  it('reads back every type of message as it was', () => {
    const random = new SeededRandom(seed);
    for (const type of messageTypes) {
      for (let run = 0; run < 200; run++) {
        const message = randomMessage(random, type);
        assert.deepEqual(decodeMessage(encodeMessage(message)), message, `replay with SEED=${seed}: ${type} ${run}`);
      }
    }
  });

  it('K20: what an older release has no place for is left out for it, and read as not said', () => {
    const random = new SeededRandom(seed);
    for (const type of messageTypes) {
      const message = randomMessage(random, type);
      const said = type === 'PING' ? { electionTicks: 0, restTicks: 0, lastIndex: 0 } : type === 'ACK' ? { restTicks: 0 } : {};
      const payload = encodeMessage(message, 1);
      assert.equal(payload[0], 1);
      assert.deepEqual(decodeMessage(payload), { ...message, ...said }, type);
      const unmeasured = type === 'PING' ? { lastIndex: 0 } : {};
      assert.deepEqual(decodeMessage(encodeMessage(message, 2)), { ...message, ...unmeasured }, type);
    }
  });

  it('answers 120,000 mutated and random frames with a message or a CodecError', function () {
    this.timeout(60_000);
    const random = new SeededRandom(seed + 1);
    const seen = { message: 0, error: 0 };
    for (let run = 0; run < 120_000; run++) {
      const note = `replay with SEED=${seed}, run ${run}`;
      if (run % 6 === 0) {
        seen[checkDecode(random.bytes(random.nextInt(80)), note)]++;
        continue;
      }
      const valid = encodeMessage(randomMessage(random, messageTypes[run % messageTypes.length] ?? 'PING'));
      const cut = random.nextInt(4) === 0 ? valid.slice(0, random.nextInt(valid.length + 1)) : valid.slice();
      for (let flips = random.nextInt(3); flips >= 0 && cut.length > 0; flips--) {
        cut[random.nextInt(cut.length)] = random.nextInt(256);
      }
      seen[checkDecode(cut, note)]++;
    }
    assert.ok(seen.message > 1000, 'the fuzz also reaches valid messages');
    assert.ok(seen.error > 50_000, 'the fuzz also reaches errors');
  });

  it('does not let a kept message hold or see the buffer of the network', () => {
    const message = {
      type: 'REQUEST',
      from: 'n1',
      to: 'n2',
      term: term(1),
      requestId: 1,
      kind: 'command',
      data: new Uint8Array([7]),
    } as const;
    const payload = Buffer.from(encodeMessage(message));
    const decoded = decodeMessage(payload);
    payload.fill(0);
    assert.deepEqual(decoded, message);
  });

  it('refuses another version, a list longer than its frame, a gap in entries, and numbers that are none', () => {
    const payload = encodeMessage({ type: 'TIMEOUT_NOW', from: 'n1', to: 'n2', term: term(1) });
    assert.throws(() => decodeMessage(Uint8Array.from([9, ...payload.slice(1)])), { code: 'FRAME_VERSION' });
    assert.throws(() => decodeMessage(Uint8Array.from([...payload, 0])), { code: 'FRAME_MALFORMED' });
    const append = {
      type: 'APPEND',
      from: 'n1',
      to: 'n2',
      term: term(1),
      prevTerm: term(0),
      prevIndex: logIndex(0),
      entries: [],
      commitIndex: logIndex(0),
    } as const;
    const empty = encodeMessage(append);
    assert.throws(() => decodeMessage(Uint8Array.from([...empty.slice(0, -1), 0xff, 0x07])), { code: 'FRAME_TRUNCATED' });
    const entry = { term: term(1), index: logIndex(3), kind: 'noop', origin: undefined, data: new Uint8Array() } as const;
    assert.throws(() => encodeMessage({ ...append, entries: [entry] }), { code: 'FRAME_MALFORMED' });
    assert.throws(() => encodeMessage({ ...append, term: term(-1) }), { code: 'FRAME_MALFORMED' });
    assert.throws(() => encodeMessage({ ...append, from: 'N 1' }), { code: 'FRAME_MALFORMED' });
  });

  it('fits the largest APPEND and SNAPSHOT the limits allow into a frame', () => {
    const data = new Uint8Array(limits.entryBytesMax);
    const entry = (index: number) => ({ term: term(1), index: logIndex(index), kind: 'command', origin: undefined, data }) as const;
    const base = { from: 'n1', to: 'n2', term: term(1) };
    const append = {
      ...base,
      type: 'APPEND',
      prevTerm: term(0),
      prevIndex: logIndex(0),
      entries: [entry(1), entry(2), entry(3)],
      commitIndex: logIndex(0),
    } as const;
    assert.deepEqual(decodeMessage(encodeMessage(append)), append);
  });
});

describe('framing', () => {
  it('cuts a stream into its frames whatever the sizes of the chunks', () => {
    const random = new SeededRandom(seed + 2);
    for (let run = 0; run < 300; run++) {
      const payloads = Array.from({ length: 1 + random.nextInt(6) }, () => random.bytes(1 + random.nextInt(50)));
      const stream = encodeFrames(payloads);
      const splitter = new FrameSplitter();
      const got: Uint8Array[] = [];
      for (let at = 0; at < stream.length; ) {
        const end = Math.min(stream.length, at + 1 + random.nextInt(20));
        got.push(...splitter.push(stream.slice(at, end)));
        at = end;
      }
      assert.deepEqual(got, payloads, `replay with SEED=${seed}, run ${run}`);
      assert.equal(splitter.buffered, 0);
    }
  });

  it('refuses a length of zero or above the limit before it has the bytes', () => {
    assert.throws(() => new FrameSplitter().push(new Uint8Array([0, 0, 0, 0])), { code: 'FRAME_TOO_LARGE' });
    assert.throws(() => new FrameSplitter().push(new Uint8Array([0x7f, 0, 0, 0])), { code: 'FRAME_TOO_LARGE' });
    assert.throws(() => encodeFrames([new Uint8Array(limits.frameBytesMax + 1)]), { code: 'FRAME_TOO_LARGE' });
  });
});
