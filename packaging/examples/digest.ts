/** Writes SHA-256 and size of each program into the example workload file. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('site.workloads.yaml', import.meta.url);

/** The file with the right digests in it. */
export function withDigests(text: string): string {
  return text.replace(
    /(source: )([^\s,]+)(,\s+sha256: ")[0-9a-f]*(",\s+bytes: )\d+/g,
    (_, one: string, source: string, two: string, three: string) => {
      const bytes = readFileSync(new URL(source, file));
      return `${one}${source}${two}${createHash('sha256').update(bytes).digest('hex')}${three}${bytes.length}`;
    },
  );
}

if (process.argv[1] === new URL(import.meta.url).pathname) writeFileSync(file, withDigests(readFileSync(file, 'utf8')));
