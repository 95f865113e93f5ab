/** The data directory belongs to one box of one cluster, and to one agent at a time. */

import { randomInt } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { nextAside, reclaimAsides, setAside, syncDirectory } from './set-aside.ts';

export type DataDirCode =
  | 'DATA_DIR_IN_USE'
  | 'DATA_DIR_OTHER_NODE'
  | 'DATA_DIR_OTHER_CLUSTER'
  | 'DATA_DIR_NOT_WRITABLE'
  | 'DATA_DIR_DAMAGED'
  | 'DATA_DIR_LOG_LOST'
  | 'DATA_DIR_COPIED';

/** The data directory cannot be used. The message says why and what to do. */
export class DataDirError extends Error {
  readonly code: DataDirCode;
  constructor(code: DataDirCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Why this box cannot trust its memory, or its site does not. */
export interface Damage {
  readonly code: string;
  readonly message: string;
  /** The epoch its site is in, where it is told of another one than its own. */
  readonly epoch?: number;
}

interface BoxRecord {
  readonly version: 1;
  readonly node: string;
  readonly clusterId: string;
  readonly peerId: string;
  /** How often an agent was started here: orders its documents over restarts. */
  readonly runs: number;
  /** Drawn when this directory was made, and whenever its memory was set aside. */
  readonly incarnation?: number;
  /** A log was made here: if there is none, this box has lost what it promised. */
  readonly hasLog?: boolean;
  /** Its memory was damaged, and is not yet replaced by that of its site. `aside`: the damaged one is still to be moved there. */
  readonly healing?: Damage & { readonly aside?: number };
  /** It began anew in a site that exists: it is no founder any more, whatever the configuration says. */
  readonly rejoined?: boolean;
  /** How many forced recoveries its site has seen. */
  readonly epoch?: number;
}

export interface DataDir {
  readonly path: string;
  /** Count of starts, this one included. */
  readonly run: number;
  /** Drawn at this start: another agent that counts as many starts is not this one. */
  readonly start: number;
  /** True for the first start on this directory. */
  readonly fresh: boolean;
  /** Another one in every data directory and for every memory in it, from 1: whoever has another one under this name has not what was promised here. */
  readonly incarnation: number;
  /** Its memory was lost or set aside, and it is not yet what it was again. */
  readonly healing: Damage | undefined;
  /** It began anew in a site that exists. */
  readonly rejoined: boolean;
  /** How many forced recoveries its site has seen: those of another epoch do not listen to each other. */
  readonly epoch: number;
  /** The log of the site's agreement was made: from now on its absence is a loss. */
  logMade(): void;
  /** Sets the memory aside, for good: nothing that was promised by it is answered for by the new incarnation. */
  beginHealing(damage: Damage): void;
  /** It is again what it was. */
  healed(): void;
  /** Its site was recovered by force. */
  enterEpoch(epoch: number): void;
  /** A box with this identity runs elsewhere: no agent starts here any more, until somebody has looked. */
  markCopied(message: string): void;
  release(): void;
}

/** Makes the directory (mode 0700) when it is missing and sees that it can be written. Throws DataDirError. */
export function makeDataDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const probe = join(path, '.probe');
    writeFileSync(probe, '.');
    rmSync(probe);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const remedy =
      code === 'ENOSPC'
        ? 'free some space'
        : code === 'EROFS'
          ? 'mount it writable'
          : code === 'ENOENT'
            ? 'a link on the way leads nowhere; is a disk not mounted?'
            : 'give the agent its own directory, or change its owner';
    throw new DataDirError('DATA_DIR_NOT_WRITABLE', `Cannot write the data directory ${path} (${code ?? String(error)}): ${remedy}`);
  }
}

/**
 * Takes the directory for this process and checks whose it is. Throws DataDirError.
 * @param canHeal other boxes of its site are known: when the log is gone, its memory is set aside, to be had anew from them.
 */
export async function claimDataDir(
  path: string,
  owner: { readonly node: string; readonly clusterId: string; readonly peerId: string },
  canHeal = false,
): Promise<DataDir> {
  const lock = await takeLock(path);
  try {
    const file = join(path, 'box.json');
    const fresh = !existsSync(file);
    const read = fresh ? undefined : readRecord(file);
    const unreadable = read instanceof DataDirError ? read : undefined;
    if (unreadable !== undefined && !canHeal) throw unreadable;
    const before = read instanceof DataDirError ? undefined : read;
    if (before !== undefined && before.node !== owner.node) {
      throw new DataDirError(
        'DATA_DIR_OTHER_NODE',
        `${path} belongs to box ${before.node}, and this is ${owner.node}: correct /dataDir or /node/name`,
      );
    }
    if (before !== undefined && before.clusterId !== owner.clusterId) {
      throw new DataDirError(
        'DATA_DIR_OTHER_CLUSTER',
        `${path} belongs to cluster ${before.clusterId}, and the configuration says ${owner.clusterId}: correct /site/clusterId, or use an empty directory`,
      );
    }
    if (before !== undefined && before.peerId !== owner.peerId) {
      throw new DataDirError(
        'DATA_DIR_OTHER_NODE',
        `${path} was made under the identity ${before.peerId}, and identity.key is now ${owner.peerId}: put the former key back`,
      );
    }
    if (existsSync(join(path, copiedName)))
      throw new DataDirError(
        'DATA_DIR_COPIED',
        `${path} is a copy of that of a box that was running as ${owner.node}: empty it and give this box its own name and key. ` +
          `If the other one is gone for good, remove ${join(path, copiedName)} and start again`,
      );
    const isLost = before?.hasLog === true && !existsSync(join(path, 'log')) && before.healing?.aside === undefined;
    if (isLost && !canHeal)
      throw new DataDirError(
        'DATA_DIR_LOG_LOST',
        `${path} had a log and has none now, and no other box is known that could give it again: ` +
          `put the directory back from a copy, or empty it to begin anew`,
      );
    // Directories of former versions drew none.
    const incarnation = before === undefined ? drawIncarnation() : (before.incarnation ?? 1);
    const record: BoxRecord = { ...before, version: 1, ...owner, runs: (before?.runs ?? 0) + 1, incarnation };
    // Whose memory this is cannot be known: it goes together with the record.
    const { code, message = '' } = unreadable ?? {};
    const healing = code === undefined ? {} : { rejoined: true, healing: { code, message, aside: nextAside(path) } };
    const book = new BoxBook(path, file, { ...record, ...healing }, fresh, lock);
    book.resume();
    if (isLost)
      book.beginHealing({
        code: 'DATA_DIR_LOG_LOST',
        message: `${path} had a log and has none now: this box has forgotten what it promised the others`,
      });
    return book;
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Stands in a directory that was found to be a copy. */
const copiedName = 'copied';

class BoxBook implements DataDir {
  readonly path: string;
  readonly fresh: boolean;
  readonly start = drawIncarnation();
  readonly #file: string;
  readonly #lock: Server;
  #record: BoxRecord;

  constructor(path: string, file: string, record: BoxRecord, fresh: boolean, lock: Server) {
    this.path = path;
    this.fresh = fresh;
    this.#file = file;
    this.#record = record;
    this.#lock = lock;
  }

  get run(): number {
    return this.#record.runs;
  }
  get incarnation(): number {
    return this.#record.incarnation ?? 1;
  }
  get healing(): Damage | undefined {
    const { healing } = this.#record;
    return healing && { code: healing.code, message: healing.message };
  }
  get rejoined(): boolean {
    return this.#record.rejoined === true;
  }
  get epoch(): number {
    return this.#record.epoch ?? 0;
  }

  /** Writes the start down, and goes on with what a crash interrupted. */
  resume(): void {
    this.#write(this.#record);
    if (this.#record.healing !== undefined) this.#finishAside();
  }

  logMade(): void {
    if (this.#record.hasLog !== true) this.#write({ ...this.#record, hasLog: true });
  }

  beginHealing({ code, message, epoch = this.epoch }: Damage): void {
    const { hasLog, ...record } = this.#record;
    // First the new name, then the move: whatever a crash leaves, the old memory is never spoken for by its old name again.
    const healing = { code, message, aside: nextAside(this.path) };
    this.#write({ ...record, incarnation: drawIncarnation(), rejoined: true, epoch, healing });
    this.#finishAside();
  }

  healed(): void {
    const { healing, ...record } = this.#record;
    if (healing === undefined) return;
    this.#write(record);
    reclaimAsides(this.path);
  }

  enterEpoch(epoch: number): void {
    this.#write({ ...this.#record, epoch });
  }

  markCopied(message: string): void {
    writeFileSync(join(this.path, copiedName), `${message}\n`, { mode: 0o600, flush: true });
  }

  release(): void {
    this.#lock.close();
  }

  #finishAside(): void {
    const { aside, ...healing } = this.#record.healing ?? {};
    if (aside === undefined) return;
    setAside(this.path, aside);
    this.#write({ ...this.#record, healing: healing as Damage });
  }

  #write(record: BoxRecord): void {
    writeFileSync(`${this.#file}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600, flush: true });
    renameSync(`${this.#file}.new`, this.#file);
    syncDirectory(this.path);
    this.#record = record;
  }
}

/** 1 is what directories of former versions stand for. */
const drawIncarnation = (): number => randomInt(2, 2 ** 32);

function readRecord(file: string): BoxRecord | DataDirError {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<BoxRecord>;
    if (
      typeof value.node === 'string' &&
      typeof value.clusterId === 'string' &&
      typeof value.peerId === 'string' &&
      Number.isSafeInteger(value.runs)
    )
      return value as BoxRecord;
  } catch {
    // Answered below.
  }
  return new DataDirError(
    'DATA_DIR_DAMAGED',
    `${file} cannot be read: put it back from a copy, or move the whole directory away and let the box join as new`,
  );
}

/** An abstract socket is the lock: the kernel frees it with the process, so it is never stale. */
function takeLock(path: string): Promise<Server> {
  // By what the directory is, not how it is called: a link or a second mount leads to the same files.
  const { dev, ino } = statSync(path, { bigint: true });
  const name = `\0holdfast-${dev}-${ino}`;
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = error.code === 'EADDRINUSE';
      reject(
        new DataDirError(
          inUse ? 'DATA_DIR_IN_USE' : 'DATA_DIR_NOT_WRITABLE',
          inUse
            ? `Another agent runs on ${path}: stop it first, or give this one its own /dataDir`
            : `Cannot lock ${path}: ${error.message}`,
        ),
      );
    });
    server.listen(name, () => {
      server.unref();
      resolve(server);
    });
  });
}
