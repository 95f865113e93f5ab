/** Reads a transaction from a file or the standard input, and checks it whole. */
import { createReadStream } from 'node:fs';
import type { KvTransaction } from '../../schemas/generated/types.ts';
import { describeProblems, parseDocument } from '../../schemas/validate.ts';
import { CliError, exitCode } from './http-client.ts';

const bytesMax = 1024 * 1024;

/** @param path undefined for the standard input. Throws CliError with exit code 2: nothing was sent. */
export async function readTransaction(path: string | undefined): Promise<KvTransaction> {
  const source = path ?? 'standard input';
  const wrong = (message: string): CliError => new CliError(exitCode.usage, 'TRANSACTION_INVALID', `${source}: ${message}`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of (path === undefined ? process.stdin : createReadStream(path)) as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > bytesMax) break;
    }
  } catch (error) {
    throw wrong(`cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
  const parsed = parseDocument('KvTransaction', Buffer.concat(chunks), bytesMax);
  if (!parsed.ok) throw wrong(describeProblems(parsed.problems));
  return parsed.value;
}
