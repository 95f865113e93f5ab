/** Frames on a byte stream: a length of 4 bytes (big-endian), then that many bytes. */
import { limits } from '../core/types.ts';
import { CodecError } from './errors.ts';

const prefixBytes = 4;

/** One buffer with all payloads, each behind its length: one write a turn of the loop. */
export function encodeFrames(payloads: readonly Uint8Array[]): Uint8Array {
  let total = 0;
  for (const payload of payloads) total += prefixBytes + payload.length;
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const payload of payloads) {
    if (payload.length === 0 || payload.length > limits.frameBytesMax) {
      throw new CodecError('FRAME_TOO_LARGE', `Cannot frame ${payload.length} bytes: allowed are 1 to ${limits.frameBytesMax}`);
    }
    view.setUint32(at, payload.length);
    out.set(payload, at + prefixBytes);
    at += prefixBytes + payload.length;
  }
  return out;
}

/**
 * Cuts a stream into payloads, whatever the sizes of its chunks. Holds at most one unfinished frame and one chunk, and
 * never allocates by a length it was only told. After an error the stream is useless and must be closed.
 */
export class FrameSplitter {
  readonly #frameBytesMax: number;
  #chunks: Uint8Array[] = [];
  #buffered = 0;

  constructor(frameBytesMax: number = limits.frameBytesMax) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** Bytes held of an unfinished frame. */
  get buffered(): number {
    return this.#buffered;
  }

  /** The payloads completed by this chunk; they may share its memory. @throws {CodecError} on a length of 0 or above the limit. */
  push(chunk: Uint8Array): Uint8Array[] {
    if (chunk.length === 0) return [];
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const payloads: Uint8Array[] = [];
    for (;;) {
      const length = this.#nextLength();
      if (length === undefined || this.#buffered < prefixBytes + length) return payloads;
      const joined = this.#join();
      payloads.push(joined.subarray(prefixBytes, prefixBytes + length));
      const rest = joined.subarray(prefixBytes + length);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#buffered = rest.length;
    }
  }

  #nextLength(): number | undefined {
    if (this.#buffered < prefixBytes) return undefined;
    if ((this.#chunks[0]?.length ?? 0) < prefixBytes) this.#join();
    const head = this.#chunks[0] as Uint8Array;
    const length = new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(0);
    if (length === 0 || length > this.#frameBytesMax) {
      throw new CodecError('FRAME_TOO_LARGE', `Frame of ${length} bytes: allowed are 1 to ${this.#frameBytesMax}`);
    }
    return length;
  }

  #join(): Uint8Array {
    const only = this.#chunks[0];
    if (this.#chunks.length === 1 && only !== undefined) return only;
    const joined = new Uint8Array(this.#buffered);
    let at = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [joined];
    return joined;
  }
}
