/** A digest of rows that does not depend on their order, so that it can be kept up to date change by change. */
import { hash } from 'node:crypto';

const mask = (1n << 64n) - 1n;

/** Sum modulo 2^64 of a hash per row. Detects damage, not malice: whoever can write rows can write the digest. */
export class StateDigest {
  #sum: bigint;

  constructor(text = '0') {
    this.#sum = BigInt(`0x${text}`) & mask;
  }

  add(key: string, value: Uint8Array): void {
    this.#sum = (this.#sum + rowHash(key, value)) & mask;
  }

  remove(key: string, value: Uint8Array): void {
    this.#sum = (this.#sum - rowHash(key, value)) & mask;
  }

  /** 16 hexadecimal digits. */
  toString(): string {
    return this.#sum.toString(16).padStart(16, '0');
  }
}

function rowHash(key: string, value: Uint8Array): bigint {
  const name = Buffer.from(key);
  const bytes = Buffer.allocUnsafe(4 + name.length + value.length);
  bytes.writeUInt32BE(name.length);
  bytes.set(name, 4);
  bytes.set(value, 4 + name.length);
  return hash('sha256', bytes, 'buffer').readBigUInt64BE();
}
