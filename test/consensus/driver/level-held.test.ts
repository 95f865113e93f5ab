import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logIndex, term } from '../../../consensus/core/types.ts';
import { LevelStateStore } from '../../../consensus/driver/level-store.ts';

const membership = { voters: ['n1'], learners: [] };
/** Has the database open, says so, and lets go of it when told. */
const holder = `
const { ClassicLevel } = await import(process.argv[1]);
const database = new ClassicLevel(process.argv[2]);
await database.open();
process.stdout.write('open');
process.stdin.once('data', async () => { await database.close(); process.exit(0); });
`;

describe('a state store whose database another process has open', () => {
  it('is not damaged: the reader of a run that was killed ends a moment later', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-held-'));
    try {
      const first = new LevelStateStore({ directory, membership });
      await first.open();
      await first.write([{ key: 'a', value: Uint8Array.of(1) }], { index: logIndex(5), term: term(1), membership }, true);
      await first.close();
      const args = ['--input-type=module', '-e', holder, import.meta.resolve('classic-level'), join(directory, 'level-1')];
      const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      const second = new LevelStateStore({ directory, membership });
      const opening = second.open();
      setTimeout(() => child.stdin.write('go'), 700);
      const { meta, rows } = await opening;
      assert.equal(meta.index, 5);
      assert.deepEqual(
        rows.map(([key]) => key),
        ['a'],
      );
      await second.close();
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
