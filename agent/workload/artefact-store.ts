/** Artefacts on this box, named by content. A file under its digest is whole and was verified; `.part` files are on their way. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
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
  /** Whole artefacts together have at most this many bytes. */
  readonly bytesMax: number;
}

const digestName = /^[0-9a-f]{64}$/;

export class ArtefactStore {
  readonly #directory: string;
  readonly #bytesMax: number;
  readonly #sizes = new Map<string, number>();
  /** Artefacts of present workloads: never evicted. */
  #needed: ReadonlySet<string> = new Set();

  constructor({ directory, bytesMax }: ArtefactStoreOptions) {
    this.#directory = directory;
    this.#bytesMax = bytesMax;
  }

  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#directory)) {
      if (digestName.test(name)) this.#sizes.set(name, (await stat(join(this.#directory, name))).size);
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
    await this.#makeRoom(bytes);
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
    return stat(`${this.pathOf(sha256)}.part`).then(
      ({ size }) => size,
      () => 0,
    );
  }

  async appendPart(sha256: string, offset: number, chunk: Uint8Array): Promise<void> {
    const file = await open(`${this.pathOf(sha256)}.part`, offset === 0 ? 'w' : 'r+', 0o600);
    try {
      await file.write(chunk, 0, chunk.byteLength, offset);
    } finally {
      await file.close();
    }
  }

  /** Verifies a complete download and takes it in. Rejects with ARTEFACT_MISMATCH and discards it when it is not what it should be. */
  async finishPart(sha256: string, bytes: number): Promise<void> {
    const part = `${this.pathOf(sha256)}.part`;
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

  /** Evicts what no workload needs, oldest first, until `bytes` more fit. Rejects with ARTEFACT_STORE_FULL. */
  async #makeRoom(bytes: number): Promise<void> {
    const used = (): number => [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    if (used() + bytes <= this.#bytesMax) return;
    const ages = await Promise.all(
      [...this.#sizes.keys()]
        .filter((sha256) => !this.#needed.has(sha256))
        .map(async (sha256) => [sha256, (await stat(this.pathOf(sha256))).mtimeMs] as const),
    );
    for (const [sha256] of ages.sort((a, b) => a[1] - b[1])) {
      await rm(this.pathOf(sha256), { force: true });
      this.#sizes.delete(sha256);
      if (used() + bytes <= this.#bytesMax) return;
    }
    throw new ArtefactError(
      'ARTEFACT_STORE_FULL',
      `${bytes} bytes more do not fit into the artefact store (${used()} of ${this.#bytesMax} used): raise /limits/artefactStoreMiB or delete workloads`,
    );
  }

  async touch(sha256: string): Promise<void> {
    const now = new Date();
    await utimes(this.pathOf(sha256), now, now).catch(() => undefined);
  }

  /** Room for a download about to begin. */
  reserve(bytes: number): Promise<void> {
    return this.#makeRoom(bytes);
  }
}

function mismatch(sha256: string, what: string): ArtefactError {
  return new ArtefactError('ARTEFACT_MISMATCH', `This is not artefact ${sha256}: ${what}`);
}
