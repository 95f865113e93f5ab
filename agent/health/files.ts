/** Small kernel files, read without ever failing: what is not there, or not what it should be, is null. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Reads files below a root, which is `/` on a box and a directory of samples in a test. */
export class KernelFiles {
  readonly #root: string;

  constructor(root = '/') {
    this.#root = root;
  }

  /** The text of a file without surrounding white space, or null. */
  async text(path: string): Promise<string | null> {
    try {
      return (await readFile(join(this.#root, path), 'utf8')).trim();
    } catch {
      // Missing in a container, not permitted, or a sensor that does not answer: all the same to us.
      return null;
    }
  }

  /** The number a file holds, or null. */
  async number(path: string): Promise<number | null> {
    return toNumber(await this.text(path));
  }

  /** Names in a directory, sorted; none when it cannot be read. */
  async names(path: string): Promise<readonly string[]> {
    try {
      return (await readdir(join(this.#root, path))).sort();
    } catch {
      return [];
    }
  }
}

/** A decimal number, or null for anything else (an empty text is not 0). */
export function toNumber(text: string | null | undefined): number | null {
  if (text === null || text === undefined || !/^-?\d+(\.\d+)?$/.test(text.trim())) return null;
  return Number(text);
}

/** A count, or null: counters of the kernel are never negative; -1 means that the driver does not know. */
export function toCount(text: string | null | undefined): number | null {
  const value = toNumber(text);
  return value !== null && value >= 0 && Number.isSafeInteger(value) ? value : null;
}

/** Text from the box for a document: one line, bounded; null when nothing is left. */
export function clip(text: unknown, lengthMax: number): string | null {
  if (typeof text !== 'string') return null;
  const line = text
    .replace(/[\p{Cc}\p{Cs}]+/gu, ' ')
    .trim()
    .slice(0, lengthMax);
  return line === '' ? null : line;
}
