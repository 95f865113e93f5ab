import assert from 'node:assert/strict';
import { logIndex, term } from '../../../consensus/core/types.ts';
import { CodecError } from '../../../consensus/driver/errors.ts';
import { checkHello, decodeHello, encodeHello, type Hello, ownHello } from '../../../consensus/driver/hello.ts';
import { SeededRandom } from './random-message.ts';

const own = ownHello({ clusterId: 'plant-7', clusterEpoch: 2, nodeId: 'n1', incarnation: 5 });
const former: Hello = { ...own, nodeId: 'n2' };
const peer: Hello = { ...former, run: 3, start: 77, promise: { term: term(4), votedFor: 'n1', index: logIndex(12) } };

describe('HELLO', () => {
  it('reads back as it was, and ignores what a later version appends', () => {
    assert.deepEqual(decodeHello(encodeHello(peer)), peer);
    assert.deepEqual(decodeHello(encodeHello(former)), former, 'of a release that tells nothing of its start');
    assert.deepEqual(decodeHello(Uint8Array.from([...encodeHello(peer), 1, 2, 3])), peer);
  });

  it('accepts a member of the same cluster and names the first thing that does not fit', () => {
    const expectation = { own, members: ['n1', 'n2', 'n3'] };
    assert.deepEqual(checkHello(expectation, peer), { ok: true, wireVersion: 3 });
    assert.deepEqual(checkHello(expectation, { ...peer, wireMax: 1 }), { ok: true, wireVersion: 1 }, 'the newest that both speak');
    assert.deepEqual(checkHello(expectation, { ...peer, wireMin: 2, wireMax: 5 }), { ok: true, wireVersion: 3 });
    const refused: readonly (readonly [Partial<Hello>, string])[] = [
      [{ wireMin: 4, wireMax: 5 }, 'WIRE_VERSION'],
      [{ clusterId: 'plant-8' }, 'CLUSTER_MISMATCH'],
      [{ clusterEpoch: 1 }, 'CLUSTER_EPOCH'],
      [{ nodeId: 'n1' }, 'NODE_SELF'],
      [{ nodeId: 'n9' }, 'NODE_UNKNOWN'],
    ];
    for (const [change, code] of refused) {
      const verdict = checkHello(expectation, { ...peer, ...change });
      assert.equal(verdict.ok ? 'ok' : verdict.code, code);
    }
    const other = checkHello({ ...expectation, expectedNode: 'n3' }, peer);
    assert.equal(other.ok ? 'ok' : other.code, 'NODE_UNEXPECTED');
  });

  it('answers 20,000 mutated and random payloads with a HELLO or a CodecError', () => {
    const random = new SeededRandom(3);
    for (let run = 0; run < 20_000; run++) {
      const bytes = run % 2 === 0 ? encodeHello(peer).slice() : random.bytes(random.nextInt(60));
      if (bytes.length > 0) bytes[random.nextInt(bytes.length)] = random.nextInt(256);
      try {
        const hello = decodeHello(bytes);
        assert.deepEqual(decodeHello(encodeHello(hello)), hello);
      } catch (error) {
        assert.ok(error instanceof CodecError, `run ${run}: ${String(error)}`);
      }
    }
  });
});
