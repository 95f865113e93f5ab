/**
 * Small copies side by side in large buffers. The log keeps thousands of entries of some hundred bytes for about as long: a buffer of
 * its own for each of them costs more than what is in it, and leaves the heap in holes.
 */

const slabBytes = 64 * 1024;
/** Larger ones have a buffer of their own: a slab lives as long as anything in it. */
const smallBytesMax = 4 * 1024;

let slab = new Uint8Array(0);
let used = 0;

/** A copy that holds at most 64 KiB besides itself. */
export function copySmall(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length > smallBytesMax) return Uint8Array.from(bytes);
  if (used + length > slab.length) {
    slab = new Uint8Array(slabBytes);
    used = 0;
  }
  slab.set(bytes, used);
  used += length;
  return slab.subarray(used - length, used);
}
