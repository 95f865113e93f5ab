import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { table } from './context.ts';
import { CliError, exitCode } from './http-client.ts';
import type { Act } from './main-cli.ts';

interface Handle {
  readonly session: number;
  readonly ownerEpoch: number;
  readonly ttlMs: number;
}

interface Row extends Handle {
  readonly owner: string;
  readonly keys: number;
}

/** Renewed this many times in its time to live: two touches may be lost. */
const touchesPerTtl = 3;

export function addSessions(program: Command, act: Act): void {
  const session = program.command('session').description('sessions: values that live as long as their client does');
  session
    .command('hold')
    .description('open a session and renew it until Ctrl-C, then close it')
    .option('--ttl <seconds>', 'it ends this long after the client was last heard of', '10')
    .addHelpText('after', '\nExample: holdfast session hold --ttl 5')
    .action(
      act(async ({ client, print }, { ttl }: { ttl: string }) => {
        const handle = (await client.send('POST', '/v1/sessions', { ttlMs: milliseconds(ttl) })) as Handle;
        print(handle, () => `session ${handle.session}, owner epoch ${handle.ownerEpoch}: held until Ctrl-C`);
        const end = new AbortController();
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => end.abort());
        while (!end.signal.aborted) {
          await sleep(handle.ttlMs / touchesPerTtl, undefined, { signal: end.signal }).catch(() => undefined);
          if (!end.signal.aborted) await client.post(`/v1/sessions/${handle.session}/touch`, { ownerEpoch: handle.ownerEpoch });
        }
        await client.send('DELETE', `/v1/sessions/${handle.session}`);
      }),
    );
  session
    .command('open')
    .description('open a session; whoever opened it renews it by POST /v1/sessions/N/touch')
    .option('--ttl <seconds>', 'it ends this long after the client was last heard of', '10')
    .addHelpText('after', '\nExample: holdfast session open --ttl 60 --json')
    .action(
      act(async ({ client, print }, { ttl }: { ttl: string }) => {
        const handle = (await client.send('POST', '/v1/sessions', { ttlMs: milliseconds(ttl) })) as Handle;
        print(handle, () => `session ${handle.session}, owner epoch ${handle.ownerEpoch}`);
      }),
    );
  session
    .command('revalidate <session>')
    .description('take a session over to this box, with its values')
    .addHelpText('after', '\nExample: holdfast session revalidate 42')
    .action(
      act(async ({ client, print }, number: string) => {
        const handle = (await client.send('POST', `/v1/sessions/${encodeURIComponent(number)}/revalidate`)) as Handle;
        print(handle, () => `session ${handle.session}, owner epoch ${handle.ownerEpoch}`);
      }),
    );
  session
    .command('close <session>')
    .description('end a session and delete its values')
    .addHelpText('after', '\nExample: holdfast session close 42')
    .action(
      act(async ({ client, print }, number: string) => {
        const written = (await client.send('DELETE', `/v1/sessions/${encodeURIComponent(number)}`)) as { revision: number };
        print(written, () => `session ${number} closed at revision ${written.revision}`);
      }),
    );
  session
    .command('list')
    .description('list sessions')
    .addHelpText('after', '\nExample: holdfast session list')
    .action(
      act(async ({ client, print }) => {
        const list = (await client.get('/v1/sessions')) as { sessions: readonly Row[] };
        print(list, () =>
          table(
            ['SESSION', 'OWNER', 'EPOCH', 'TTL', 'VALUES'],
            list.sessions.map(({ session, owner, ownerEpoch, ttlMs, keys }) => [
              String(session),
              owner,
              String(ownerEpoch),
              `${ttlMs / 1000} s`,
              String(keys),
            ]),
          ),
        );
      }),
    );
}

function milliseconds(seconds: string): number {
  const value = Number(seconds) * 1000;
  if (!Number.isFinite(value) || value <= 0)
    throw new CliError(exitCode.usage, 'TTL_INVALID', `--ttl ${seconds} must be a number of seconds`);
  return Math.round(value);
}
