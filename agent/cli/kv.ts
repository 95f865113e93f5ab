import type { Command } from 'commander';
import { table, wholeNumber } from './context.ts';
import { CliError, exitCode } from './http-client.ts';
import type { Act } from './main-cli.ts';

interface Item {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
}

interface PutOptions {
  readonly expect?: number;
  readonly session?: number;
  readonly ownerEpoch?: number;
  readonly sequential?: boolean;
}

export function addKv(program: Command, act: Act): void {
  const kv = program.command('kv').description('values the site agrees on');
  const path = (key: string): string => {
    if (key === '') throw new CliError(exitCode.usage, 'KEY_INVALID', 'A key has at least one character');
    return `/v1/kv/${encodeURIComponent(key)}`;
  };
  kv.command('get <key>')
    .description('read one value, linearizably')
    .option('--stale', 'as this box has it, without asking the others')
    .addHelpText('after', '\nExample: holdfast kv get line/speed')
    .action(
      act(async ({ client, print }, key: string, { stale }: { stale?: boolean }) => {
        const item = (await client.get(`${path(key)}${stale === true ? '?stale=true' : ''}`)) as Item;
        print(item, () => item.value);
      }),
    );
  kv.command('put <key> <value>')
    .description('set one value')
    .option('--expect <revision>', 'only if the key is at this revision (0: does not exist)', wholeNumber())
    .option('--session <number>', 'the value is deleted when this session ends', wholeNumber())
    .option('--owner-epoch <number>', 'as opening the session answered', wholeNumber())
    .option('--sequential', 'add a number to the key that only grows')
    .addHelpText('after', '\nExample: holdfast kv put line/speed 120')
    .action(
      act(async ({ client, print }, key: string, value: string, options: PutOptions) => {
        const { expect, session, ownerEpoch, sequential } = options;
        const written = (await client.send('PUT', path(key), {
          value,
          ...(expect === undefined ? {} : { expectRevision: expect }),
          ...(session === undefined ? {} : { session: { session, ownerEpoch: ownerEpoch ?? session } }),
          ...(sequential === true ? { sequential } : {}),
        })) as { revision: number; key?: string };
        print(written, () => `${written.key ?? key} set at revision ${written.revision}`);
      }),
    );
  kv.command('delete <key>')
    .description('delete one value')
    .addHelpText('after', '\nExample: holdfast kv delete line/speed')
    .action(
      act(async ({ client, print }, key: string) => {
        const written = (await client.send('DELETE', path(key))) as { revision: number };
        print(written, () => `${key} deleted at revision ${written.revision}`);
      }),
    );
  kv.command('watch [prefix]')
    .description('changes of values as they happen, one JSON object a line, until Ctrl-C')
    .option('--after <revision>', 'begin after this revision, without a gap', wholeNumber())
    .addHelpText('after', '\nExample: holdfast kv watch line/')
    .action(
      act(async ({ client }, prefix: string | undefined, { after }: { after?: number }) => {
        const query = `prefix=${encodeURIComponent(prefix ?? '')}${after === undefined ? '' : `&after=${after}`}`;
        for await (const data of client.events(`/v1/watch?${query}`)) process.stdout.write(`${data}\n`);
      }),
    );
  kv.command('list [prefix]')
    .description('list values whose key begins with a prefix')
    .addHelpText('after', '\nExample: holdfast kv list line/')
    .action(
      act(async ({ client, print }, prefix: string | undefined) => {
        const list = (await client.get(`/v1/kv?prefix=${encodeURIComponent(prefix ?? '')}`)) as { items: Item[] };
        const rows = list.items.map(({ key, revision, value }) => [key, String(revision), value]);
        print(list, () => (rows.length === 0 ? 'No values.' : table(['KEY', 'REVISION', 'VALUE'], rows)));
      }),
    );
}
