/** Reads a workload file, checks it whole, and brings its artefacts to the agent. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import type { WorkloadFile } from '../../schemas/generated/types.ts';
import { checkDocument, describeProblems } from '../../schemas/validate.ts';
import { describeYamlError } from '../lib/yaml-error.ts';
import { CliError, exitCode, type HttpClient } from './http-client.ts';

const fileBytesMax = 1024 * 1024;

/** Throws CliError with exit code 2: nothing was sent. */
export function readWorkloadFile(path: string): WorkloadFile {
  const wrong = (message: string): CliError => new CliError(exitCode.usage, 'WORKLOADS_INVALID', `${path}: ${message}`);
  let text: string;
  try {
    if (statSync(path).size > fileBytesMax) throw wrong(`is larger than ${fileBytesMax} bytes`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw error instanceof CliError ? error : wrong(`cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 16 });
  } catch (error) {
    throw wrong(`is neither YAML nor JSON: ${describeYamlError(error)}`);
  }
  const checked = checkDocument('WorkloadFile', value);
  if (!checked.ok) throw wrong(describeProblems(checked.problems));
  const seen = new Set<string>();
  for (const { name } of checked.value.workloads) {
    if (seen.has(name)) throw wrong(`workload ${name} is there twice: give each its own name`);
    seen.add(name);
  }
  return checked.value;
}

/** Uploads what the agent lacks. A file that is not what the workload file says is refused before anything is sent. */
export async function uploadArtefacts(
  client: HttpClient,
  path: string,
  file: WorkloadFile,
  progress: (line: string) => void,
): Promise<number> {
  const files = new Map<string, Uint8Array>();
  for (const { name: workload, artefacts = [] } of file.workloads) {
    for (const { name, sha256, bytes, source } of artefacts) {
      if (source === undefined || files.has(sha256)) continue;
      const found = readSource(resolve(dirname(path), source));
      const digest = createHash('sha256').update(found).digest('hex');
      if (digest !== sha256 || found.byteLength !== bytes) {
        throw new CliError(
          exitCode.usage,
          'ARTEFACT_MISMATCH',
          `${path}: ${source} (artefact ${name} of ${workload}) has ${found.byteLength} bytes and SHA-256 ${digest}; the file says ${bytes} and ${sha256}`,
        );
      }
      files.set(sha256, found);
    }
  }
  let sent = 0;
  for (const [sha256, bytes] of files) {
    if (await client.has(`/v1/artefacts/${sha256}`)) continue;
    await client.upload(`/v1/artefacts/${sha256}`, bytes);
    sent += 1;
    progress(`stored artefact ${sha256.slice(0, 12)}… (${bytes.byteLength} bytes)`);
  }
  return sent;
}

function readSource(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CliError(
      exitCode.usage,
      'ARTEFACT_UNREADABLE',
      `Cannot read ${path} (${(error as NodeJS.ErrnoException).code ?? String(error)})`,
    );
  }
}
