/** What this machine's kernel counts of processes, disks and the loopback. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** User and system time of a process, in milliseconds (the kernel counts steps of 10). */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export function rssMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? Number.NaN) / 1024;
}

/** Bytes sent over the loopback of this process's network namespace since that is there, link layer included. /sys shows another one's. */
export function loopbackBytes(): number {
  const line = /^\s*lo:(.*)$/m.exec(readFileSync('/proc/net/dev', 'latin1'))?.[1] ?? '';
  return Number(line.trim().split(/\s+/)[8]);
}

/** Bytes written to a block device since it is there. */
export function bytesWritten(device: string): number {
  const fields = readFileSync(`/sys/block/${device}/stat`, 'latin1').trim().split(/\s+/);
  return Number(fields[6]) * 512;
}

export interface LoopDisk {
  readonly dir: string;
  readonly device: string;
  unmount(): void;
}

/** A loop file system of its own, so that the block device's counters count one subject alone; undefined where that cannot be had. */
export function mountDisk(size = '512M'): LoopDisk | undefined {
  const base = mkdtempSync(join(tmpdir(), 'hf-disk-'));
  const image = join(base, 'image');
  const dir = join(base, 'm');
  try {
    mkdirSync(dir);
    execFileSync('truncate', ['-s', size, image]);
    execFileSync('mkfs.ext4', ['-q', '-F', image], { stdio: 'ignore' });
    const device = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    execFileSync('mount', [device, dir], { stdio: 'ignore' });
    const unmount = (): void => {
      execFileSync('umount', ['-l', dir]);
      execFileSync('losetup', ['-d', device]);
      rmSync(base, { recursive: true, force: true });
    };
    return { dir, device: device.replace('/dev/', ''), unmount };
  } catch {
    rmSync(base, { recursive: true, force: true });
    return undefined;
  }
}
