/** The first sector of a segment: which one it is, written before the manifest names it. */
import { checksum, nonceBytes, sectorBytes, segmentFormat, setU64 } from './format.ts';
import type { SegmentRecord } from './manifest.ts';

const magic = 0x48465347; // 'HFSG'
const checksumAt = sectorBytes - 4;
/** Where the first batch stands. */
export const firstBatchOffset = sectorBytes;

export const nonceOf = (segment: SegmentRecord): Uint8Array => new Uint8Array(Buffer.from(segment.nonce, 'hex'));

/** Wholly determined by the manifest's record, so that checking is comparing. */
export function encodeSegmentHeader(segment: SegmentRecord): Uint8Array {
  const bytes = new Uint8Array(sectorBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  view.setUint32(4, segmentFormat);
  bytes.set(nonceOf(segment).subarray(0, nonceBytes), 8);
  setU64(view, 16, segment.number);
  setU64(view, 24, segment.firstBatch);
  setU64(view, 32, segment.bytes);
  view.setUint32(40, segment.previousChecksum);
  view.setUint32(checksumAt, checksum(bytes.subarray(0, checksumAt)));
  return bytes;
}
