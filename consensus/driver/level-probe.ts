/** Reads a database in another process first: `level` aborts the one it is in over some damage, and that must not be the agent. */
import { spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';

/** A database that takes longer is left to be opened without this. */
const deadlineMs = 300_000;
const messageBytesMax = 1000;
/** Another process has it open: the reader of an agent that was killed ends a moment later. Asked again so often, for so long. */
const heldRetryMs = 100;
const heldMaxMs = 30_000;
const heldExitCode = 4;

/** Everything that opening, reading and compacting would read. It ends with whoever asked: nobody else may find the database held. */
const program = `
process.stdin.on('error', () => process.exit(5)).on('close', () => process.exit(5)).resume();
const { ClassicLevel } = await import(process.argv[1]);
const database = new ClassicLevel(process.argv[2], { createIfMissing: false, keyEncoding: 'view', valueEncoding: 'view' });
try {
  await database.open();
  const first = new Uint8Array(1);
  await database.get(first);
  for await (const _ of database.iterator({ gte: first })) void _;
  for await (const _ of database.iterator()) void _;
  await database.close();
  process.exit(0);
} catch (error) {
  const code = error.cause?.code === 'LEVEL_LOCKED' ? ${heldExitCode} : 3;
  process.stderr.write(String(error.cause?.message ?? error.message), () => process.exit(code));
}
`;

/** Why the database in this directory cannot be read; undefined when it can. Nobody may have it open for long. */
export async function probeDatabase(directory: string): Promise<string | undefined> {
  for (let waitedMs = 0; waitedMs <= heldMaxMs; waitedMs += heldRetryMs) {
    const { isHeld, reason } = await readOnce(directory);
    if (!isHeld) return reason;
    await setTimeout(heldRetryMs);
  }
  // Whoever opens it is told so.
  return undefined;
}

function readOnce(directory: string): Promise<{ readonly isHeld: boolean; readonly reason: string | undefined }> {
  return new Promise((resolve) => {
    const args = ['--input-type=module', '-e', program, import.meta.resolve('classic-level'), directory];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'pipe'], timeout: deadlineMs, killSignal: 'SIGKILL' });
    let said = '';
    child.stdin.on('error', () => undefined);
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(0, messageBytesMax);
    });
    // Without memory or room for another process the agent has to try by itself.
    child.once('error', () => resolve({ isHeld: false, reason: undefined }));
    child.once('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve({ isHeld: false, reason: undefined });
      else resolve({ isHeld: code === heldExitCode, reason: said.trim().split('\n')[0] || `its reader ended with ${signal ?? code}` });
    });
  });
}
