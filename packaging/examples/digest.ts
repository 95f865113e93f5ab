/** Writes SHA-256 and size of each program into the example workload file. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('site.workloads.yaml', import.meta.url);

/** The file with the right digests in it. */
export function withDigests(text: string): string {
  return text.replace(/source: (\S+), sha256: "?[0-9a-f]*"?, bytes: \d+/g, (_, source: string) => {
    const bytes = readFileSync(new URL(source, file));
    return `source: ${source}, sha256: "${createHash('sha256').update(bytes).digest('hex')}", bytes: ${bytes.length}`;
  });
}

if (process.argv[1] === new URL(import.meta.url).pathname) writeFileSync(file, withDigests(readFileSync(file, 'utf8')));
