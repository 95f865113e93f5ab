/** The rows of the state as the bytes of a snapshot, written and read in slices so that neither blocks a heartbeat. */
import { limits } from '../core/types.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { CodecError } from './errors.ts';

/** Version of the snapshot's encoding, its first byte. */
const snapshotVersion = 1;
const keyBytesMax = 64 * 1024;
const rowsPerSlice = 512;

export type Row = readonly [key: string, value: Uint8Array];

/**
 * Encodes all rows. `pause` is awaited every few hundred rows; the caller keeps the rows from changing meanwhile.
 * @throws {CodecError} FRAME_TOO_LARGE when the state exceeds the largest snapshot.
 */
export async function encodeSnapshot(rows: Iterable<Row>, pause: () => Promise<void>): Promise<Uint8Array> {
  const writer = new ByteWriter(64 * 1024);
  writer.byte(snapshotVersion);
  let count = 0;
  for (const [key, value] of rows) {
    writer.text(key);
    writer.data(value);
    if (writer.length > limits.snapshotBytesMax) {
      throw new CodecError('FRAME_TOO_LARGE', `The state exceeds ${limits.snapshotBytesMax} bytes, the largest snapshot`);
    }
    if (++count % rowsPerSlice === 0) await pause();
  }
  return writer.finish();
}

/** @throws {CodecError} when the bytes are no snapshot. */
export async function decodeSnapshot(data: Uint8Array, pause: () => Promise<void>): Promise<Row[]> {
  const reader = new ByteReader(data);
  const version = reader.byte();
  if (version !== snapshotVersion) throw new CodecError('FRAME_VERSION', `Snapshot of version ${version}`);
  const rows: Row[] = [];
  while (reader.remaining > 0) {
    rows.push([reader.text(keyBytesMax), reader.data(limits.snapshotBytesMax)]);
    if (rows.length % rowsPerSlice === 0) await pause();
  }
  return rows;
}
