import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logIndex, type SnapshotMeta, term } from '../../../consensus/core/types.ts';
import { LevelStateStore } from '../../../consensus/driver/level-store.ts';
import { StateDigest } from '../../../consensus/driver/state-digest.ts';

const membership = { voters: ['n1', 'n2', 'n3'], learners: [] };
const meta = (index: number): SnapshotMeta => ({ index: logIndex(index), term: term(1), membership });
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

describe('level state store', () => {
  let directory: string;
  const make = () => new LevelStateStore({ directory, membership });
  beforeEach(async () => {
    directory = await fs.mkdtemp(join(tmpdir(), 'holdfast-state-'));
  });
  afterEach(() => fs.rm(directory, { recursive: true, force: true }));

  async function written(): Promise<void> {
    const store = make();
    await store.open();
    await store.write(
      [
        { key: 'a', value: bytes('1') },
        { key: 'b', value: bytes('2') },
      ],
      meta(1),
      false,
    );
    await store.write(
      [
        { key: 'a', value: bytes('3') },
        { key: 'b', value: undefined },
        { key: 'c', value: bytes('x') },
        { key: 'c', value: bytes('4') },
      ],
      meta(2),
      true,
    );
    await store.close();
  }

  it('begins at index 0 and gives back rows and meta as written', async () => {
    const store = make();
    assert.deepEqual(await store.open(), { meta: { ...meta(0), term: 0 }, rows: [] });
    await store.close();
    await written();
    const again = make();
    const { meta: found, rows } = await again.open();
    await again.close();
    assert.deepEqual(found, meta(2));
    assert.deepEqual(
      rows.map(([key, value]) => [key, Buffer.from(value).toString()]),
      [
        ['a', '3'],
        ['c', '4'],
      ],
    );
  });

  it('is replaced as a whole, and goes on from there', async () => {
    await written();
    const store = make();
    await store.open();
    await store.replace([['z', bytes('9')]], meta(50));
    await store.write([{ key: 'y', value: bytes('8') }], meta(51), false);
    await store.close();
    const again = make();
    const { meta: found, rows } = await again.open();
    await again.close();
    assert.equal(found.index, 51);
    assert.deepEqual(
      rows.map(([key]) => key),
      ['y', 'z'],
    );
    assert.equal((await fs.readdir(directory)).filter((name) => name.startsWith('level-')).length, 1);
  });

  it('takes a half-made generation for nothing', async () => {
    await written();
    await fs.mkdir(join(directory, 'level-2'));
    const store = make();
    assert.equal((await store.open()).meta.index, 2);
    await store.replace([], meta(7));
    await store.close();
  });

  it('K13: reports a database that is gone, emptied or changed as damaged, and is healed by replace', async () => {
    const { Level } = await import('level');
    const damages: readonly ((database: string) => Promise<void>)[] = [
      (database) => fs.rm(database, { recursive: true }),
      (database) => fs.rm(join(database, 'CURRENT')),
      async (database) => {
        const level = new Level(database);
        await level.put('row:a', 'silently other');
        await level.close();
      },
      async (database) => {
        const level = new Level(database);
        await level.del('row:c');
        await level.close();
      },
      () => fs.writeFile(join(directory, 'generation'), 'x'),
    ];
    for (const [i, damage] of damages.entries()) {
      await fs.rm(directory, { recursive: true, force: true });
      await written();
      await damage(join(directory, 'level-1'));
      const store = make();
      await assert.rejects(store.open(), { code: 'STATE_DAMAGED' }, `damage ${i}`);
      await store.replace([], meta(0));
      await store.write([{ key: 'k', value: bytes('v') }], meta(1), true);
      await store.close();
      const again = make();
      assert.equal((await again.open()).rows.length, 1, `damage ${i}`);
      await again.close();
    }
  });

  it('has a digest that does not depend on the order of changes', () => {
    const one = new StateDigest();
    const other = new StateDigest();
    for (const key of ['a', 'b', 'c']) one.add(key, bytes(key));
    for (const key of ['c', 'x', 'a', 'b']) other.add(key, bytes(key));
    assert.notEqual(other.toString(), one.toString());
    other.remove('x', bytes('x'));
    assert.equal(new StateDigest(other.toString()).toString(), one.toString());
    assert.match(one.toString(), /^[0-9a-f]{16}$/);
  });
});
