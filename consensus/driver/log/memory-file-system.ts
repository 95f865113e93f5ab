/**
 * A disk in memory that behaves as badly as real ones may: a crash keeps any subset of the unsynced 512-byte sectors and of
 * the unsynced directory changes; a failed sync drops what it should have written and never tries again; space runs out.
 */
import { basename, dirname } from 'node:path';
import type { RandomSource } from '../ports.ts';
import type { File, FileSystem, OpenMode } from './file-system.ts';

export const sectorBytes = 512;

/** One operation, as faults and crash points see it. */
export interface DiskOperation {
  readonly kind: 'open' | 'pwrite' | 'fdatasync' | 'preallocate' | 'rename' | 'unlink' | 'syncDirectory';
  readonly path: string;
}
type Errno = 'EIO' | 'ENOSPC' | 'EROFS';

interface Inode {
  current: Uint8Array;
  durable: Uint8Array;
  /** Sectors written since the last sync. */
  readonly dirty: Set<number>;
}
interface Directory {
  current: Map<string, Inode>;
  durable: Map<string, Inode>;
}

export interface MemoryFileSystemOptions {
  /** Asked before each operation; an errno makes it fail. */
  readonly fault?: (operation: DiskOperation) => Errno | undefined;
  /** All files together. @default unlimited */
  readonly capacityBytes?: number;
}

const errno = (code: string, path: string) => Object.assign(new Error(`${code}: ${path}`), { code });

export class MemoryFileSystem implements FileSystem {
  readonly #directories = new Map<string, Directory>();
  readonly #options: MemoryFileSystemOptions;
  #powerCutAt = Number.POSITIVE_INFINITY;
  #operations = 0;
  /** All files together; may be changed at any time. */
  capacityBytes: number;

  constructor(options: MemoryFileSystemOptions = {}) {
    this.#options = options;
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Operations begun so far. */
  get operations(): number {
    return this.#operations;
  }

  /** From this operation on nothing happens any more: each rejects with EIO, and changes nothing. */
  cutPowerAt(operation: number): void {
    this.#powerCutAt = operation;
  }

  /** What a fresh start finds after a power cut now. `keep` decides for each unsynced sector or directory change. */
  crash(random: RandomSource, keepOf10: number = random.nextInt(11)): MemoryFileSystem {
    return this.crashKeeping(() => random.nextInt(10) < keepOf10);
  }

  /** The same, with a choice for each unsynced sector and directory change, always asked in the same order. */
  crashKeeping(keep: () => boolean, options: MemoryFileSystemOptions = {}): MemoryFileSystem {
    const after = new MemoryFileSystem(options);
    for (const [path, directory] of this.#directories) {
      const names = new Map<string, Inode>();
      for (const name of new Set([...directory.durable.keys(), ...directory.current.keys()])) {
        const [was, is] = [directory.durable.get(name), directory.current.get(name)];
        const inode = was === is || !keep() ? was : is;
        if (inode !== undefined) names.set(name, survive(inode, keep));
      }
      after.#directories.set(path, { current: names, durable: new Map(names) });
    }
    return after;
  }

  /** Changes what is stored behind everybody's back, for tests of damage. */
  damage(path: string, change: (bytes: Uint8Array) => Uint8Array): void {
    const inode = this.#find(path);
    inode.current = change(inode.current.slice());
    inode.durable = inode.current.slice();
    inode.dirty.clear();
  }

  /** All files with their present bytes. */
  files(): Map<string, Uint8Array> {
    const files = new Map<string, Uint8Array>();
    for (const [path, directory] of this.#directories) {
      for (const [name, inode] of directory.current) files.set(`${path}/${name}`, inode.current);
    }
    return files;
  }

  /** A copy that shares nothing, as if everything were durable. */
  clone(): MemoryFileSystem {
    const copy = new MemoryFileSystem();
    for (const [path, directory] of this.#directories) {
      const names = new Map<string, Inode>();
      for (const [name, { current }] of directory.current) {
        names.set(name, { current: current.slice(), durable: current.slice(), dirty: new Set() });
      }
      copy.#directories.set(path, { current: names, durable: new Map(names) });
    }
    return copy;
  }

  async makeDirectory(path: string): Promise<void> {
    if (!this.#directories.has(path)) this.#directories.set(path, { current: new Map(), durable: new Map() });
  }

  async open(path: string, mode: OpenMode): Promise<File> {
    this.#begin({ kind: 'open', path });
    if (mode === 'create') {
      this.#directory(path).current.set(basename(path), {
        current: new Uint8Array(),
        durable: new Uint8Array(),
        dirty: new Set(),
      });
    }
    return this.#file(path, this.#find(path));
  }

  async rename(from: string, to: string): Promise<void> {
    this.#begin({ kind: 'rename', path: from });
    const inode = this.#find(from);
    this.#directory(from).current.delete(basename(from));
    this.#directory(to).current.set(basename(to), inode);
  }

  async unlink(path: string): Promise<void> {
    this.#begin({ kind: 'unlink', path });
    this.#directory(path).current.delete(basename(path));
  }

  async list(directory: string): Promise<readonly string[]> {
    return [...(this.#directories.get(directory)?.current.keys() ?? [])].sort();
  }

  async stat(path: string): Promise<{ readonly bytes: number } | undefined> {
    const inode = this.#directory(path).current.get(basename(path));
    return inode === undefined ? undefined : { bytes: inode.current.length };
  }

  async syncDirectory(path: string): Promise<void> {
    this.#begin({ kind: 'syncDirectory', path });
    const directory = this.#directories.get(path);
    if (directory !== undefined) directory.durable = new Map(directory.current);
  }

  #file(path: string, inode: Inode): File {
    const write = (bytes: Uint8Array, position: number) => {
      const end = position + bytes.length;
      if (end > inode.current.length) {
        if (this.#used() + end - inode.current.length > this.capacityBytes) throw errno('ENOSPC', path);
        const grown = new Uint8Array(end);
        grown.set(inode.current);
        inode.current = grown;
      }
      inode.current.set(bytes, position);
      for (let s = Math.floor(position / sectorBytes); s * sectorBytes < end; s++) inode.dirty.add(s);
    };
    const file: File = {
      pwriteDurably: async (bytes, position) => {
        await file.pwrite(bytes, position);
        await file.fdatasync();
      },
      pwrite: async (bytes, position) => {
        this.#begin({ kind: 'pwrite', path });
        write(bytes, position);
      },
      preallocate: async (bytes, fill) => {
        this.#begin({ kind: 'preallocate', path });
        write(new Uint8Array(bytes).fill(fill), 0);
      },
      read: async (position, length) => inode.current.slice(position, position + length),
      fdatasync: async () => {
        try {
          this.#begin({ kind: 'fdatasync', path });
        } catch (error) {
          // Like Linux: the pages are marked clean although they never reached the disk.
          if (this.#operations < this.#powerCutAt) inode.dirty.clear();
          throw error;
        }
        inode.durable = merge(inode, () => true);
        inode.dirty.clear();
      },
      close: async () => undefined,
    };
    return file;
  }

  #begin(operation: DiskOperation): void {
    if (this.#operations >= this.#powerCutAt) throw errno('EIO', 'the power is cut');
    this.#operations++;
    const code = this.#options.fault?.(operation);
    if (code !== undefined) throw errno(code, operation.path);
  }

  #used(): number {
    let used = 0;
    for (const directory of this.#directories.values()) {
      for (const inode of directory.current.values()) used += inode.current.length;
    }
    return used;
  }

  #directory(path: string): Directory {
    const directory = this.#directories.get(dirname(path));
    if (directory === undefined) throw errno('ENOENT', path);
    return directory;
  }

  #find(path: string): Inode {
    const inode = this.#directory(path).current.get(basename(path));
    if (inode === undefined) throw errno('ENOENT', path);
    return inode;
  }
}

/** The durable bytes, with those unsynced sectors that `keep` lets through. The size follows the last kept sector. */
function merge(inode: Inode, keep: (sector: number) => boolean): Uint8Array {
  let bytes = inode.durable.slice();
  for (const sector of [...inode.dirty].sort((a, b) => a - b)) {
    if (!keep(sector)) continue;
    const start = sector * sectorBytes;
    const part = inode.current.subarray(start, start + sectorBytes);
    if (start + part.length > bytes.length) {
      const grown = new Uint8Array(start + part.length);
      grown.set(bytes);
      bytes = grown;
    }
    bytes.set(part, start);
  }
  return bytes;
}

function survive(inode: Inode, keep: () => boolean): Inode {
  const durable = merge(inode, keep);
  return { current: durable.slice(), durable, dirty: new Set() };
}
