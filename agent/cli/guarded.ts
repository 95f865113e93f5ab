/** `holdfast lock` and `holdfast elect`: a program that runs on one box at a time. */
import { hostname } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { HeldSession } from '../client/held-session.ts';
import { electionPrefix } from '../client/leader-latch.ts';
import { lockPrefix } from '../client/lock.ts';
import { PipeSiteClient } from '../client/pipe-site-client.ts';
import { Place } from '../client/queue.ts';
import { asSiteError, type SiteError } from '../client/site-error.ts';
import { runChild } from './child.ts';
import { CliError, exitCode } from './http-client.ts';
import type { Act } from './main-cli.ts';

interface Options {
  readonly endpoint: string;
  readonly ttl?: number;
  readonly wait?: number;
}

/** Part of the session's life between SIGTERM and SIGKILL: the holder gives up at three quarters of it. */
const gracePart = 0.15;

const environment = `
The command finds in its environment HOLDFAST_FENCING_TOKEN, a number greater than that of every
holder before, and HOLDFAST_FENCE, to be given to \`holdfast kv put --fence\`: a change is refused
when the session has ended meanwhile, even if this program was paused and does not know it.
It is sent SIGTERM when the session is lost, and SIGKILL before somebody else may begin; with a
--ttl below eight times /timing/electionMaxMs of the site only the fence is sure to be in time.
Exit code: that of the command; 4 when the session was lost or the wait was over.`;

export function addGuarded(program: Command, act: Act, end: (code: number) => void): void {
  const add = (name: 'lock' | 'elect', description: string, example: string): Command =>
    program
      .command(`${name} <name> <command...>`)
      .usage(`[options] <name> -- <command...>`)
      .description(description)
      .option('--ttl <seconds>', 'how long after the last word from here somebody else may begin (default: 10)', ttl)
      .addHelpText('after', `\nExample: holdfast ${name} ${example}\n${environment}`);
  add('lock', 'run a command while holding a lock, and end it when the lock is lost', 'backup -- tar cf /backup/data.tar /data')
    .option('--wait <seconds>', 'give up when it is not free by then', seconds)
    .action(
      act(async (_, name: string, command: string[], options: Options) => {
        end(await guarded(lockPrefix(name), command, options));
      }),
    );
  add('elect', 'run a command while elected; when the session is lost, end it and stand again', 'gateway -- ./gateway').action(
    act(async (_, name: string, command: string[], options: Options) => {
      for (;;) {
        try {
          end(await guarded(electionPrefix(name), command, options));
          return;
        } catch (error) {
          if (!(error instanceof CliError) || error.code !== 'SESSION_LOST') throw error;
          process.stderr.write(`holdfast: ${error.message}; standing again\n`);
        }
      }
    }),
  );
}

/** Waits for its turn, runs the command, and hands on. Resolves with the command's exit code. Rejects with CliError. */
async function guarded(prefix: string, command: readonly string[], { endpoint, ttl: ttlMs = 10_000, wait }: Options): Promise<number> {
  const token = process.env['HOLDFAST_TOKEN'];
  const client = new PipeSiteClient({ endpoint, ...(token === undefined ? {} : { token }) });
  let session: HeldSession | undefined;
  try {
    session = await HeldSession.open([client], { ttlMs });
    const place = await turn(session, prefix, wait);
    const env = { HOLDFAST_FENCING_TOKEN: String(place.ticket), HOLDFAST_FENCE: `${place.key}@${place.ticket}` };
    const code = await runChild({ command, env, end: session.lost, graceMs: session.ttlMs * gracePart });
    if (session.lost.aborted)
      throw new CliError(exitCode.refused, 'SESSION_LOST', `The session was lost: ${asSiteError(session.lost.reason).message}`);
    return code;
  } catch (error) {
    throw error instanceof CliError ? error : asCliError(asSiteError(error));
  } finally {
    await session?.close();
    client.close();
  }
}

async function turn(session: HeldSession, prefix: string, wait: number | undefined): Promise<Place> {
  const giveUp = new AbortController();
  const onSignal = (): void => giveUp.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
  const signals = wait === undefined ? [giveUp.signal] : [giveUp.signal, AbortSignal.timeout(wait)];
  try {
    const place = await Place.take(session, prefix, `${hostname()} ${process.pid}`);
    await place.first(AbortSignal.any(signals));
    return place;
  } catch (thrown) {
    const error = asSiteError(thrown);
    if (error.code !== 'ABORTED') throw error;
    throw new CliError(exitCode.refused, 'NOT_FREE', `It was somebody else's turn until the wait was over`);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, onSignal);
  }
}

function asCliError({ code, message, definite }: SiteError): CliError {
  const exit = !definite ? exitCode.indefinite : code === 'UNREACHABLE' || code === 'NOT_LEADER' ? exitCode.unavailable : exitCode.refused;
  return new CliError(exit, code, message);
}

function seconds(text: string): number {
  const value = Number(text);
  if (!/^[0-9]+(\.[0-9]+)?$/.test(text)) throw new InvalidArgumentError('Give a number of seconds.');
  return Math.round(value * 1000);
}

function ttl(text: string): number {
  const value = seconds(text);
  if (value < 1000 || value > 24 * 3600 * 1000) throw new InvalidArgumentError('Give 1 to 86400 seconds.');
  return value;
}
