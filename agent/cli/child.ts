/** A program that runs for as long as its right to run lasts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError, exitCode } from './http-client.ts';

/** Ends a child when its parent dies, which cannot do it then. */
const setpriv = '/usr/bin/setpriv';

const notFound = 127;
const signalled = 128;

export interface ChildOptions {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Aborted when it must end. */
  readonly end: AbortSignal;
  /** From SIGTERM to SIGKILL, in milliseconds. */
  readonly graceMs: number;
}

/** Resolves with its exit code, that of a shell for signals, once it has ended. Rejects with CliError when it cannot be started. */
export async function runChild({ command, env, end, graceMs }: ChildOptions): Promise<number> {
  const [program, ...args] = existsSync(setpriv) ? [setpriv, '--pdeathsig', 'KILL', '--', ...command] : command;
  const child = spawn(program as string, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  const ended = outcome(child);
  const stop = (): void => {
    child.kill('SIGTERM');
    void sleep(graceMs, undefined, { ref: false }).then(() => child.kill('SIGKILL'));
  };
  if (end.aborted) stop();
  end.addEventListener('abort', stop, { once: true });
  // What an operator sends is meant for the program.
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, pass);
  try {
    return await ended;
  } finally {
    end.removeEventListener('abort', stop);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.removeListener(signal, pass);
  }
}

function outcome(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(new CliError(error.code === 'ENOENT' ? notFound : exitCode.failed, 'COMMAND_FAILED', `${child.spawnfile}: ${error.message}`)),
    );
    child.on('exit', (code, signal) => resolve(code ?? signalled + (signal === null ? 0 : constants.signals[signal])));
  });
}
