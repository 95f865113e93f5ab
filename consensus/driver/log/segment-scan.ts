/** Reads one segment back and judges what stands at its end. */
import type { Entry, EntryId } from '../../core/types.ts';
import { CodecError, damagedRemedy, StorageError } from '../errors.ts';
import {
  alignUp,
  type BatchHeader,
  batchHeaderBytes,
  checksum,
  readBatchHeader,
  readRecords,
  recordBytesMin,
  sectorBytes,
  segmentFormat,
  unwrittenByte,
} from './format.ts';
import type { SegmentRecord } from './manifest.ts';
import { encodeSegmentHeader, firstBatchOffset, nonceOf } from './segment-header.ts';

export interface ScannedBatch {
  readonly header: BatchHeader;
  readonly entries: readonly Entry[];
}

/**
 * What follows the last valid batch. `clean`: nothing. `torn`: a write that a crash cut off before its sync, so nobody was told
 * of it. `damaged`: a batch that may have been acknowledged; `last` is its last entry where its header says so, otherwise
 * `entriesMax` bounds how many entries it can have held.
 */
export type Tail =
  | { readonly kind: 'clean' }
  | { readonly kind: 'torn' }
  | { readonly kind: 'damaged'; readonly last: EntryId | undefined; readonly entriesMax: number };

export interface SegmentScan {
  readonly batches: readonly ScannedBatch[];
  readonly endOffset: number;
  readonly tail: Tail;
}

/**
 * Checks every byte that was acknowledged. For a closed segment that is everything up to its recorded end; for the open one,
 * everything before the last valid batch, because a batch is written only once the one before it is durable.
 * @throws {StorageError} LOG_CORRUPT with the place.
 */
export function scanSegment(bytes: Uint8Array, segment: SegmentRecord, path: string): SegmentScan {
  if (bytes.length < segment.bytes) {
    throw corrupt(path, bytes.length, `The segment was cut to ${bytes.length} of ${segment.bytes} bytes`);
  }
  const header = encodeSegmentHeader(segment);
  if (!header.every((byte, i) => bytes[i] === byte)) throw corrupt(path, 0, 'The head of the segment is damaged');

  const nonce = nonceOf(segment);
  const end = segment.end?.offset ?? segment.bytes;
  const batches: ScannedBatch[] = [];
  let offset = firstBatchOffset;
  let previous = segment.previousChecksum;
  while (offset < end) {
    const batch = readBatch(bytes, offset, nonce);
    if (typeof batch === 'string') break;
    const number = segment.firstBatch + batches.length;
    if (batch.header.number !== number || batch.header.previousChecksum !== previous) {
      throw corrupt(path, offset, `Batch ${batch.header.number} stands where batch ${number} belongs`);
    }
    batches.push(batch);
    previous = batch.header.checksum;
    offset += alignUp(batchHeaderBytes + batch.header.payloadBytes);
  }
  if (segment.end === undefined) return { batches, endOffset: offset, tail: judgeTail(bytes, offset, nonce, path) };

  const lastBatch = segment.firstBatch + batches.length - 1;
  if (offset !== end || lastBatch !== segment.end.batch || previous !== segment.end.checksum) {
    throw corrupt(path, offset, `A durable batch is damaged (batch ${lastBatch + 1} of ${segment.end.batch})`);
  }
  return { batches, endOffset: offset, tail: { kind: 'clean' } };
}

function readBatch(bytes: Uint8Array, offset: number, nonce: Uint8Array): ScannedBatch | 'no header' | 'bad payload' {
  const header = readBatchHeader(bytes, offset, nonce);
  if (header === undefined) return 'no header';
  const start = offset + batchHeaderBytes;
  const end = offset + alignUp(batchHeaderBytes + header.payloadBytes);
  if (end > bytes.length || checksum(bytes.subarray(start, end)) !== header.payloadChecksum) return 'bad payload';
  try {
    return { header, entries: readRecords(bytes.subarray(start, start + header.payloadBytes), header.count) };
  } catch (error) {
    if (error instanceof CodecError) return 'bad payload';
    throw error;
  }
}

function judgeTail(bytes: Uint8Array, offset: number, nonce: Uint8Array, path: string): Tail {
  const header = readBatchHeader(bytes, offset, nonce);
  const after = offset + (header === undefined ? sectorBytes : alignUp(batchHeaderBytes + header.payloadBytes));
  for (let at = after; at < bytes.length; at += sectorBytes) {
    if (readBatchHeader(bytes, at, nonce) !== undefined) {
      throw corrupt(path, offset, `A durable batch is damaged: a later one stands at byte ${at}`);
    }
  }
  if (header !== undefined) return { kind: 'damaged', last: header.count > 0 ? header.last : undefined, entriesMax: 0 };
  const written = lastWritten(bytes, offset);
  if (written === undefined) return { kind: 'clean' };
  // A crash leaves a header whole or unwritten. Unwritten: the batch never reached its sync, whatever else of it is there.
  if (isUnwritten(bytes, offset)) return { kind: 'torn' };
  return { kind: 'damaged', last: undefined, entriesMax: Math.ceil((written + sectorBytes - offset) / recordBytesMin) };
}

/** Start of the last sector from `offset` on that is not as it was pre-written. */
function lastWritten(bytes: Uint8Array, offset: number): number | undefined {
  for (let at = bytes.length - (bytes.length % sectorBytes || sectorBytes); at >= offset; at -= sectorBytes) {
    if (!isUnwritten(bytes, at)) return at;
  }
  return undefined;
}

function isUnwritten(bytes: Uint8Array, at: number): boolean {
  const end = Math.min(at + sectorBytes, bytes.length);
  for (let i = at; i < end; i++) if (bytes[i] !== unwrittenByte) return false;
  return true;
}

function corrupt(file: string, offset: number, message: string): StorageError {
  return new StorageError('LOG_CORRUPT', `${message} (log format ${segmentFormat})`, { file, offset, remedy: damagedRemedy });
}
