/** Files in a log's directory that its manifest does not name. */
import { join } from 'node:path';
import { damagedRemedy, StorageError } from '../errors.ts';
import type { FileSystem } from './file-system.ts';
import { type Manifest, segmentName } from './manifest.ts';
import { voteFileName } from './vote-file.ts';

/** A log without its manifest is no new log. Temporary files and the reserve alone prove nothing. */
export function refuseLeftovers(directory: string, names: readonly string[]): void {
  const leftover = names.find((name) => name === voteFileName || name.startsWith('segment-'));
  if (leftover === undefined) return;
  const facts = { file: join(directory, leftover), remedy: damagedRemedy };
  throw new StorageError('LOG_CORRUPT', 'The manifest of the log is missing beside its other files', facts);
}

/** Removes files the manifest does not name. Returns the first segment number never used. */
export async function removeLeftovers(
  fileSystem: FileSystem,
  directory: string,
  names: readonly string[],
  manifest: Manifest,
): Promise<number> {
  const named = new Set(manifest.segments.map(({ number }) => segmentName(number)));
  let next = Math.max(0, ...manifest.segments.map(({ number }) => number)) + 1;
  for (const name of names) {
    const number = Number(/^segment-(\d{10})\.log$/.exec(name)?.[1] ?? 0);
    next = Math.max(next, number + 1);
    if (name.endsWith('.tmp') || (number > 0 && !named.has(name))) await fileSystem.unlink(join(directory, name));
  }
  return next;
}
