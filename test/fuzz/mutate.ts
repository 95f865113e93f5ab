/** Bytes made a little wrong, as damage and liars make them. */
import type { SeededRandom } from '../sim/random.ts';

const extremes = [0x00, 0x01, 0x7f, 0x80, 0xff] as const;

/** A copy with one to four changes: bits, bytes, ends, pieces moved, repeated or taken from another valid input. */
export function mutate(random: SeededRandom, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  let out: Uint8Array = bytes.slice();
  for (let changes = random.between(1, 4); changes > 0; changes -= 1) out = mutateOnce(random, out, other);
  return out;
}

function mutateOnce(random: SeededRandom, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  if (bytes.length === 0) return other.slice(0, random.nextInt(other.length + 1));
  const at = random.nextInt(bytes.length);
  switch (random.nextInt(8)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << random.nextInt(8));
      return bytes;
    case 1:
      bytes[at] = random.pick(extremes);
      return bytes;
    case 2:
      bytes[at] = random.nextInt(256);
      return bytes;
    case 3:
      return bytes.slice(0, at);
    case 4:
      // A length that promises far more than there is.
      bytes.fill(0xff, at, at + random.between(1, 9));
      return bytes;
    case 5:
      return join(bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + random.between(1, 8))));
    case 6:
      return join(bytes.subarray(0, at), bytes.subarray(random.nextInt(at + 1)));
    default:
      return join(bytes.subarray(0, at), other.subarray(random.nextInt(other.length + 1)));
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
