/** What is read back from the disk. */
import assert from 'node:assert/strict';
import { type Entry, logIndex, term } from '../../consensus/core/types.ts';
import { CodecError, StorageError } from '../../consensus/driver/errors.ts';
import { alignUp, batchWriter, checksum, finishBatch, readRecords, unwrittenByte, writeRecord } from '../../consensus/driver/log/format.ts';
import { type Manifest, manifestName, readManifest, type SegmentRecord, writeManifest } from '../../consensus/driver/log/manifest.ts';
import { MemoryFileSystem } from '../../consensus/driver/log/memory-file-system.ts';
import { encodeSegmentHeader, firstBatchOffset, nonceOf } from '../../consensus/driver/log/segment-header.ts';
import { scanSegment } from '../../consensus/driver/log/segment-scan.ts';
import { VoteFile, voteFileName } from '../../consensus/driver/log/vote-file.ts';
import type { SeededRandom } from '../sim/random.ts';
import { assertSameBytes, refusedBy, type Target, type Verdict } from './target.ts';

const directory = '/log';

function entryAt(random: SeededRandom, index: number): Entry {
  const origin = random.chance(70) ? { node: 'n1', requestId: random.nextInt(1e6) } : undefined;
  const data = Uint8Array.from({ length: random.nextInt(40) }, () => random.nextInt(256));
  return { term: term(random.between(1, 9)), index: logIndex(index), kind: random.pick(['command', 'noop']), origin, data };
}

const recordsOf = (entries: readonly Entry[]): Uint8Array => {
  const writer = batchWriter();
  const begin = writer.length;
  for (const entry of entries) writeRecord(writer, entry);
  return writer.since(begin).slice();
};

const records: Target = {
  name: 'records',
  valid: (random) => recordsOf(Array.from({ length: random.between(1, 3) }, (_, at) => entryAt(random, 1 + at))),
  check(input, random) {
    // In half of them the first checksum is made to fit, so that what stands behind it is read.
    if (random.chance(50) && input.length >= 8) {
      const view = new DataView(input.buffer, input.byteOffset, input.length);
      const length = random.chance(70) ? Math.min(view.getUint32(0), input.length - 8) : input.length - 8;
      view.setUint32(0, length);
      view.setUint32(4, checksum(input.subarray(8, 8 + length)));
    }
    const count = random.between(1, 4);
    const read = refusedBy(CodecError, () => readRecords(input, count));
    if (read === 'refused') return read;
    assertSameBytes(recordsOf(read.value), input, 'one way to write each record');
    return 'taken';
  },
};

const record: SegmentRecord = { number: 7, nonce: '0102030405060708', bytes: 4096, firstBatch: 3, previousChecksum: 99, end: undefined };
/** Three batches of one sector each. */
const written: readonly Entry[] = [1, 2, 3].map((index) => ({
  term: term(2),
  index: logIndex(index),
  kind: 'command',
  origin: { node: 'n1', requestId: index },
  data: new Uint8Array(40).fill(index),
}));
const lastBatchAt = firstBatchOffset + 2 * alignUp(1);
const wholeSegment = makeSegment();

function makeSegment(): Uint8Array {
  const bytes = new Uint8Array(record.bytes).fill(unwrittenByte);
  bytes.set(encodeSegmentHeader(record));
  let [offset, previousChecksum, number] = [firstBatchOffset, record.previousChecksum, record.firstBatch];
  for (const entry of written) {
    const writer = batchWriter();
    writeRecord(writer, entry);
    const facts = { nonce: nonceOf(record), offset, number, durableNumber: number - 1, previousChecksum, last: entry };
    const batch = finishBatch(writer, facts, entry, 1);
    bytes.set(batch.bytes, offset);
    offset += batch.bytes.length;
    previousChecksum = batch.checksum;
    number += 1;
  }
  return bytes;
}

const segment: Target = {
  name: 'segments',
  cost: 8,
  valid: () => wholeSegment,
  check(input) {
    const read = refusedBy(StorageError, () => scanSegment(input, record, 'segment'));
    if (read === 'refused') return read;
    const found = read.value.batches.flatMap(({ entries }) => entries);
    assert.deepEqual(found, written.slice(0, found.length), 'never an entry that was not written');
    // One fault before the last batch is always found, as a batch is written once the one before it is durable. Two may hide each other.
    const changed = (byte: number, at: number): boolean => input[at] !== byte;
    const isEarly = input.length === wholeSegment.length && wholeSegment.findLastIndex(changed) < lastBatchAt;
    if (isEarly) assert.equal(wholeSegment.findIndex(changed), -1, 'a change that was not found');
    // A head as it was before anything was written there is what a power cut leaves: nothing on this disk can tell the two apart.
    const { endOffset, tail } = read.value;
    const isUnwritten = input.subarray(endOffset, endOffset + alignUp(1)).every((byte) => byte === unwrittenByte);
    if (found.length < written.length && !isUnwritten) assert.equal(tail.kind, 'damaged', 'lost without a word');
    return 'taken';
  },
};

/** Reads a file through the same disk as tests of the log do. */
async function onDisk(name: string, bytes: Uint8Array): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  await disk.makeDirectory(directory);
  const file = await disk.open(`${directory}/${name}`, 'create');
  await file.pwrite(bytes, 0);
  return disk;
}

async function verdictOf(read: Promise<unknown>): Promise<Verdict> {
  try {
    await read;
    return 'taken';
  } catch (error) {
    if (error instanceof StorageError) return 'refused';
    throw error;
  }
}

const identity = '00112233445566ff';
const manifests: readonly Manifest[] = [
  { state: 'initialising', base: { term: term(0), index: logIndex(0) }, uncertain: undefined, segments: [], identity },
  { state: 'initialising', base: { term: term(0), index: logIndex(0) }, uncertain: undefined, segments: [], identity: undefined },
  {
    state: 'ready',
    base: { term: term(3), index: logIndex(70) },
    uncertain: { term: term(3), index: logIndex(90) },
    segments: [
      { ...record, end: { offset: 1024, batch: 9, checksum: 4 } },
      { ...record, number: 8 },
    ],
    identity,
    unbound: true,
  },
];

const filesOf = async (write: (disk: MemoryFileSystem) => Promise<unknown>, name: string): Promise<Uint8Array> => {
  const disk = new MemoryFileSystem();
  await disk.makeDirectory(directory);
  await write(disk);
  return disk.files().get(`${directory}/${name}`) as Uint8Array;
};
const manifestFiles = await Promise.all(
  manifests.map((manifest) => filesOf((disk) => writeManifest(disk, directory, manifest), manifestName)),
);
const voteOf = (votedFor: string | undefined, saidTerm: number, log: string | undefined) =>
  filesOf(async (disk) => (await VoteFile.create(disk, directory, log)).save({ term: term(saidTerm), votedFor }), voteFileName);
const voteFiles = await Promise.all([undefined, 'n2'].map((votedFor) => voteOf(votedFor, 5, identity)));
/** Those of another log, and of a release that knew of no identity: not this log's, however whole. */
const strayVotes = await Promise.all([voteOf('n3', 6, 'ffffffffffffffff'), voteOf('n3', 6, undefined)]);

const manifest: Target = {
  name: 'manifests',
  cost: 8,
  valid: (random) => random.pick(manifestFiles),
  async check(input) {
    const disk = await onDisk(manifestName, input);
    const verdict = await verdictOf(readManifest(disk, directory));
    if (verdict === 'taken')
      assert.ok(
        manifestFiles.some((file) => Buffer.from(file).equals(input)),
        'a changed manifest was taken',
      );
    return verdict;
  },
};

const vote: Target = {
  name: 'votes',
  cost: 16,
  valid: (random) => random.pick(random.nextInt(4) === 0 ? strayVotes : voteFiles),
  async check(input) {
    const disk = await onDisk(voteFileName, input);
    return verdictOf(
      VoteFile.open(disk, directory, { identity }).then(({ hardState }) => {
        assert.equal(hardState.term, 5);
        assert.ok(hardState.votedFor === undefined || hardState.votedFor === 'n2', 'a vote nobody gave');
      }),
    );
  },
};

export const diskTargets: readonly Target[] = [records, segment, manifest, vote];
