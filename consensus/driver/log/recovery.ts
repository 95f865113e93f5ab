/** Reads the whole log back: entries by replay, or the reason why this box must not trust its memory. */
import { join } from 'node:path';
import { type Entry, type EntryId, type HardState, logIndex, type Term, term } from '../../core/types.ts';
import { damagedRemedy, StorageError } from '../errors.ts';
import type { FileSystem } from './file-system.ts';
import { type Manifest, type SegmentRecord, segmentName } from './manifest.ts';
import { scanSegment, type Tail } from './segment-scan.ts';

/** A segment, and the highest index of it that still counts (a later batch may have replaced its tail). */
export interface LiveSegment {
  readonly record: SegmentRecord;
  maxIndex: number;
}

export interface Replay {
  readonly entries: readonly Entry[];
  readonly segments: LiveSegment[];
  readonly last: EntryId;
  readonly lastBatch: number;
  readonly lastChecksum: number;
  /** Entries in the newest valid batch; 0 when it only records what is durable. */
  readonly lastCount: number;
  /** Where the newest valid batch begins in the open segment; undefined when that has none. */
  readonly lastOffset: number | undefined;
  /** Where the open segment's valid batches end. */
  readonly endOffset: number;
  readonly tail: Tail;
  readonly uncertain: EntryId | undefined;
}

/** Is `a` at least as far as `b` (Raft's order of logs)? */
export const reaches = (a: EntryId, b: EntryId): boolean => a.term > b.term || (a.term === b.term && a.index >= b.index);

/** @throws {StorageError} LOG_CORRUPT or VOTE_DAMAGED. */
export async function replayLog(fileSystem: FileSystem, directory: string, manifest: Manifest, hardState: HardState): Promise<Replay> {
  const { base } = manifest;
  const entries: Entry[] = [];
  const segments: LiveSegment[] = [];
  let scan: ReturnType<typeof scanSegment> | undefined;
  let lastBatch = (manifest.segments[0]?.firstBatch ?? 1) - 1;
  let lastChecksum = manifest.segments[0]?.previousChecksum ?? 0;
  let lastCount = 0;
  // What stood before may have gone with a compacted segment: right if a later batch took the place of what comes after the gap.
  let gap: { path: string; offset: number; index: number } | undefined;

  for (const record of manifest.segments) {
    const path = join(directory, segmentName(record.number));
    if (record.firstBatch !== lastBatch + 1 || record.previousChecksum !== lastChecksum) {
      throw corrupt(path, 0, 'The segment does not continue the one before');
    }
    scan = scanSegment(await readWhole(fileSystem, path), record, path);
    const live: LiveSegment = { record, maxIndex: 0 };
    for (const { header, entries: batch } of scan.batches) {
      for (const entry of batch) {
        if (entry.index > base.index + entries.length + 1) {
          gap ??= { path, offset: header.offset, index: entry.index };
          continue;
        }
        gap = undefined;
        // An entry the base has swallowed since still took the place of the tail that stood after it.
        entries.length = Math.max(0, entry.index - base.index - 1);
        if (entry.index > base.index) entries.push(entry);
      }
      const first = batch[0];
      if (first !== undefined) {
        for (const earlier of segments) earlier.maxIndex = Math.min(earlier.maxIndex, first.index - 1);
        live.maxIndex = header.last.index;
      }
      lastBatch = header.number;
      lastChecksum = header.checksum;
      lastCount = header.count;
    }
    segments.push(live);
  }
  if (gap !== undefined) throw corrupt(gap.path, gap.offset, `Entries before ${gap.index} are missing`);
  if (scan === undefined) throw corrupt(directory, 0, 'The manifest of the log names no segment');

  const last: EntryId = entries.at(-1) ?? base;
  if (last.term > hardState.term) {
    const remedy = damagedRemedy;
    const facts = { file: join(directory, 'vote'), remedy };
    throw new StorageError('VOTE_DAMAGED', `The vote file is older than the log (term ${hardState.term}, log ${last.term})`, facts);
  }
  const uncertain = newestUncertain(manifest.uncertain, lost(scan.tail, last, hardState.term), last);
  const { batches, endOffset, tail } = scan;
  const lastOffset = batches.at(-1)?.header.offset;
  return { entries, segments, last, lastBatch, lastChecksum, lastCount, lastOffset, endOffset, tail, uncertain };
}

/** The last entry that a damaged tail may have held. No entry can be of a later term than the one durably voted in. */
function lost(tail: Tail, last: EntryId, votedTerm: Term): EntryId | undefined {
  if (tail.kind !== 'damaged') return undefined;
  if (tail.last !== undefined) return tail.last;
  return tail.entriesMax === 0 ? undefined : { term: term(votedTerm), index: logIndex(last.index + tail.entriesMax) };
}

function newestUncertain(kept: EntryId | undefined, found: EntryId | undefined, last: EntryId): EntryId | undefined {
  const newest = kept !== undefined && (found === undefined || reaches(kept, found)) ? kept : found;
  return newest === undefined || reaches(last, newest) ? undefined : { term: newest.term, index: newest.index };
}

async function readWhole(fileSystem: FileSystem, path: string): Promise<Uint8Array> {
  const stat = await fileSystem.stat(path);
  if (stat === undefined) throw corrupt(path, 0, 'A segment of the log is missing');
  const file = await fileSystem.open(path, 'update');
  try {
    return await file.read(0, stat.bytes);
  } finally {
    await file.close();
  }
}

function corrupt(file: string, offset: number, message: string): StorageError {
  return new StorageError('LOG_CORRUPT', message, { file, offset, remedy: damagedRemedy });
}
