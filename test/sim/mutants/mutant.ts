/** Deliberate bugs, kept as patches of the real sources. */
import { readdirSync, readFileSync } from 'node:fs';
import type { TemperName } from '../tempers.ts';
import catalogue from './catalogue.json' with { type: 'json' };

export interface Mutant {
  readonly name: string;
  /** What it does wrong. */
  readonly title: string;
  /** Where others had it. */
  readonly source?: string;
  /** Why nobody can tell it from the true code. */
  readonly equivalent?: string;
  /** A bug of the driver or the log: only whole boxes have it. */
  readonly boxes?: boolean;
  /** The temper of runs that is made for its kind; any of them unless told. */
  readonly temper?: TemperName;
  /** The scope of the exploration that is made for its kind; none unless told. */
  readonly scope?: string;
  readonly patch: string;
}

const folder = new URL('./', import.meta.url);

/** All mutants, in the order of the catalogue. @throws when catalogue and patches differ. */
export function allMutants(): readonly Mutant[] {
  const entries = catalogue as Readonly<Record<string, Omit<Mutant, 'name' | 'patch'>>>;
  const patches = readdirSync(folder).filter((name) => name.endsWith('.patch'));
  const strays = patches.filter((name) => !Object.hasOwn(entries, name.slice(0, -'.patch'.length)));
  if (strays.length > 0) throw new Error(`Not in catalogue.json: ${strays.join(', ')}`);
  return Object.entries(entries).map(([name, entry]) => ({
    name,
    ...entry,
    patch: readFileSync(new URL(`${name}.patch`, folder), 'utf8'),
  }));
}
