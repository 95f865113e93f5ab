/** A disk of each box's own, and what disks do: stand still, run full, fail to write and to sync. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const imageSize = '192M';
const ballast = 'ballast';

/** Takes a fault back. */
export type Mend = () => Promise<void>;

export class BoxDisk {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** A file system in a file, mounted on the directory; undefined where this user cannot mount. Nothing in the directory is seen any more. */
  static async mount(image: string, directory: string): Promise<BoxDisk | undefined> {
    if (process.getuid?.() !== 0) return undefined;
    try {
      await run('truncate', ['-s', imageSize, image]);
      // No blocks kept for root: full is full.
      await run('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      await run('mount', ['-o', 'loop', image, directory]);
      return new BoxDisk(directory);
    } catch {
      rmSync(image, { force: true });
      return undefined;
    }
  }

  /** Nothing is written, and nothing is refused, until it is mended. */
  async stall(): Promise<Mend> {
    await run('fsfreeze', ['-f', this.#directory]);
    return async () => void (await run('fsfreeze', ['-u', this.#directory]));
  }

  /** No file grows any more. */
  async fill(): Promise<Mend> {
    const path = join(this.#directory, ballast);
    const { bfree, bsize } = await statfs(this.#directory);
    let blocks = bfree;
    while (blocks > 0) {
      const done = await run('fallocate', ['-l', String(blocks * bsize), path]).then(
        () => true,
        () => false,
      );
      if (done) break;
      // The file system needs a few blocks to say where the others are.
      blocks = Math.floor(blocks * 0.999) - 1;
    }
    return () => Promise.resolve(rmSync(path, { force: true }));
  }

  async unmount(): Promise<void> {
    if (existsSync(join(this.#directory, ballast))) rmSync(join(this.#directory, ballast));
    await run('umount', ['-l', this.#directory]);
  }
}

export const canFailWrites = (): boolean => process.getuid?.() === 0 && spawnSync('strace', ['-V']).status === 0;

/** EIO: the device fails. EROFS: the kernel made the file system read-only, as it does when the device failed. */
export type DiskError = 'EIO' | 'EROFS';

/** Every write to the log, every sync and every change of a directory fails for this process until it is mended. */
export async function failWrites(pid: number, error: DiskError): Promise<Mend> {
  const calls = 'pwrite64,fdatasync,fsync,fallocate,rename,unlink,mkdir';
  const tracer: ChildProcess = spawn('strace', [
    ...['-f', '-qq', '-p', String(pid), '-o', '/dev/null'],
    ...['-e', `trace=${calls}`, '-e', `inject=${calls}:error=${error}`],
  ]);
  const ended = new Promise<void>((resolve) => {
    tracer.once('exit', () => resolve());
    tracer.once('error', () => resolve());
  });
  return async () => {
    tracer.kill('SIGINT');
    await ended;
  };
}
