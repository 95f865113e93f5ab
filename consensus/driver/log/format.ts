/** The bytes of the log: sizes, batch headers and records. The text form of this is in ../../README.md; change both. */
import { crc32 } from 'node:zlib';
import { type Entry, type EntryId, type LogIndex, logIndex, type Term, term } from '../../core/types.ts';
import { ByteReader, ByteWriter } from '../bytes.ts';
import { readEntry, writeEntry } from '../entry-codec.ts';

/** Version of the log's directory, in its manifest and its vote file. 1 had no identity; it is read, and becomes this one. */
export const logFormat = 2;
/** Version of segments and batches. */
export const segmentFormat = 1;
/** Batches start on sectors, so that a header is never torn: it is there or it is not. */
export const sectorBytes = 512;
/** What a new segment is filled with: a sector that was zeroed later is told from one never written. */
export const unwrittenByte = 0xe5;
export const batchHeaderBytes = 96;
/** Length, checksum, and an entry of a single byte per field. */
export const recordBytesMin = 13;
const batchMagic = 0x48464231; // 'HFB1'
const checksumAt = 92;
export const nonceBytes = 8;
/** What tells one log from every other, in hexadecimal. */
export const identityPattern = /^[0-9a-f]{16}$/;

export const checksum = (bytes: Uint8Array): number => crc32(bytes);
export const alignUp = (bytes: number): number => Math.ceil(bytes / sectorBytes) * sectorBytes;

export interface BatchHeader {
  /** Drawn for each segment, so that bytes of another file are never taken for a batch of this one. */
  readonly nonce: Uint8Array;
  /** Where in the segment it stands. */
  readonly offset: number;
  /** Counts all batches of this log from 1. */
  readonly number: number;
  /** The newest batch known to be durable when this one was written. */
  readonly durableNumber: number;
  /** `checksum` of the header before, 0 for the first batch of all. */
  readonly previousChecksum: number;
  readonly count: number;
  readonly first: EntryId;
  /** Of the log after this batch, also when it is empty. */
  readonly last: EntryId;
  readonly payloadBytes: number;
  /** Over everything from the header to the end of the last sector. */
  readonly payloadChecksum: number;
  readonly checksum: number;
}

const noId: EntryId = { term: 0 as Term, index: 0 as LogIndex };

/** Appends one record. */
export function writeRecord(writer: ByteWriter, entry: Entry): void {
  const start = writer.length;
  writer.u32(0);
  writer.u32(0);
  writer.uint(entry.index);
  writeEntry(writer, entry);
  writer.patchU32(start, writer.length - start - 8);
  writer.patchU32(start + 4, checksum(writer.since(start + 8)));
}

/** @throws {CodecError} when a record does not check. */
export function readRecords(payload: Uint8Array, count: number): Entry[] {
  const reader = new ByteReader(payload);
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const length = reader.u32();
    const expected = reader.u32();
    const start = reader.offset;
    if (length > reader.remaining || checksum(payload.subarray(start, start + length)) !== expected) {
      throw reader.fail('a record does not match its checksum');
    }
    entries.push(readEntry(reader, logIndex(reader.uint())));
    if (reader.offset !== start + length) throw reader.fail('a record is longer than its entry');
  }
  reader.end();
  return entries;
}

export type BatchFacts = Pick<BatchHeader, 'nonce' | 'offset' | 'number' | 'durableNumber' | 'previousChecksum' | 'last'>;

/** A writer with room for the header in front; records follow. */
export function batchWriter(): ByteWriter {
  const writer = new ByteWriter(4096);
  writer.raw(new Uint8Array(batchHeaderBytes));
  return writer;
}

/** Completes a batch: header in front, zeros up to the sector's end behind. Returns the bytes and the header's checksum. */
export function finishBatch(
  writer: ByteWriter,
  facts: BatchFacts,
  first: EntryId | undefined,
  count: number,
): { bytes: Uint8Array; checksum: number } {
  const payloadBytes = writer.length - batchHeaderBytes;
  writer.raw(new Uint8Array(alignUp(writer.length) - writer.length));
  const bytes = writer.finish();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(0, batchMagic);
  view.setUint32(4, segmentFormat);
  bytes.set(facts.nonce, 8);
  setU64(view, 16, facts.offset);
  setU64(view, 24, facts.number);
  setU64(view, 32, facts.durableNumber);
  view.setUint32(40, facts.previousChecksum);
  view.setUint32(44, count);
  setU64(view, 48, (first ?? noId).index);
  setU64(view, 56, (first ?? noId).term);
  setU64(view, 64, facts.last.index);
  setU64(view, 72, facts.last.term);
  view.setUint32(80, payloadBytes);
  view.setUint32(84, checksum(bytes.subarray(batchHeaderBytes)));
  const headerChecksum = checksum(bytes.subarray(0, checksumAt));
  view.setUint32(checksumAt, headerChecksum);
  return { bytes, checksum: headerChecksum };
}

/** The header at this place, or undefined when none of this segment stands there whole. */
export function readBatchHeader(segment: Uint8Array, offset: number, nonce: Uint8Array): BatchHeader | undefined {
  if (offset + batchHeaderBytes > segment.length) return undefined;
  const view = new DataView(segment.buffer, segment.byteOffset + offset, batchHeaderBytes);
  if (view.getUint32(0) !== batchMagic || view.getUint32(4) !== segmentFormat) return undefined;
  const expected = view.getUint32(checksumAt);
  if (checksum(segment.subarray(offset, offset + checksumAt)) !== expected) return undefined;
  const own = segment.subarray(offset + 8, offset + 8 + nonceBytes);
  if (!own.every((byte, i) => byte === nonce[i]) || getU64(view, 16) !== offset) return undefined;
  return {
    nonce: own,
    offset,
    number: getU64(view, 24),
    durableNumber: getU64(view, 32),
    previousChecksum: view.getUint32(40),
    count: view.getUint32(44),
    first: { index: logIndex(getU64(view, 48)), term: term(getU64(view, 56)) },
    last: { index: logIndex(getU64(view, 64)), term: term(getU64(view, 72)) },
    payloadBytes: view.getUint32(80),
    payloadChecksum: view.getUint32(84),
    checksum: expected,
  };
}

export function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 4, value >>> 0);
}

export function getU64(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}
