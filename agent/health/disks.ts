/** File systems the agent writes to. */
import { statfs } from 'node:fs/promises';
import { basename } from 'node:path';
import type { DiskHealth } from '../../schemas/generated/types.ts';
import { clip, type KernelFiles } from './files.ts';

/** Size and free space of the file system a directory is on; the part of `statfs` used here. */
export interface Space {
  readonly bsize: number;
  readonly blocks: number;
  readonly bavail: number;
}

export interface DiskReaderOptions {
  /** How long one file system may take to answer before its sizes count as unknown, in milliseconds. @default 1000 */
  readonly patienceMs?: number;
  /** @default fs.promises.statfs */
  readonly statfs?: (path: string) => Promise<Space>;
}

interface Mount {
  readonly device: string;
  readonly point: string;
  readonly type: string;
  readonly readOnly: boolean;
}

/** Reads the file systems of some directories, in the order given, each file system once. */
export class DiskReader {
  readonly #files: KernelFiles;
  readonly #directories: readonly string[];
  readonly #patienceMs: number;
  readonly #statfs: (path: string) => Promise<Space>;
  /** Questions not answered yet: a dead network mount must not use up the thread pool, one asking thread a sample. */
  readonly #pending = new Map<string, Promise<Space | undefined>>();

  constructor(files: KernelFiles, directories: readonly string[], options: DiskReaderOptions = {}) {
    this.#files = files;
    this.#directories = directories;
    this.#patienceMs = options.patienceMs ?? 1000;
    this.#statfs = options.statfs ?? statfs;
  }

  async read(): Promise<DiskHealth[]> {
    const mounts = parseMounts((await this.#files.text('proc/self/mounts')) ?? '');
    const seen = new Set<string>();
    const disks: DiskHealth[] = [];
    for (const directory of this.#directories) {
      const mount = mountOf(mounts, directory);
      const key = mount?.point ?? directory;
      if (seen.has(key)) continue;
      seen.add(key);
      const space = await this.#space(directory);
      disks.push({
        mount: clip(key, 256) ?? '/',
        type: clip(mount?.type, 32),
        totalBytes: bytes(space?.blocks, space?.bsize),
        freeBytes: bytes(space?.bavail, space?.bsize),
        readOnly: mount?.readOnly ?? null,
        lifeUsedPercent: mount === undefined ? null : await this.#lifeUsed(mount.device),
      });
    }
    return disks;
  }

  async #space(directory: string): Promise<Space | undefined> {
    const asked =
      this.#pending.get(directory) ??
      this.#statfs(directory)
        .catch(() => undefined)
        .finally(() => this.#pending.delete(directory));
    this.#pending.set(directory, asked);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), this.#patienceMs);
    });
    try {
      return await Promise.race([asked, patience]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** An eMMC reports its wear of two areas in steps of 10 % (JEDEC 84-B51, EXT_CSD 268 and 269): 0x01 is 0 to 10 % used. */
  async #lifeUsed(device: string): Promise<number | null> {
    const [disk] = /^mmcblk\d+/.exec(basename(device)) ?? [];
    if (disk === undefined) return null;
    const steps = ((await this.#files.text(`sys/block/${disk}/device/life_time`)) ?? '').match(/0x[0-9a-fA-F]{2}/g) ?? [];
    const worst = Math.max(...steps.map(Number), 0);
    return worst === 0 ? null : Math.min(100, worst * 10);
  }
}

function bytes(blocks: number | undefined, blockBytes: number | undefined): number | null {
  if (blocks === undefined || blockBytes === undefined) return null;
  const value = blocks * blockBytes;
  return value >= 0 && Number.isSafeInteger(value) ? value : null;
}

function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [device, point, type, options] = line.split(' ').map(unescapeMount);
    if (device === undefined || point === undefined || type === undefined || options === undefined) return [];
    return [{ device, point, type, readOnly: options.split(',').includes('ro') }];
  });
}

/** The kernel writes blanks in mount points as octal escapes. */
function unescapeMount(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** The deepest mount that holds a path; of two on the same point the later one, which covers the other. */
function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const holds = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`);
    if (holds && (best === undefined || mount.point.length >= best.point.length)) best = mount;
  }
  return best;
}
