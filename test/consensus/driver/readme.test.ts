import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { messageTypes } from '../../../consensus/driver/codec.ts';
import { batchHeaderBytes, logFormat } from '../../../consensus/driver/log/format.ts';

const consensus = resolve(import.meta.dirname, '../../../consensus');

describe('consensus/README.md', () => {
  let text: string;
  before(async () => {
    // However wide a formatter makes the columns of a table.
    text = (await fs.readFile(join(consensus, 'README.md'), 'utf8')).replace(/ {2,}\|/g, ' |');
  });

  it('lists every message with its direction, and no other', () => {
    const section = text.slice(text.indexOf('## Messages'), text.indexOf('## On disk: the log'));
    const rows = [...section.matchAll(/^\| `([A-Z_]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)];
    assert.deepEqual(rows.map((row) => row[1]).sort(), [...messageTypes].sort());
    for (const [, type, from, to] of rows) assert.ok(from?.trim() && to?.trim(), `${type} has a direction`);
  });

  it('lists every outcome a request can have, and every storage code that stops a box', async () => {
    const source = await fs.readFile(join(consensus, 'driver/errors.ts'), 'utf8');
    const union = (name: string) =>
      [...(source.split(`export type ${name} =`)[1]?.split(';')[0] ?? '').matchAll(/'([A-Z_]+)'/g)].map((match) => match[1]);
    assert.ok(union('ConsensusCode').length > 5);
    for (const code of union('ConsensusCode')) assert.ok(text.includes(`| \`${code}\` |`), `${code} is not documented`);
    for (const code of ['LOG_CORRUPT', 'LOG_VERSION', 'VOTE_DAMAGED', 'STATE_DAMAGED']) {
      assert.ok(union('StorageCode').includes(code) && text.includes(`\`${code}\``), code);
    }
  });

  it('describes the format that is written', () => {
    assert.ok(text.includes(`## On disk: the log, format ${logFormat}\n`));
    assert.ok(text.includes(`| ${batchHeaderBytes} | | records`));
  });

  it('has an example that runs as written', async function () {
    this.timeout(30_000);
    const example = /```ts\n([\s\S]*?)```/.exec(text)?.[1];
    assert.ok(example);
    const directory = await fs.mkdtemp(join(tmpdir(), 'holdfast-readme-'));
    const file = join(directory, 'example.ts');
    await fs.writeFile(file, example.replaceAll("from './", `from '${pathToFileURL(consensus).href}/`));
    const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 20_000, env: { ...process.env, TMPDIR: directory } });
    assert.equal(stdout, 'colour=red at index 2\n');
    await fs.rm(directory, { recursive: true, force: true });
  });
});
