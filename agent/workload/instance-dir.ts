/** The directory of one instance in the runtime directory: its record, its keeper's files, its output, its working directory. */
import { execFile } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { WorkloadSpec } from '../../schemas/generated/types.ts';
import { checkDocument } from '../../schemas/validate.ts';

/** What is needed to find a process again after the agent was away. */
export interface InstanceRecord {
  readonly version: 1;
  readonly bootId: string;
  readonly spec: WorkloadSpec;
  readonly replica: number;
  readonly epoch: number;
  readonly class: 'hot' | 'warm' | 'cold';
  readonly pid: number;
  readonly group: number;
  readonly keeper: number;
  /** Start time of `pid` in clock ticks since boot. */
  readonly ticks: number;
  /** Seconds since boot. */
  readonly startedAt: number;
  readonly ports: Readonly<Record<string, number>>;
  readonly runs: number;
}

export interface KeeperExit {
  readonly code: number;
  readonly reason: string;
}

/** The largest bound of output there is; a workload may be ahead of its bound for a moment. */
const readBytesMax = 64 * 2 ** 20;

export class InstanceDir {
  readonly path: string;

  constructor(runtimeDir: string, workload: string, replica: number) {
    this.path = join(runtimeDir, 'instances', `${workload}.${replica}`);
  }

  get work(): string {
    return join(this.path, 'work');
  }
  get output(): string {
    return join(this.path, 'output');
  }

  /** FIFOs and a clean slate for a new process. Output stays: it tells why the last one ended. */
  async prepare(stdin: boolean): Promise<void> {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    for (const name of ['record.json', 'process', 'exit']) rmSync(join(this.path, name), { force: true });
    for (const name of ['control', ...(stdin ? ['stdin'] : [])]) {
      rmSync(join(this.path, name), { force: true });
      await promisify(execFile)('mkfifo', ['-m', '600', join(this.path, name)]);
    }
  }

  writeRecord(record: InstanceRecord): void {
    const file = join(this.path, 'record.json');
    writeFileSync(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  /** Undefined when there is none, or none that can be believed. */
  readRecord(): InstanceRecord | undefined {
    try {
      const value = JSON.parse(readFileSync(join(this.path, 'record.json'), 'utf8')) as Partial<InstanceRecord>;
      const numbers = [value.replica, value.epoch, value.pid, value.group, value.keeper, value.ticks, value.startedAt, value.runs];
      const spec = checkDocument('WorkloadFile', { version: 1, workloads: [value.spec] });
      return value.version === 1 && spec.ok && typeof value.bootId === 'string' && numbers.every((number) => typeof number === 'number')
        ? (value as InstanceRecord)
        : undefined;
    } catch {
      return undefined;
    }
  }

  /** Process, group and keeper, once the keeper has started the workload. */
  started(): { readonly pid: number; readonly group: number; readonly keeper: number } | undefined {
    const [pid, group, keeper] = this.#words('process').map(Number);
    return pid === undefined || group === undefined || keeper === undefined ? undefined : { pid, group, keeper };
  }

  /** How it ended, once the keeper has said so. */
  ended(): KeeperExit | undefined {
    const [code, reason] = this.#words('exit');
    return code === undefined || reason === undefined ? undefined : { code: Number(code), reason };
  }

  /** A line to the keeper or to the workload's standard input. False when nobody is there to read. Never blocks. */
  tell(fifo: 'control' | 'stdin', line: string): boolean {
    try {
      const file = openSync(join(this.path, fifo), constants.O_WRONLY | constants.O_NONBLOCK);
      try {
        return writeSync(file, `${line}\n`) > 0;
      } finally {
        closeSync(file);
      }
    } catch {
      return false;
    }
  }

  outputBytes(): number {
    return statSync(this.output, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Keeps the output bounded: the older half goes, up to a whole line. Writers append, so they go on at the new end. */
  boundOutput(bytesMax: number): void {
    if (this.outputBytes() <= bytesMax) return;
    const tail = readTail(this.output, Math.floor(bytesMax / 2));
    truncateSync(this.output, 0);
    const file = openSync(this.output, 'a');
    writeSync(file, tail.subarray(tail.indexOf(10) + 1));
    closeSync(file);
  }

  lines(count: number): readonly string[] | undefined {
    if (!existsSync(this.output)) return undefined;
    const lines = readTail(this.output, readBytesMax).toString('utf8').split('\n');
    if (lines.at(-1) === '') lines.pop();
    return count === 0 ? [] : lines.slice(-count);
  }

  /** What a run leaves behind but its output. */
  removeWork(): void {
    rmSync(this.work, { recursive: true, force: true });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  #words(name: string): readonly string[] {
    try {
      return readFileSync(join(this.path, name), 'latin1').trim().split(' ');
    } catch {
      return [];
    }
  }
}

/** The last bytes of a file, however large it has become. */
function readTail(path: string, bytesMax: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const tail = Buffer.alloc(Math.min(size, bytesMax));
    return tail.subarray(0, readSync(file, tail, 0, tail.length, size - tail.length));
  } finally {
    closeSync(file);
  }
}
