/** Reads a database in another process first: `level` aborts the one it is in over some damage, and that must not be the agent. */
import { spawn } from 'node:child_process';

/** A database that takes longer is left to be opened without this. */
const deadlineMs = 300_000;
const messageBytesMax = 1000;

/** Everything that opening, reading and compacting would read. */
const program = `
const { ClassicLevel } = await import(process.argv[1]);
const database = new ClassicLevel(process.argv[2], { createIfMissing: false, keyEncoding: 'view', valueEncoding: 'view' });
try {
  await database.open();
  const first = new Uint8Array(1);
  await database.get(first);
  for await (const _ of database.iterator({ gte: first })) void _;
  for await (const _ of database.iterator()) void _;
  await database.close();
} catch (error) {
  process.stderr.write(String(error.cause?.message ?? error.message));
  process.exitCode = 3;
}
`;

/** Why the database in this directory cannot be read; undefined when it can. Nobody may have it open. */
export function probeDatabase(directory: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const args = ['--input-type=module', '-e', program, import.meta.resolve('classic-level'), directory];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: deadlineMs, killSignal: 'SIGKILL' });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(0, messageBytesMax);
    });
    // Without memory or room for another process the agent has to try by itself.
    child.once('error', () => resolve(undefined));
    child.once('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve(undefined);
      else resolve(said.trim().split('\n')[0] || `its reader ended with ${signal ?? code}`);
    });
  });
}
