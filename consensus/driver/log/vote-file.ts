/** Term and vote on disk: two copies in two pre-written blocks, answered only once both are durable. */
import { join } from 'node:path';
import { type HardState, term } from '../../core/types.ts';
import { ByteReader, ByteWriter } from '../bytes.ts';
import { CodecError, damagedRemedy, StorageError } from '../errors.ts';
import type { File, FileSystem } from './file-system.ts';
import { checksum, logFormat, nonceBytes, sectorBytes } from './format.ts';
import { replaceFile } from './replace-file.ts';

/** Copies stand in different blocks of the disk. */
const copyBytes = 4096;
const magic = 0x48465631; // 'HFV1'
const checksumAt = sectorBytes - 4;
export const voteFileName = 'vote';

interface Copy {
  readonly sequence: number;
  readonly hardState: HardState;
  /** Of the log that it belongs to; undefined in what a release wrote that knew of none. */
  readonly identity: string | undefined;
}

/** Which log a vote file is to belong to. */
export interface Binding {
  readonly identity: string | undefined;
  /** Copies that say nothing of a log are taken too: they were being written anew. */
  readonly unbound?: boolean;
}

export class VoteFile {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  #file: File | undefined;
  #newest: Copy;

  private constructor(fileSystem: FileSystem, directory: string, newest: Copy) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#newest = newest;
  }

  get hardState(): HardState {
    return this.#newest.hardState;
  }

  /** A first vote file: term 0, no vote. */
  static async create(fileSystem: FileSystem, directory: string, identity: string | undefined): Promise<VoteFile> {
    const vote = new VoteFile(fileSystem, directory, { sequence: 0, hardState: { term: term(0), votedFor: undefined }, identity });
    await vote.save(vote.hardState);
    return vote;
  }

  /**
   * @throws {StorageError} VOTE_DAMAGED when it is missing, both copies are bad, or one is that of another log: such a box is never taken
   * for a new one.
   */
  static async open(fileSystem: FileSystem, directory: string, { identity, unbound = false }: Binding): Promise<VoteFile> {
    const path = join(directory, voteFileName);
    if ((await fileSystem.stat(path)) === undefined) throw damaged(path, 'The vote file is missing beside a log');
    const file = await fileSystem.open(path, 'update');
    const bytes = [await file.read(0, sectorBytes), await file.read(copyBytes, sectorBytes)] as const;
    const [a, b] = [readCopy(bytes[0]), readCopy(bytes[1])];
    const newest = a !== undefined && (b === undefined || a.sequence >= b.sequence) ? a : b;
    if (newest === undefined) {
      await file.close();
      throw damaged(path, 'Both copies of term and vote are damaged');
    }
    if (a !== undefined && b !== undefined && !areOfOneLife(a, b)) {
      await file.close();
      throw damaged(path, 'The two copies of term and vote do not belong together');
    }
    const isOwn = (copy: Copy | undefined): boolean =>
      copy === undefined || copy.identity === identity || (unbound && copy.identity === undefined);
    if (!isOwn(a) || !isOwn(b)) {
      await file.close();
      throw damaged(path, 'Term and vote are those of another log');
    }
    const vote = new VoteFile(fileSystem, directory, newest);
    if (a?.sequence === b?.sequence) {
      // The second copy need not be on the disk: the process before may have died after a sync of it that failed. The next save would
      // leave the two more than a step apart, if its first copy were all that got there.
      vote.#file = file;
      await file.pwriteDurably(bytes[1], copyBytes).catch((error: unknown) => vote.close().then(() => Promise.reject(error)));
    } else {
      // One copy is bad or older. Mend it now: the next fault must not find a single copy.
      await file.close();
      await vote.save(newest.hardState);
    }
    return vote;
  }

  /** From now on it is the vote file of that log, on the disk too once it resolves: written whatever was read, which need not be there. */
  async bind(identity: string): Promise<void> {
    this.#newest = { ...this.#newest, identity };
    await this.save(this.hardState);
  }

  /** Durable in both copies once it resolves. After a failure the next call starts a new file: the old pages prove nothing. */
  async save(hardState: HardState): Promise<void> {
    const next = { ...this.#newest, sequence: this.#newest.sequence + 1, hardState };
    const bytes = encodeCopy(next);
    const file = this.#file;
    if (file === undefined) {
      await this.#replace(bytes);
    } else {
      this.#file = undefined;
      try {
        for (const position of [0, copyBytes]) {
          await file.pwriteDurably(bytes, position);
        }
      } catch (error) {
        await file.close().catch(() => undefined);
        throw error;
      }
      this.#file = file;
    }
    this.#newest = next;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #replace(copy: Uint8Array): Promise<void> {
    const content = new Uint8Array(2 * copyBytes);
    content.set(copy, 0);
    content.set(copy, copyBytes);
    await replaceFile(this.#fileSystem, this.#directory, voteFileName, content);
    this.#file = await this.#fileSystem.open(join(this.#directory, voteFileName), 'update');
  }
}

/** A crash leaves two equal copies, or one a single step behind; anything else was written by somebody else or at another time. */
function areOfOneLife(a: Copy, b: Copy): boolean {
  if (a.sequence !== b.sequence) return Math.abs(a.sequence - b.sequence) === 1;
  return a.hardState.term === b.hardState.term && a.hardState.votedFor === b.hardState.votedFor;
}

function encodeCopy({ sequence, hardState, identity }: Copy): Uint8Array {
  const writer = new ByteWriter(sectorBytes);
  writer.u32(magic);
  writer.u32(identity === undefined ? 1 : logFormat);
  if (identity !== undefined) writer.text(identity);
  writer.uint(sequence);
  writer.uint(hardState.term);
  writer.boolean(hardState.votedFor !== undefined);
  if (hardState.votedFor !== undefined) writer.nodeId(hardState.votedFor);
  writer.raw(new Uint8Array(checksumAt - writer.length));
  writer.u32(checksum(writer.since(0)));
  return writer.finish();
}

function readCopy(bytes: Uint8Array): Copy | undefined {
  if (bytes.length < sectorBytes) return undefined;
  try {
    const reader = new ByteReader(bytes);
    if (reader.u32() !== magic) return undefined;
    const format = reader.u32();
    if (format !== 1 && format !== logFormat) return undefined;
    if (new ByteReader(bytes.subarray(checksumAt)).u32() !== checksum(bytes.subarray(0, checksumAt))) return undefined;
    const identity = format === 1 ? undefined : reader.text(2 * nonceBytes);
    const sequence = reader.uint();
    const savedTerm = term(reader.uint());
    return { identity, sequence, hardState: { term: savedTerm, votedFor: reader.boolean() ? reader.nodeId() : undefined } };
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

function damaged(file: string, message: string): StorageError {
  return new StorageError('VOTE_DAMAGED', message, { file, remedy: damagedRemedy });
}
