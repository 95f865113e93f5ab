/** The disk of a box: slow, failing, full, read-only, or without power; what was not synced may be lost, in any part. */
import { dirname } from 'node:path';
import type { File, FileSystem } from '../../../consensus/driver/log/file-system.ts';
import { type DiskOperation, MemoryFileSystem, sectorBytes } from '../../../consensus/driver/log/memory-file-system.ts';
import type { SeededRandom } from '../random.ts';
import type { VirtualTime } from './virtual-time.ts';

/** `write`, `sync`: EIO there; `full`: no file grows any more; `read-only`: as a kernel remounts a disk that fails. */
export const disorders = ['write', 'sync', 'full', 'read-only', 'slow'] as const;
export type Disorder = (typeof disorders)[number];

const damages = ['bit', 'sector', 'tail', 'file'] as const;
const never = new Promise<never>(() => undefined);

export class VirtualDisk {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  #files: MemoryFileSystem;
  #life = 0;
  #disorder: Disorder | undefined;
  #onSync: (() => void) | undefined;
  /** Something was changed behind everybody's back since it was empty. */
  isDamaged = false;

  constructor(time: VirtualTime, random: SeededRandom) {
    this.#time = time;
    this.#random = random;
    this.#files = new MemoryFileSystem(this.#options());
  }

  /** What is wrong with it now. */
  set disorder(disorder: Disorder | undefined) {
    this.#disorder = disorder;
    const used = [...this.#files.files().values()].reduce((sum, { length }) => sum + length, 0);
    this.#files.capacityBytes = disorder === 'full' ? used : Number.POSITIVE_INFINITY;
  }

  /** Calls back, once, when something was written and its sync begins. */
  atNextSync(callback: () => void): void {
    this.#onSync = callback;
  }

  /** Any part of what is not synced is lost; who had the disk mounted never hears of it again. */
  cutPower(): void {
    this.#life += 1;
    const keepOf10 = this.#random.nextInt(11);
    this.#files = this.#files.crashKeeping(() => this.#random.nextInt(10) < keepOf10, this.#options());
    this.disorder = this.#disorder;
  }

  /** The process is gone: who had the disk mounted never hears of it again, what it wrote is there. */
  remount(): void {
    this.#life += 1;
  }

  /** Everything is gone. */
  wipe(): void {
    this.#life += 1;
    this.isDamaged = false;
    this.#files = new MemoryFileSystem(this.#options());
    this.disorder = this.#disorder;
  }

  /** Changes or removes something behind everybody's back. Returns what, for the trace. */
  damage(): string {
    this.isDamaged = true;
    const files = this.#files.files();
    const path = this.#random.pick([...files.keys()].filter((name) => !name.endsWith('/reserve')).sort());
    const bytes = files.get(path)?.length ?? 0;
    const kind = bytes === 0 ? 'file' : this.#random.pick(damages);
    const at = this.#placeIn(files.get(path) ?? new Uint8Array());
    if (kind === 'file') this.#lose(path);
    if (kind === 'bit') this.#files.damage(path, (old) => old.fill((old[at] ?? 0) ^ (1 << this.#random.nextInt(8)), at, at + 1));
    if (kind === 'tail') this.#files.damage(path, (old) => old.slice(0, at));
    if (kind === 'sector') {
      const start = at - (at % sectorBytes);
      this.#files.damage(path, (old) => old.fill(0, start, start + sectorBytes));
    }
    return `${kind} of ${path} at ${at}`;
  }

  /** Mostly where something is written: the rest of a file is reserved space. */
  #placeIn(bytes: Uint8Array): number {
    let at = 0;
    for (let tries = 0; tries < 16; tries += 1) {
      at = this.#random.nextInt(Math.max(1, bytes.length));
      if (bytes[at] !== 0) break;
    }
    return at;
  }

  #lose(path: string): void {
    const disorder = this.#disorder;
    this.#disorder = undefined;
    // What is not awaited is done all the same: only its answer comes later.
    void this.#files.unlink(path);
    void this.#files.syncDirectory(dirname(path));
    this.#disorder = disorder;
  }

  mount(): FileSystem {
    const files = this.#files;
    const life = this.#life;
    const pass = async <T>(work: () => Promise<T>, delayMs = 0): Promise<T> => {
      if (delayMs > 0) await this.#time.sleep(delayMs);
      if (life !== this.#life) return never;
      return work();
    };
    const wrapped = (file: File): File => ({
      pwrite: (bytes, position) => pass(() => file.pwrite(bytes, position)),
      pwriteDurably: async (bytes, position) => {
        await pass(() => file.pwrite(bytes, position));
        await pass(() => file.fdatasync(), this.#syncMs());
      },
      read: (position, length) => pass(() => file.read(position, length)),
      fdatasync: () => pass(() => file.fdatasync(), this.#syncMs()),
      preallocate: (bytes, fill) => pass(() => file.preallocate(bytes, fill), this.#syncMs()),
      close: () => pass(() => file.close()),
    });
    return {
      makeDirectory: (path) => pass(() => files.makeDirectory(path)),
      open: async (path, mode) => wrapped(await pass(() => files.open(path, mode))),
      rename: (from, to) => pass(() => files.rename(from, to)),
      unlink: (path) => pass(() => files.unlink(path)),
      list: (directory) => pass(() => files.list(directory)),
      stat: (path) => pass(() => files.stat(path)),
      syncDirectory: (path) => pass(() => files.syncDirectory(path), this.#syncMs()),
    };
  }

  #syncMs(): number {
    const onSync = this.#onSync;
    this.#onSync = undefined;
    onSync?.();
    return this.#disorder === 'slow' ? this.#random.between(20, 400) : this.#random.between(0, 3);
  }

  #options() {
    return { fault: (operation: DiskOperation) => this.#fault(operation) };
  }

  #fault({ kind }: DiskOperation): 'EIO' | 'EROFS' | undefined {
    const writes = kind === 'pwrite' || kind === 'preallocate';
    const syncs = kind === 'fdatasync' || kind === 'syncDirectory';
    if (this.#disorder === 'read-only' && (writes || kind === 'rename' || kind === 'unlink')) return 'EROFS';
    if (this.#disorder === 'write' && writes) return 'EIO';
    return this.#disorder === 'sync' && syncs && this.#random.chance(50) ? 'EIO' : undefined;
  }
}
