/** What comes over the network. */
import assert from 'node:assert/strict';
import { decodeChanges, decodeMembership, encodeChanges, encodeMembership } from '../../consensus/core/membership-bytes.ts';
import type { RoleChange } from '../../consensus/core/types.ts';
import { decodeMessage, encodeMessage, messageTypes, wireVersion, wireVersionMin } from '../../consensus/driver/codec.ts';
import { CodecError } from '../../consensus/driver/errors.ts';
import { encodeFrames, FrameSplitter } from '../../consensus/driver/framing.ts';
import { decodeHello, encodeHello, type Hello } from '../../consensus/driver/hello.ts';
import { decodeSnapshot, encodeSnapshot, type Row } from '../../consensus/driver/snapshot-codec.ts';
import { randomMessage } from '../consensus/driver/random-message.ts';
import type { SeededRandom } from '../sim/random.ts';
import { assertSameBytes, refusedBy, type Target } from './target.ts';

const bytesOf = (random: SeededRandom, length: number): Uint8Array => Uint8Array.from({ length }, () => random.nextInt(256));
/** As the generator of messages wants it. */
const withBytes = (random: SeededRandom) => ({
  nextInt: (below: number) => random.nextInt(below),
  bytes: (length: number) => bytesOf(random, length),
});

const message: Target = {
  name: 'messages',
  valid: (random) =>
    encodeMessage(randomMessage(withBytes(random), random.pick(messageTypes)), random.between(wireVersionMin, wireVersion)),
  check(input) {
    const read = refusedBy(CodecError, () => decodeMessage(input));
    if (read === 'refused') return read;
    assertSameBytes(encodeMessage(read.value, input[0]), input, 'one way to write each message');
    return 'taken';
  },
};

const frames: Target = {
  name: 'frames',
  valid: (random) => encodeFrames(Array.from({ length: random.between(1, 5) }, () => bytesOf(random, random.between(1, 60)))),
  check(input, random) {
    const splitter = new FrameSplitter(256);
    let taken = 0;
    const read = refusedBy(CodecError, () => {
      for (let at = 0; at < input.length; ) {
        const end = Math.min(input.length, at + random.between(1, 40));
        for (const payload of splitter.push(input.subarray(at, end))) {
          assertSameBytes(payload, input.subarray(taken + 4, taken + 4 + payload.length), 'what was framed');
          taken += 4 + payload.length;
        }
        at = end;
        assert.ok(splitter.buffered <= 256 + 4 + 40, 'holds no more than a frame and a chunk');
      }
    });
    return read === 'refused' ? read : 'taken';
  },
};

const hello: Target = {
  name: 'hello',
  valid(random) {
    const greeting: Hello = {
      wireMin: 1,
      wireMax: random.between(1, 9),
      clusterId: 'mill-7',
      clusterEpoch: random.nextInt(3),
      nodeId: 'press-1',
      incarnation: random.nextInt(9),
    };
    const promise = {
      term: random.nextInt(1e6),
      index: random.nextInt(1e9),
      votedFor: random.chance(50) ? 'press-2' : undefined,
    } as unknown as NonNullable<Hello['promise']>;
    return encodeHello(random.chance(50) ? greeting : { ...greeting, run: random.nextInt(1e6), start: random.nextInt(99), promise });
  },
  check(input) {
    const read = refusedBy(CodecError, () => decodeHello(input));
    if (read === 'refused') return read;
    // Bytes behind the known fields belong to later versions.
    assert.deepEqual(decodeHello(encodeHello(read.value)), read.value);
    return 'taken';
  },
};

const names = ['n1', 'n2', 'n3', 'a-rather-long-name-of-a-box-17'] as const;

const membership: Target = {
  name: 'memberships',
  valid(random) {
    const some = (): string[] => names.filter(() => random.chance(40));
    const voters = some();
    return encodeMembership({
      voters,
      votersBefore: some(),
      learners: names.filter((name) => !voters.includes(name)).slice(0, 1),
      witnesses: [],
    });
  },
  check(input) {
    const read = decodeMembership(input);
    if (read === undefined) return 'refused';
    assertSameBytes(encodeMembership(read), input, 'one way to write each membership');
    return 'taken';
  },
};

const changes: Target = {
  name: 'changes',
  valid(random) {
    const roles: readonly RoleChange['role'][] = ['learner', 'witness-learner', 'voter', 'none'];
    return encodeChanges(Array.from({ length: random.between(1, 4) }, () => ({ id: random.pick(names), role: random.pick(roles) })));
  },
  check(input) {
    const read = decodeChanges(input);
    if (read === undefined) return 'refused';
    assert.deepEqual(decodeChanges(encodeChanges(read)), read);
    return 'taken';
  },
};

const now = async (): Promise<void> => undefined;

const snapshot: Target = {
  name: 'snapshots',
  valid: (random) =>
    snapshotBytes(Array.from({ length: random.nextInt(6) }, (_, at): Row => [`kv/${at}`, bytesOf(random, random.nextInt(30))])),
  async check(input) {
    let rows: Row[];
    try {
      rows = await decodeSnapshot(input, now);
    } catch (error) {
      if (error instanceof CodecError) return 'refused';
      throw error;
    }
    assertSameBytes(await encodeSnapshot(rows, now), input, 'one way to write each snapshot');
    return 'taken';
  },
};

/** Without the pauses of the encoder, which are for states of many rows. */
function snapshotBytes(rows: readonly Row[]): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(1)];
  for (const [key, value] of rows) {
    const text = new TextEncoder().encode(key);
    parts.push(Uint8Array.of(text.length), text, Uint8Array.of(value.length), value);
  }
  return Uint8Array.from(Buffer.concat(parts));
}

export const wireTargets: readonly Target[] = [message, frames, hello, membership, changes, snapshot];
