/** The list of the log's segments, replaced as a whole: what it says of closed segments is known to be durable. */
import { join } from 'node:path';
import { type EntryId, logIndex, term } from '../../core/types.ts';
import { damagedRemedy, StorageError } from '../errors.ts';
import type { FileSystem } from './file-system.ts';
import { checksum, identityPattern, logFormat } from './format.ts';
import { replaceFile } from './replace-file.ts';

export const manifestName = 'manifest';
const bytesMax = 1024 * 1024;

/** How far a closed segment is valid; whatever follows was never acknowledged. */
export interface SegmentEnd {
  readonly offset: number;
  readonly batch: number;
  readonly checksum: number;
}

export interface SegmentRecord {
  readonly number: number;
  /** Hexadecimal. */
  readonly nonce: string;
  readonly bytes: number;
  readonly firstBatch: number;
  /** Checksum of the batch before its first. */
  readonly previousChecksum: number;
  /** Undefined for the one being written. */
  readonly end: SegmentEnd | undefined;
}

export interface Manifest {
  /** `initialising` until term, vote and first segment stand: nothing was acknowledged before. */
  readonly state: 'initialising' | 'ready';
  readonly base: EntryId;
  /** See `Recovered.uncertain`; kept until the log reaches it. */
  readonly uncertain: EntryId | undefined;
  readonly segments: readonly SegmentRecord[];
  /** Drawn with the log, and in its vote file too: 16 hexadecimal digits. Undefined in what a release wrote that knew of none. */
  readonly identity: string | undefined;
  /** The vote file may be that of before there was an identity: it is being written anew. */
  readonly unbound?: boolean;
}

export const segmentName = (number: number): string => `segment-${String(number).padStart(10, '0')}.log`;

export async function writeManifest(fileSystem: FileSystem, directory: string, manifest: Manifest): Promise<void> {
  const body = `${JSON.stringify(manifest)}\n`;
  const version = manifest.identity === undefined ? 1 : logFormat;
  const sum = sumOf(String(version), body);
  await replaceFile(fileSystem, directory, manifestName, new TextEncoder().encode(`holdfast-log ${version} ${sum}\n${body}`));
}

/** Undefined when there is none. @throws {StorageError} LOG_CORRUPT, or LOG_VERSION for a newer format. */
export async function readManifest(fileSystem: FileSystem, directory: string): Promise<Manifest | undefined> {
  const path = join(directory, manifestName);
  const stat = await fileSystem.stat(path);
  if (stat === undefined) return undefined;
  const file = await fileSystem.open(path, 'update');
  const bytes = await file.read(0, Math.min(stat.bytes, bytesMax));
  await file.close();
  const text = Buffer.from(bytes).toString('latin1');
  const head = /^holdfast-log (\d{1,9}) ([0-9a-f]{8})\n/.exec(text);
  if (head === null) throw corrupt(path, 'The manifest of the log does not start as one');
  const body = text.slice(head[0].length);
  if (sumOf(head[1] ?? '', body) !== head[2]) {
    throw corrupt(path, 'The manifest of the log does not match its checksum');
  }
  const version = Number(head[1]);
  if (version !== 1 && version !== logFormat) {
    const remedy = 'Run the release that wrote it, or a newer one.';
    throw new StorageError('LOG_VERSION', `The log has format ${head[1]}, this release reads 1 to ${logFormat}`, {
      file: path,
      remedy,
    });
  }
  return parse(body, version, path);
}

/** Over the version as well: a flip there must not pass for a newer release. */
function sumOf(version: string, body: string): string {
  return checksum(Buffer.from(`${version}\n${body}`, 'latin1'))
    .toString(16)
    .padStart(8, '0');
}

/** The checksum vouches for the content, so this only brings back the types. */
function parse(body: string, version: number, path: string): Manifest {
  try {
    const raw = JSON.parse(body) as Manifest;
    const id = (from: EntryId): EntryId => ({ term: term(from.term), index: logIndex(from.index) });
    const segments = raw.segments.map((segment) => ({ ...segment, end: segment.end }));
    const identity = version === 1 ? undefined : raw.identity;
    if (version !== 1 && !identityPattern.test(identity ?? '')) throw new Error('no identity');
    const unbound = raw.unbound === true ? { unbound: true } : {};
    return { state: raw.state, base: id(raw.base), uncertain: raw.uncertain && id(raw.uncertain), segments, identity, ...unbound };
  } catch {
    throw corrupt(path, 'The manifest of the log cannot be read');
  }
}

function corrupt(file: string, message: string): StorageError {
  return new StorageError('LOG_CORRUPT', message, { file, remedy: damagedRemedy });
}
