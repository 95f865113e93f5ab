/** Applied state on `level`: rows, and in the same batch the applied index, the membership and a digest of all rows. */
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { logIndex, type Membership, type SnapshotMeta, term } from '../core/types.ts';
import { StorageError, storageErrorFrom } from './errors.ts';
import { probeDatabase } from './level-probe.ts';
import { NodeFileSystem } from './log/node-file-system.ts';
import { replaceFile } from './log/replace-file.ts';
import type { RowChange, StateStore } from './ports.ts';
import type { Row } from './snapshot-codec.ts';
import { StateDigest } from './state-digest.ts';

const format = 1;
const metaKey = 'meta';
const rowPrefix = 'row:';
/** First key behind all rows. */
const rowsEnd = 'row;';
/** Names the generation in use; stands outside `level`, so that an emptied database is never taken for a new one. */
const markerName = 'generation';
const batchRows = 2000;
/** Rows hashed at a stretch. */
const sliceRows = 128;
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

export interface LevelStateStoreOptions {
  /** Holds the marker and one database per generation; made when it is missing. */
  readonly directory: string;
  /** What a new store stands for: index 0 of this membership. */
  readonly membership: Membership;
  /** It is a witness's, and the log beside it has no payloads: nobody who is to keep the data may go on with them. @default false */
  readonly witness?: boolean;
}

interface MetaRow {
  readonly format: number;
  readonly index: number;
  readonly term: number;
  readonly membership: Membership;
  readonly digest: string;
  readonly witness?: boolean;
}
type Database = Level<string, Uint8Array>;

export class LevelStateStore implements StateStore {
  readonly #directory: string;
  readonly #membership: Membership;
  readonly #witness: boolean;
  readonly #fileSystem = new NodeFileSystem();
  #database: Database | undefined;
  #generation = 0;
  #digest = new StateDigest();

  constructor(options: LevelStateStoreOptions) {
    this.#directory = options.directory;
    this.#membership = options.membership;
    this.#witness = options.witness === true;
  }

  /** @throws {StorageError} STATE_DAMAGED when rows and digest do not agree, or a store that was there is gone. `replace` heals it. */
  async open(): Promise<{ readonly meta: SnapshotMeta; readonly rows: readonly Row[] }> {
    await this.#fileSystem.makeDirectory(this.#directory);
    const generation = await this.#readMarker();
    if (generation === undefined) {
      const meta = { index: logIndex(0), term: term(0), membership: this.#membership };
      await this.replace([], meta);
      return { meta, rows: [] };
    }
    this.#generation = generation;
    await this.#removeOthers();
    const unreadable = await probeDatabase(this.#path(generation));
    if (unreadable !== undefined) throw this.#damaged(unreadable);
    try {
      this.#database = await openDatabase(this.#path(generation), false);
      return await this.#load(this.#database);
    } catch (error) {
      await this.#database?.close();
      this.#database = undefined;
      // Held by another process: it cannot be read now, and nothing says that it is damaged.
      if ((error as { cause?: { code?: string } }).cause?.code === 'LEVEL_LOCKED') throw storageErrorFrom(error, this.#directory);
      throw this.#damaged(error instanceof Error ? error.message : 'it cannot be opened', error);
    }
  }

  async write(changes: readonly RowChange[], meta: SnapshotMeta, sync: boolean): Promise<void> {
    const database = this.#opened();
    // The last change of a key counts, and its row is taken out of the digest once.
    const newest = new Map(changes.map(({ key, value }) => [key, value]));
    const keys = [...newest.keys()];
    const digest = new StateDigest(this.#digest.toString());
    try {
      const batch = database.batch();
      for (let from = 0; from < keys.length; from += sliceRows) {
        // In slices: hashing a thousand rows at a stretch would hold up a PING.
        if (from > 0) await nextTurn();
        const slice = keys.slice(from, from + sliceRows);
        const old = await database.getMany(slice.map((key) => rowPrefix + key));
        for (const [i, key] of slice.entries()) stage(batch, digest, key, old[i], newest.get(key));
      }
      const encoded = encodeMeta(meta, digest, this.#witness);
      batch.put(metaKey, encoded);
      await batch.write({ sync });
      this.#digest = digest;
      if (sync) await this.#readBack(database, encoded);
    } catch (error) {
      throw storageErrorFrom(error, this.#directory);
    }
  }

  /** Writes a new generation beside the old one and switches by replacing the marker: a crash leaves one of them whole. */
  async replace(rows: Iterable<Row>, meta: SnapshotMeta): Promise<void> {
    const next = this.#generation + 1;
    try {
      await fs.rm(this.#path(next), { recursive: true, force: true });
      const database = await openDatabase(this.#path(next), true);
      const digest = await writeAll(database, rows, meta, this.#witness);
      await this.#fileSystem.syncDirectory(this.#path(next));
      await replaceFile(this.#fileSystem, this.#directory, markerName, new TextEncoder().encode(`${next}\n`));
      const old = this.#database;
      this.#database = database;
      this.#generation = next;
      this.#digest = digest;
      await old?.close();
      await this.#removeOthers();
    } catch (error) {
      throw storageErrorFrom(error, this.#directory);
    }
  }

  async close(): Promise<void> {
    await this.#database?.close();
    this.#database = undefined;
  }

  async #load(database: Database): Promise<{ meta: SnapshotMeta; rows: Row[] }> {
    const stored = await database.get(metaKey);
    if (stored === undefined) throw new Error('the row with the applied index is missing');
    const meta = decodeMeta(stored);
    const digest = new StateDigest();
    const rows: Row[] = [];
    for await (const [key, value] of database.iterator({ gte: rowPrefix, lt: rowsEnd })) {
      const name = key.slice(rowPrefix.length);
      digest.add(name, value);
      rows.push([name, value]);
    }
    if (digest.toString() !== meta.digest) throw new Error(`the rows have digest ${digest}, recorded is ${meta.digest}`);
    this.#digest = digest;
    const { index, term: appliedTerm, membership } = meta;
    if (meta.witness === true && !this.#witness) throw this.#ofWitness();
    // From the first entry on that it takes as one.
    if (this.#witness && meta.witness !== true)
      await database.batch(
        [{ type: 'put', key: metaKey, value: encodeMeta({ index: logIndex(index), term: term(appliedTerm), membership }, digest, true) }],
        { sync: true },
      );
    return { meta: { index: logIndex(index), term: term(appliedTerm), membership }, rows };
  }

  /** The log is cut up to what was written with sync: see that it is really there. */
  async #readBack(database: Database, expected: Uint8Array): Promise<void> {
    const found = await database.get(metaKey);
    if (found === undefined || Buffer.compare(found, expected) !== 0) throw this.#damaged('what was written is not read back');
  }

  async #readMarker(): Promise<number | undefined> {
    try {
      const text = await fs.readFile(join(this.#directory, markerName), 'utf8');
      const generation = /^([1-9]\d{0,14})\n$/.exec(text)?.[1];
      if (generation === undefined) throw this.#damaged('the file that names its generation is damaged');
      return Number(generation);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #removeOthers(): Promise<void> {
    for (const name of await fs.readdir(this.#directory)) {
      if (name.startsWith('level-') && name !== `level-${this.#generation}`) {
        await fs.rm(join(this.#directory, name), { recursive: true, force: true });
      }
    }
  }

  #path(generation: number): string {
    return join(this.#directory, `level-${generation}`);
  }

  #opened(): Database {
    if (this.#database !== undefined) return this.#database;
    throw new StorageError('STORAGE_CLOSED', 'The state store is not open', { file: this.#directory, remedy: 'Open it first.' });
  }

  #ofWitness(): StorageError {
    const remedy = 'Let this box rejoin its site with an empty memory.';
    return new StorageError('WITNESS_MEMORY', 'What this box remembers it kept as a witness', { file: this.#directory, remedy });
  }

  #damaged(reason: string, cause?: unknown): StorageError {
    if (cause instanceof StorageError) return cause;
    const remedy = 'It is rebuilt from the log where the log was never cut; otherwise let this box rejoin its site.';
    return new StorageError('STATE_DAMAGED', `The stored state is damaged: ${reason}`, { file: this.#directory, remedy }, cause);
  }
}

/** Puts one change into the batch and the digest. */
function stage(
  batch: ReturnType<Database['batch']>,
  digest: StateDigest,
  key: string,
  old: Uint8Array | undefined,
  value: Uint8Array | undefined,
): void {
  if (old !== undefined) digest.remove(key, old);
  if (value === undefined) {
    batch.del(rowPrefix + key);
  } else {
    digest.add(key, value);
    batch.put(rowPrefix + key, value);
  }
}

/** Rows are read from memory; from here only when one is replaced, whose block the operating system still has. */
const cacheBytes = 1 << 20;

async function openDatabase(path: string, createIfMissing: boolean): Promise<Database> {
  const database: Database = new Level<string, Uint8Array>(path, { keyEncoding: 'utf8', valueEncoding: 'view', createIfMissing });
  await database.open({ createIfMissing, errorIfExists: createIfMissing, cacheSize: cacheBytes });
  return database;
}

async function writeAll(database: Database, rows: Iterable<Row>, meta: SnapshotMeta, witness: boolean): Promise<StateDigest> {
  const digest = new StateDigest();
  let batch = database.batch();
  for (const [key, value] of rows) {
    digest.add(key, value);
    batch.put(rowPrefix + key, value);
    if (batch.length < batchRows) continue;
    await batch.write();
    batch = database.batch();
  }
  batch.put(metaKey, encodeMeta(meta, digest, witness));
  await batch.write({ sync: true });
  return digest;
}

function encodeMeta(meta: SnapshotMeta, digest: StateDigest, witness: boolean): Uint8Array {
  const { index, term: appliedTerm, membership } = meta;
  const row: MetaRow = { format, index, term: appliedTerm, membership, digest: digest.toString(), ...(witness ? { witness } : {}) };
  return new TextEncoder().encode(JSON.stringify(row));
}

function decodeMeta(bytes: Uint8Array): MetaRow {
  const row = JSON.parse(new TextDecoder().decode(bytes)) as Partial<MetaRow>;
  const { index, term: appliedTerm, membership, digest } = row;
  if (row.format !== format) throw new Error(`it has format ${row.format}, this release reads ${format}`);
  const isWhole = Number.isSafeInteger(index) && Number.isSafeInteger(appliedTerm) && Array.isArray(membership?.voters);
  if (!isWhole || typeof digest !== 'string') throw new Error('the row with the applied index cannot be read');
  return row as MetaRow;
}
