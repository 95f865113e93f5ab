/** Keeps the log able to write when the disk is full: a reserve to give up, and the next segment prepared ahead. */
import { join } from 'node:path';
import { storageErrorFrom } from '../errors.ts';
import type { File, FileSystem } from './file-system.ts';
import { unwrittenByte } from './format.ts';
import { segmentName } from './manifest.ts';

export const reserveName = 'reserve';

/** A segment's file: pre-written, durable, not yet in the manifest. */
export interface PreparedSegment {
  readonly number: number;
  readonly bytes: number;
  readonly file: File;
}

export class LogSpace {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #reserveBytes: number;
  #nextNumber: number;
  #spare: Promise<PreparedSegment> | undefined;
  #low = false;

  constructor(fileSystem: FileSystem, directory: string, sizes: { segmentBytes: number; reserveBytes: number }, nextNumber: number) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#segmentBytes = sizes.segmentBytes;
    this.#reserveBytes = sizes.reserveBytes;
    this.#nextNumber = nextNumber;
  }

  /** True from the first write refused for lack of space until reserve and spare stand again. */
  get low(): boolean {
    return this.#low;
  }

  /** Starts making the next segment in the background; a failure shows as `low` or when the segment is taken. */
  prepareAhead(): void {
    if (this.#spare === undefined && !this.#low) this.#startSpare();
  }

  #startSpare(): void {
    if (this.#spare !== undefined) return;
    const spare = this.#prepare(this.#segmentBytes);
    this.#spare = spare;
    spare.catch((error: unknown) => {
      if (this.#spare === spare) this.#spare = undefined;
      if (storageErrorFrom(error, this.#directory).code === 'STORAGE_FULL') this.#low = true;
    });
  }

  /** A segment with room for at least `bytesMin`, out of the reserve when there is no other space. */
  async take(bytesMin: number): Promise<PreparedSegment> {
    const bytes = Math.max(bytesMin, this.#segmentBytes);
    try {
      const spare = await this.#spare?.catch(() => undefined);
      if (spare !== undefined && spare.bytes >= bytes) {
        this.#spare = undefined;
        return spare;
      }
      return await this.#prepare(bytes);
    } catch (error) {
      if (!(await this.#giveUpReserve(error))) throw error;
      return await this.#prepare(bytes);
    }
  }

  /** Does what has to be done at a start, once more without the reserve when there is no other space. */
  async withReserve(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (!(await this.#giveUpReserve(error))) throw error;
      await write();
    }
  }

  /** Called with every failed write: on lack of space the reserve goes, once. */
  async noteFailure(error: unknown): Promise<void> {
    await this.#giveUpReserve(error);
  }

  /** Makes the reserve, and when space was short a spare segment too. False while there is no room for them. */
  async restore(): Promise<boolean> {
    try {
      if (this.#low) {
        this.#startSpare();
        await this.#spare;
      }
      await this.#makeReserve();
      this.#low = false;
    } catch (error) {
      await this.#giveUpReserve(error);
      if (storageErrorFrom(error, this.#directory).code !== 'STORAGE_FULL') throw error;
    }
    return !this.#low;
  }

  async close(): Promise<void> {
    const spare = await this.#spare?.catch(() => undefined);
    await spare?.file.close();
  }

  async #makeReserve(): Promise<void> {
    const path = join(this.#directory, reserveName);
    const stat = await this.#fileSystem.stat(path);
    if (stat !== undefined && stat.bytes >= this.#reserveBytes) return;
    await this.#create(path, this.#reserveBytes).then((file) => file.close());
  }

  /** True when there was a reserve to give up, so that trying again may succeed. */
  async #giveUpReserve(error: unknown): Promise<boolean> {
    if (storageErrorFrom(error, this.#directory).code !== 'STORAGE_FULL') return false;
    this.#low = true;
    const path = join(this.#directory, reserveName);
    try {
      if ((await this.#fileSystem.stat(path)) === undefined) return false;
      await this.#fileSystem.unlink(path);
      return true;
    } catch {
      return false;
    }
  }

  async #prepare(bytes: number): Promise<PreparedSegment> {
    const number = this.#nextNumber++;
    return { number, bytes, file: await this.#create(join(this.#directory, segmentName(number)), bytes) };
  }

  async #create(path: string, bytes: number): Promise<File> {
    const file = await this.#fileSystem.open(path, 'create');
    try {
      await file.preallocate(bytes, unwrittenByte);
      await file.fdatasync();
      await this.#fileSystem.syncDirectory(this.#directory);
      return file;
    } catch (error) {
      await file.close().catch(() => undefined);
      await this.#fileSystem.unlink(path).catch(() => undefined);
      throw error;
    }
  }
}
