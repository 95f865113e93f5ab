import { type Command, InvalidArgumentError } from 'commander';
import type { KvGuard } from '../../schemas/generated/types.ts';
import { table, wholeNumber } from './context.ts';
import { CliError, exitCode, type HttpClient } from './http-client.ts';
import type { Act } from './main-cli.ts';
import { readTransaction } from './transaction-file.ts';

interface Item {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
  /** Of an answer the others were not asked for. */
  readonly stale?: { readonly revision: number; readonly ageMs: number | null };
}

interface Transacted {
  readonly revision: number;
  readonly results: readonly { readonly key?: string }[];
}

interface PutOptions {
  readonly expect?: number;
  readonly session?: number;
  readonly ownerEpoch?: number;
  readonly sequential?: boolean;
  readonly fence?: KvGuard;
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
        const { stale: label } = item;
        if (label !== undefined)
          process.stderr.write(
            `as of revision ${label.revision}; ${label.ageMs === null ? 'no leader was heard yet' : `a leader counted this box in ${label.ageMs} ms ago`}\n`,
          );
        print(item, () => item.value);
      }),
    );
  kv.command('put <key> <value>')
    .description('set one value')
    .option('--expect <revision>', 'only if the key is at this revision (0: does not exist)', wholeNumber())
    .option('--session <number>', 'the value is deleted when this session ends', wholeNumber())
    .option('--owner-epoch <number>', 'as opening the session answered', wholeNumber())
    .option('--sequential', 'add a number to the key that only grows')
    .option('--fence <key@revision>', 'only while this key is at this revision, as HOLDFAST_FENCE says', fence)
    .addHelpText('after', '\nExample: holdfast kv put line/speed 120')
    .action(
      act(async ({ client, print }, key: string, value: string, options: PutOptions) => {
        const { expect, session, ownerEpoch, sequential } = options;
        if (options.fence !== undefined) {
          const written = await putFenced(client, key, value, options);
          print(written, () => `${key} set at revision ${written.revision}`);
          return;
        }
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
    .description('delete one value, or all below a prefix')
    .option('--prefix', 'all values whose key begins with this')
    .option('--expect <revision>', 'only if the key is at this revision', wholeNumber())
    .addHelpText('after', '\nExample: holdfast kv delete line/speed\n         holdfast kv delete line/ --prefix')
    .action(
      act(async ({ client, print }, key: string, { prefix, expect }: { prefix?: boolean; expect?: number }) => {
        if (prefix === true) {
          if (expect !== undefined)
            throw new CliError(exitCode.usage, 'OPTIONS_CONFLICT', '--expect is about one key, --prefix about many');
          const swept = (await client.send('DELETE', `/v1/kv?prefix=${encodeURIComponent(key)}`)) as { revision: number; deleted: number };
          print(swept, () => `${swept.deleted} values below ${key} deleted at revision ${swept.revision}`);
          return;
        }
        const query = expect === undefined ? '' : `?expectRevision=${expect}`;
        const written = (await client.send('DELETE', `${path(key)}${query}`)) as { revision: number };
        print(written, () => `${key} deleted at revision ${written.revision}`);
      }),
    );
  kv.command('txn')
    .description('change several values together, or none: JSON of guards and operations')
    .option('-f, --file <file>', 'read it from this file instead of the standard input')
    .addHelpText(
      'after',
      `
Example: holdfast kv txn <<'END'
{"guards": [{"key": "job", "value": "waiting"}, {"key": "worker", "revision": 0}],
 "operations": [{"type": "put", "key": "job", "value": "running"}, {"type": "delete", "key": "hint"}]}
END`,
    )
    .action(
      act(async ({ client, print }, { file }: { file?: string }) => {
        const { revision, results } = (await client.send('POST', '/v1/txn', await readTransaction(file))) as Transacted;
        print({ revision, results }, () =>
          [`done at revision ${revision}`, ...results.flatMap(({ key }) => (key === undefined ? [] : [`${key} set`]))].join('\n'),
        );
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

async function putFenced(
  client: HttpClient,
  key: string,
  value: string,
  { fence: guard, expect, session, sequential }: PutOptions,
): Promise<{ readonly revision: number }> {
  if (session !== undefined || sequential === true)
    throw new CliError(exitCode.usage, 'OPTIONS_CONFLICT', '--fence goes with --expect alone: for more, use `holdfast kv txn`');
  const guards = [...(guard === undefined ? [] : [guard]), ...(expect === undefined ? [] : [{ key, revision: expect }])];
  const { revision } = (await client.send('POST', '/v1/txn', { guards, operations: [{ type: 'put', key, value }] })) as Transacted;
  return { revision };
}

/** `KEY@REVISION`; the key may have an @ itself. */
function fence(text: string): KvGuard {
  const cut = text.lastIndexOf('@');
  const revision = text.slice(cut + 1);
  if (cut < 1 || !/^[0-9]{1,15}$/.test(revision)) throw new InvalidArgumentError('Give KEY@REVISION.');
  return { key: text.slice(0, cut), revision: Number(revision) };
}
