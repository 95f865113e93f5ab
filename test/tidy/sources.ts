/** What the tidy tests read: every source file of the repository, its imports, and its code without comments and texts. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

export const root = new URL('../../', import.meta.url);

export interface Source {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** A path from the root for our own files, else the package or `node:` module. */
  readonly target: string;
  readonly isOwn: boolean;
  readonly isTypeOnly: boolean;
}

/** All .ts and .mjs files below some folders, sorted. */
export function sourcesUnder(...folders: readonly string[]): readonly Source[] {
  return folders.flatMap(filesUnder).map((path) => {
    const text = readFileSync(new URL(path, root), 'utf8');
    return { path, text, imports: importsOf(path, text) };
  });
}

function filesUnder(folder: string): readonly string[] {
  return readdirSync(new URL(`${folder}/`, root), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory() ? filesUnder(`${folder}/${entry.name}`) : /\.(ts|mjs)$/.test(entry.name) ? [`${folder}/${entry.name}`] : [],
    );
}

const statement = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
const dynamic = /\bimport\(\s*'([^']+)'\s*\)/g;

export function importsOf(path: string, text: string): readonly Import[] {
  const found = [
    ...[...text.matchAll(statement)].map(([, type, target]) => ({ target: target ?? '', isTypeOnly: type !== undefined })),
    ...[...text.matchAll(dynamic)].map(([, target]) => ({ target: target ?? '', isTypeOnly: false })),
  ];
  return found.map(({ target, isTypeOnly }) => {
    const isOwn = target.startsWith('.');
    return { target: isOwn ? posix.join(posix.dirname(path), target) : target, isOwn, isTypeOnly };
  });
}

/** The code alone: comments and texts are blanked, so that a word in them is not taken for a use. */
export function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, (match) => match.replace(/[^\n]/g, ' '));
}
