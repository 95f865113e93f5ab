/** Artefacts on this box, named by content. A file under its digest is whole and was verified; `.part` files are on their way. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

export type ArtefactCode = 'ARTEFACT_STORE_FULL' | 'ARTEFACT_MISMATCH' | 'ARTEFACT_MISSING';

export class ArtefactError extends Error {
  readonly code: ArtefactCode;
  constructor(code: ArtefactCode, message: string) {
    super(message);
    this.name = 'ArtefactError';
    this.code = code;
  }
}

export interface ArtefactStoreOptions {
  readonly directory: string;
  /** Everything here together, on its way or whole, has at most this many bytes. */
  readonly bytesMax: number;
}

const digestName = /^[0-9a-f]{64}$/;
const partName = /^([0-9a-f]{64})\.part$/;
const uploadName = /^[0-9a-f]{64}\.upload-\d+$/;

export class ArtefactStore {
  readonly #directory: string;
  readonly #bytesMax: number;
  /** Whole artefacts, oldest first. */
  readonly #sizes = new Map<string, number>();
  /** What interrupted downloads left behind, oldest first: kept for going on, the first to go when room is short. */
  readonly #parts = new Map<string, number>();
  /** Bytes held for what is on its way. */
  #reserved = 0;
  /** Artefacts of present workloads: never evicted. */
  #needed: ReadonlySet<string> = new Set();

  constructor({ directory, bytesMax }: ArtefactStoreOptions) {
    this.#directory = directory;
    this.#bytesMax = bytesMax;
  }

  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const found: { readonly name: string; readonly bytes: number; readonly at: number }[] = [];
    for (const name of await readdir(this.#directory)) {
      const path = join(this.#directory, name);
      // An upload cannot be gone on with: whoever sent it starts again.
      if (uploadName.test(name)) await rm(path, { force: true });
      else if (digestName.test(name) || partName.test(name)) {
        const { size, mtimeMs } = await stat(path);
        found.push({ name, bytes: size, at: mtimeMs });
      }
    }
    for (const { name, bytes } of found.sort((a, b) => a.at - b.at)) {
      const part = partName.exec(name)?.[1];
      if (part === undefined) this.#sizes.set(name, bytes);
      else this.#parts.set(part, bytes);
    }
  }

  has(sha256: string): boolean {
    return this.#sizes.has(sha256);
  }

  list(): readonly string[] {
    return [...this.#sizes.keys()].sort();
  }

  pathOf(sha256: string): string {
    return join(this.#directory, sha256);
  }

  /** Which artefacts must not be evicted. */
  need(digests: Iterable<string>): void {
    this.#needed = new Set(digests);
  }

  /** Takes a whole artefact. Rejects with ArtefactError, and keeps nothing then. */
  async putStream(sha256: string, bytes: number, source: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.has(sha256)) {
      for await (const _ of source);
      return;
    }
    const release = await this.reserve(sha256, bytes);
    try {
      await this.#write(sha256, bytes, source);
    } finally {
      await release();
    }
  }

  async #write(sha256: string, bytes: number, source: AsyncIterable<Uint8Array>): Promise<void> {
    const path = `${this.pathOf(sha256)}.upload-${process.hrtime.bigint()}`;
    const file = await open(path, 'wx', 0o600);
    try {
      const hash = createHash('sha256');
      let length = 0;
      for await (const chunk of source) {
        length += chunk.byteLength;
        if (length > bytes) throw mismatch(sha256, `it is longer than the ${bytes} bytes announced`);
        hash.update(chunk);
        await file.write(chunk);
      }
      if (length !== bytes) throw mismatch(sha256, `${length} bytes came, ${bytes} were announced`);
      const found = hash.digest('hex');
      if (found !== sha256) throw mismatch(sha256, `its content has ${found}`);
      await file.sync();
      await file.close();
      await rename(path, this.pathOf(sha256));
      this.#sizes.set(sha256, bytes);
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(path, { force: true });
      throw error;
    }
  }

  /** At most `max` bytes from `offset`; empty past the end. Rejects with ArtefactError. */
  async readChunk(sha256: string, offset: number, max: number): Promise<Uint8Array> {
    if (!this.has(sha256)) throw new ArtefactError('ARTEFACT_MISSING', `Artefact ${sha256} is not here`);
    const file = await open(this.pathOf(sha256), 'r');
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(max), 0, max, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  /** How much of a download is here already. */
  async partBytes(sha256: string): Promise<number> {
    return stat(this.#partOf(sha256)).then(
      ({ size }) => size,
      () => 0,
    );
  }

  async appendPart(sha256: string, offset: number, chunk: Uint8Array): Promise<void> {
    const file = await open(this.#partOf(sha256), offset === 0 ? 'w' : 'r+', 0o600);
    try {
      await file.write(chunk, 0, chunk.byteLength, offset);
    } finally {
      await file.close();
    }
  }

  /** Verifies a complete download and takes it in. Rejects with ARTEFACT_MISMATCH and discards it when it is not what it should be. */
  async finishPart(sha256: string, bytes: number): Promise<void> {
    const part = this.#partOf(sha256);
    const hash = createHash('sha256');
    let length = 0;
    for await (const chunk of createReadStream(part) as AsyncIterable<Buffer>) {
      length += chunk.length;
      hash.update(chunk);
    }
    const found = hash.digest('hex');
    if (found !== sha256 || length !== bytes) {
      await rm(part, { force: true });
      throw mismatch(sha256, `what came has ${found} and ${length} bytes`);
    }
    const file = await open(part, 'r+');
    await file.sync();
    await file.close();
    await rename(part, this.pathOf(sha256));
    this.#sizes.set(sha256, bytes);
  }

  /**
   * Holds room for an artefact on its way; the returned function gives it back once it is here, or given up. Leaves out interrupted
   * downloads, then what no workload needs, oldest first. Rejects with ARTEFACT_STORE_FULL, and leaves nothing out then.
   */
  async reserve(sha256: string, bytes: number): Promise<() => Promise<void>> {
    const total = (sizes: Iterable<number>): number => [...sizes].reduce((sum, size) => sum + size, 0);
    const others = [...this.#parts].filter(([digest]) => digest !== sha256);
    const used = total(this.#sizes.values()) + total(others.map(([, size]) => size)) + this.#reserved;
    const unneeded = [...this.#sizes].filter(([digest]) => !this.#needed.has(digest));
    const leaving: string[] = [];
    let short = used + bytes - this.#bytesMax;
    for (const [path, size] of [
      ...others.map(([digest, size]) => [this.#partOf(digest), size] as const),
      ...unneeded.map(([digest, size]) => [this.pathOf(digest), size] as const),
    ]) {
      if (short <= 0) break;
      leaving.push(path);
      short -= size;
    }
    if (short > 0)
      throw new ArtefactError(
        'ARTEFACT_STORE_FULL',
        `${bytes} bytes more do not fit into the artefact store (${used} of ${this.#bytesMax} used): raise /limits/artefactStoreMiB or delete workloads`,
      );
    // Up to here nothing was awaited: two that come at once are not given the same room.
    this.#reserved += bytes;
    this.#parts.delete(sha256);
    for (const [digest] of others) if (leaving.includes(this.#partOf(digest))) this.#parts.delete(digest);
    for (const [digest] of unneeded) if (leaving.includes(this.pathOf(digest))) this.#sizes.delete(digest);
    for (const path of leaving) await rm(path, { force: true });
    return () => this.#release(sha256, bytes);
  }

  async #release(sha256: string, bytes: number): Promise<void> {
    if (this.has(sha256)) await rm(this.#partOf(sha256), { force: true });
    const left = await this.partBytes(sha256);
    this.#reserved -= bytes;
    if (left > 0) this.#parts.set(sha256, left);
  }

  #partOf(sha256: string): string {
    return `${this.pathOf(sha256)}.part`;
  }
}

function mismatch(sha256: string, what: string): ArtefactError {
  return new ArtefactError('ARTEFACT_MISMATCH', `This is not artefact ${sha256}: ${what}`);
}
