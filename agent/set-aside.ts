/** A memory that cannot be trusted is kept for whoever wants to know why, out of the way, and not for ever. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

/** What this box promised its site, and what it knows of it. */
const memory = ['log', 'state'] as const;
/** Damaged memories kept at most. */
export const keptMax = 2;
/** With less of the disk free than this share, none is kept once its box is well. */
const freeShareMin = 0.2;

/** The number the next one gets, from 1. */
export function nextAside(path: string): number {
  return 1 + Math.max(0, ...asides(path));
}

/** Moves log and state into `damaged-<number>`. May be called again after it was interrupted; durable when it returns. */
export function setAside(path: string, number: number): void {
  const directory = join(path, asideName(number));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const name of memory) {
    const from = join(path, name);
    if (!existsSync(from)) continue;
    rmSync(join(directory, name), { recursive: true, force: true });
    renameSync(from, join(directory, name));
  }
  for (const changed of [directory, path]) syncDirectory(changed);
  prune(path, keptMax);
}

/** The box is well again: nothing of what was set aside is needed any more. */
export function reclaimAsides(path: string): void {
  const { bfree, blocks } = statfsSync(path);
  prune(path, bfree < freeShareMin * blocks ? 0 : keptMax);
}

/** After a crash the names in it are what they are now. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

const asideName = (number: number): string => `damaged-${number}`;

function asides(path: string): readonly number[] {
  return readdirSync(path).flatMap((name) => {
    const number = /^damaged-([1-9]\d{0,8})$/.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

/** Oldest first out. */
function prune(path: string, keep: number): void {
  const oldest = [...asides(path)].sort((a, b) => b - a).slice(keep);
  for (const number of oldest) rmSync(join(path, asideName(number)), { recursive: true, force: true });
}
