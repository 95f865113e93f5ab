/** Entries and memberships as bytes: the same form on the wire and in the log. */
import { decodeMembership, encodeMembership } from '../core/membership-bytes.ts';
import type { Entry, EntryKind, LogIndex, Membership, SnapshotMeta } from '../core/types.ts';
import { limits, logIndex, term } from '../core/types.ts';
import { type ByteReader, type ByteWriter, wordIndex } from './bytes.ts';

const kinds: readonly EntryKind[] = ['noop', 'command', 'configuration'];

/** Writes everything but the index, which follows from the position. */
export function writeEntry(writer: ByteWriter, entry: Entry): void {
  writer.uint(entry.term);
  writer.byte(wordIndex(kinds, entry.kind));
  writer.boolean(entry.origin !== undefined);
  if (entry.origin !== undefined) {
    writer.nodeId(entry.origin.node);
    writer.uint(entry.origin.requestId);
  }
  writer.data(entry.data);
}

export function readEntry(reader: ByteReader, index: LogIndex): Entry {
  const entryTerm = term(reader.uint());
  const kind = reader.word(kinds);
  const origin = reader.boolean() ? { node: reader.nodeId(), requestId: reader.uint() } : undefined;
  const data = reader.data(limits.entryBytesMax);
  if (kind === 'configuration' && decodeMembership(data) === undefined) throw reader.fail('not a membership');
  return { term: entryTerm, index, kind, origin, data };
}

export function writeMembership(writer: ByteWriter, membership: Membership): void {
  writer.data(encodeMembership(membership));
}

export function readMembership(reader: ByteReader): Membership {
  const membership = decodeMembership(reader.data(limits.entryBytesMax));
  if (membership === undefined) throw reader.fail('not a membership');
  return membership;
}

export function writeSnapshotMeta(writer: ByteWriter, meta: SnapshotMeta): void {
  writer.uint(meta.index);
  writer.uint(meta.term);
  writeMembership(writer, meta.membership);
}

export function readSnapshotMeta(reader: ByteReader): SnapshotMeta {
  return { index: logIndex(reader.uint()), term: term(reader.uint()), membership: readMembership(reader) };
}
