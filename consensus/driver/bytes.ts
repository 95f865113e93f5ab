/** Writing and reading the primitives of the wire and of the log: canonical, bounded, one way to write each value. */
import { type NodeId, nodeIdPattern } from '../core/types.ts';
import { CodecError } from './errors.ts';
import { copySmall } from './slab.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A growing buffer. Bad values throw `CodecError`: what cannot be read back is never written. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  boolean(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  /** Big-endian, 4 bytes. */
  u32(value: number): void {
    this.#reserve(4);
    for (let shift = 24; shift >= 0; shift -= 8) this.#bytes[this.#length++] = (value >>> shift) & 0xff;
  }

  /** A whole number from 0 to 2^53 - 1, 7 bits a byte, least significant first (LEB128). */
  uint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new CodecError('FRAME_MALFORMED', `Cannot encode ${value}: not a whole number from 0 to 2^53 - 1`, this.#length);
    }
    this.#reserve(8);
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Length, then the bytes. */
  data(value: Uint8Array): void {
    this.uint(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** UTF-8 with its length in bytes. */
  text(value: string): void {
    if (!value.isWellFormed()) {
      throw new CodecError('FRAME_MALFORMED', 'Cannot encode a text with a lone surrogate', this.#length);
    }
    this.data(encoder.encode(value));
  }

  nodeId(value: NodeId): void {
    if (!nodeIdPattern.test(value)) {
      throw new CodecError('FRAME_MALFORMED', `Cannot encode node id "${value}": 1 to 79 of a-z, 0-9, -, .`, this.#length);
    }
    this.#reserve(1 + value.length);
    this.#bytes[this.#length++] = value.length;
    for (let i = 0; i < value.length; i++) this.#bytes[this.#length++] = value.charCodeAt(i);
  }

  /** Overwrites 4 bytes already written, for lengths and checksums known only afterwards. */
  patchU32(position: number, value: number): void {
    for (let i = 0; i < 4; i++) this.#bytes[position + i] = (value >>> (24 - 8 * i)) & 0xff;
  }

  /** What was written from `start` on, without a copy; valid until the next write. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#length);
  }

  /** Forgets everything written from `length` on. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** What was written, without a copy. The writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    const need = this.#length + more;
    if (need <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** Reads what `ByteWriter` wrote. Never reads past the end, never allocates more than the bytes it was given. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    // A Buffer's slice() would share memory, and Buffers would leak into messages.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  byte(): number {
    const value = this.#bytes[this.#offset];
    if (value === undefined) throw this.#truncated();
    this.#offset++;
    return value;
  }

  boolean(): boolean {
    const value = this.byte();
    if (value > 1) throw this.fail(`${value} is not a boolean`);
    return value === 1;
  }

  u32(): number {
    const high = this.byte() * 0x1000000;
    return high + (this.byte() << 16) + (this.byte() << 8) + this.byte();
  }

  uint(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) {
        if (byte === 0 && i > 0) throw this.fail('number not in its shortest form');
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      factor *= 128;
    }
    throw this.fail('number above 2^53 - 1');
  }

  /** A copy, so that a kept message does not hold the network's buffer. */
  data(bytesMax: number): Uint8Array {
    return copySmall(this.#counted(bytesMax));
  }

  text(bytesMax: number): string {
    const bytes = this.#counted(bytesMax);
    try {
      return decoder.decode(bytes);
    } catch {
      throw this.fail('text is not UTF-8');
    }
  }

  nodeId(): NodeId {
    const length = this.byte();
    let id = '';
    for (let i = 0; i < length; i++) id += String.fromCharCode(this.byte());
    if (!nodeIdPattern.test(id)) throw this.fail('not a node id (1 to 79 of a-z, 0-9, -, .)');
    return id;
  }

  /** One of a list of words, written as its position. */
  word<T extends string>(words: readonly T[]): T {
    const word = words[this.byte()];
    if (word === undefined) throw this.fail('unknown value of an enumeration');
    return word;
  }

  list<T>(countMax: number, item: () => T): T[] {
    const count = this.uint();
    if (count > countMax) throw this.fail(`${count} items where ${countMax} are allowed`);
    // Every item takes at least a byte, so a lying count cannot make us loop for long.
    if (count > this.remaining) throw this.#truncated();
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(item());
    return items;
  }

  end(): void {
    if (this.remaining > 0) throw this.fail(`${this.remaining} bytes too many`);
  }

  fail(message: string): CodecError {
    return new CodecError('FRAME_MALFORMED', `Malformed frame: ${message}`, this.#offset);
  }

  /** Without a copy. */
  #counted(bytesMax: number): Uint8Array {
    const length = this.uint();
    if (length > bytesMax) throw this.fail(`${length} bytes where ${bytesMax} are allowed`);
    if (length > this.remaining) throw this.#truncated();
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  #truncated(): CodecError {
    return new CodecError('FRAME_TRUNCATED', 'Malformed frame: it ends too early', this.#offset);
  }
}

/** Position of a word in its list, for `ByteReader.word`. */
export function wordIndex<T extends string>(words: readonly T[], word: T): number {
  const index = words.indexOf(word);
  if (index < 0) throw new CodecError('FRAME_MALFORMED', `Cannot encode "${word}": not one of ${words.join(', ')}`);
  return index;
}
