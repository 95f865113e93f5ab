/** Copies of the sources that a mutant can be made of. */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutant.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const copied = [
  'package.json',
  'agent',
  'consensus',
  'schemas',
  'test/sim',
  'test/explore',
  'test/linearizability',
  'test/consensus/driver',
];

export interface Run {
  readonly code: number | null;
  readonly output: string;
}

export class Workshop {
  readonly #base = mkdtempSync(join(tmpdir(), 'hf-mutants-'));

  /** A copy with the mutant's patch. @throws when the patch does not fit the sources any more. */
  make(mutant: Mutant): string {
    const at = join(this.#base, mutant.name);
    for (const name of copied) cpSync(join(root, name), join(at, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(at, 'node_modules'));
    const applied = spawnSync('git', ['apply', '--recount', '-'], { cwd: at, input: mutant.patch, encoding: 'utf8' });
    if (applied.status !== 0) throw new Error(`${mutant.name}.patch does not fit the sources any more: make it again\n${applied.stderr}`);
    return at;
  }

  drop(at: string): void {
    rmSync(at, { recursive: true, force: true });
  }

  close(): void {
    rmSync(this.#base, { recursive: true, force: true });
  }
}

/** Runs a program of a copy, and ends it after a time. */
export function run(at: string, args: readonly string[], seconds: number): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: at, stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    // Twice its time is more than a last seed takes: it loops.
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 2000 + 10_000);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}
