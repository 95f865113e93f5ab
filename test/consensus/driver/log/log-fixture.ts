/** Small helpers for tests of the log. */
import assert from 'node:assert/strict';
import { type Entry, logIndex, term } from '../../../../consensus/core/types.ts';
import { DurableLog } from '../../../../consensus/driver/log/durable-log.ts';
import type { FileSystem } from '../../../../consensus/driver/log/file-system.ts';
import { readManifest, writeManifest } from '../../../../consensus/driver/log/manifest.ts';
import { VoteFile } from '../../../../consensus/driver/log/vote-file.ts';
import type { Recovered } from '../../../../consensus/driver/ports.ts';

export const directory = '/log';
export const sizes = { segmentBytes: 8192, reserveBytes: 2048 };

export function entry(index: number, entryTerm = 1, bytes = 20): Entry {
  const data = new Uint8Array(bytes).fill(index % 251);
  return { term: term(entryTerm), index: logIndex(index), kind: 'command', origin: { node: 'n1', requestId: index }, data };
}

/** Entries `from` to `to`, both included. */
export function entries(from: number, to: number, entryTerm = 1, bytes = 20): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => entry(from + i, entryTerm, bytes));
}

/** The same nonces in every run: each segment gets the next number. */
export function countedNonce(from = 0): () => Uint8Array {
  let count = from;
  return () => new Uint8Array([1, 2, 3, 4, 5, 6, 7, ++count]);
}

export function openLog(
  fileSystem: FileSystem,
  options: {
    directory?: string;
    segmentBytes?: number;
    reserveBytes?: number;
    prepareAhead?: boolean;
    nonce?: () => Uint8Array;
  } = {},
): Promise<{ log: DurableLog; recovered: Recovered }> {
  return DurableLog.open({ directory, fileSystem, ...sizes, prepareAhead: false, ...options });
}

/** Opens, closes, and returns what was found. */
export async function recover(fileSystem: FileSystem, at = directory): Promise<Recovered> {
  const { log, recovered } = await openLog(fileSystem, { directory: at });
  await log.close();
  return recovered;
}

/** The directory as a release left it that knew of no identity of a log: manifest and vote file of format 1. */
export async function asFirstFormat(fileSystem: FileSystem, at = directory): Promise<void> {
  const manifest = await readManifest(fileSystem, at);
  assert.ok(manifest);
  const { hardState } = await VoteFile.open(fileSystem, at, manifest);
  await writeManifest(fileSystem, at, { ...manifest, identity: undefined });
  const vote = await VoteFile.create(fileSystem, at, undefined);
  await vote.save(hardState);
  await vote.close();
}

/** The recovered log is exactly these entries. */
export function assertEntries(recovered: Recovered, expected: readonly Entry[], note = ''): void {
  assert.deepEqual(
    recovered.entries.map((found) => [found.index, found.term, found.data.length]),
    expected.map((wanted) => [wanted.index, wanted.term, wanted.data.length]),
    note,
  );
  assert.deepEqual(recovered.entries, expected, note);
}
