import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logIndex, term } from '../../../../consensus/core/types.ts';
import type { FileSystem } from '../../../../consensus/driver/log/file-system.ts';
import { MemoryFileSystem } from '../../../../consensus/driver/log/memory-file-system.ts';
import { NodeFileSystem } from '../../../../consensus/driver/log/node-file-system.ts';
import { assertEntries, entries, entry, openLog, recover } from './log-fixture.ts';

const none = { index: 0, term: 0 };

/** The same behaviour on both file systems. */
function logContract(name: string, make: () => Promise<{ fileSystem: FileSystem; at: string; remove: () => Promise<void> }>): void {
  describe(`durable log on ${name}`, () => {
    let fileSystem: FileSystem;
    let at: string;
    let remove: () => Promise<void>;
    beforeEach(async () => {
      ({ fileSystem, at, remove } = await make());
    });
    afterEach(() => remove());

    it('begins empty, and only once', async () => {
      assert.deepEqual(await recover(fileSystem, at), {
        hardState: { term: 0, votedFor: undefined },
        entries: [],
        base: none,
        fresh: true,
        uncertain: undefined,
      });
      assert.equal((await recover(fileSystem, at)).fresh, false);
    });

    it('gives back what was saved: term, vote and entries, over many segments', async () => {
      const { log } = await openLog(fileSystem, { directory: at });
      await log.save({ term: term(3), votedFor: 'n2' }, entries(1, 5, 2));
      for (let index = 6; index <= 200; index++) await log.save(undefined, [entry(index, 3)]);
      assert.ok(log.segmentCount > 10, `${log.segmentCount} segments`);
      await log.close();
      const recovered = await recover(fileSystem, at);
      assert.deepEqual(recovered.hardState, { term: 3, votedFor: 'n2' });
      assertEntries(recovered, [...entries(1, 5, 2), ...entries(6, 200, 3)]);
      assert.equal(recovered.uncertain, undefined);
    });

    it('replaces a tail that conflicts', async () => {
      const { log } = await openLog(fileSystem, { directory: at });
      await log.save({ term: term(2), votedFor: undefined }, entries(1, 9, 1));
      await log.save(undefined, entries(5, 6, 2));
      await log.close();
      assertEntries(await recover(fileSystem, at), [...entries(1, 4, 1), ...entries(5, 6, 2)]);
    });

    it('saves an entry larger than a segment, and a batch that fills several', async () => {
      const { log } = await openLog(fileSystem, { directory: at });
      const all = [entry(1, 1, 50_000), ...entries(2, 60, 1, 900)];
      await log.save({ term: term(1), votedFor: undefined }, all);
      await log.close();
      assertEntries(await recover(fileSystem, at), all);
    });

    it('K15: drops whole segments when compacted and stays below its bound', async () => {
      const { log } = await openLog(fileSystem, { directory: at, prepareAhead: true });
      await log.save({ term: term(1), votedFor: undefined }, []);
      for (let index = 1; index <= 300; index++) {
        await log.save(undefined, [entry(index)]);
        if (index % 20 === 0) await log.compact(logIndex(index - 5), term(1));
        assert.ok(log.segmentCount <= 4, `${log.segmentCount} segments at ${index}`);
      }
      await log.close();
      const recovered = await recover(fileSystem, at);
      assert.deepEqual(recovered.base, { index: 295, term: 1 });
      assertEntries(recovered, entries(296, 300));
    });

    it('keeps every segment still needed when it is compacted after a restart', async () => {
      const { log } = await openLog(fileSystem, { directory: at });
      await log.save({ term: term(2), votedFor: undefined }, []);
      for (let index = 1; index <= 60; index++) await log.save(undefined, [entry(index)]);
      await log.save(undefined, [entry(41, 2)]);
      await log.close();
      const again = await openLog(fileSystem, { directory: at });
      await again.log.compact(logIndex(5), term(1));
      await again.log.close();
      assertEntries(await recover(fileSystem, at), [...entries(6, 40), entry(41, 2)]);
    });

    it('K2: does not bring back a tail that was replaced by an entry compacted since', async () => {
      const { log } = await openLog(fileSystem, { directory: at });
      await log.save({ term: term(2), votedFor: undefined }, entries(1, 9, 1));
      await log.save(undefined, [entry(7, 2)]);
      await log.compact(logIndex(7), term(2));
      await log.close();
      const recovered = await recover(fileSystem, at);
      assert.deepEqual(recovered.base, { index: 7, term: 2 });
      assertEntries(recovered, []);
    });

    it('K2: is whole when a compacted segment takes along what stood before a tail that was replaced', async () => {
      const { log } = await openLog(fileSystem, { directory: at });
      await log.save({ term: term(2), votedFor: undefined }, []);
      for (let index = 1; index <= 20; index++) await log.save(undefined, [entry(index)]);
      assert.equal(log.segmentCount, 2);
      await log.save(undefined, entries(5, 8, 2));
      await log.compact(logIndex(6), term(2));
      assert.equal(log.segmentCount, 1);
      await log.close();
      assertEntries(await recover(fileSystem, at), entries(7, 8, 2));
    });

    it('starts again after a snapshot', async () => {
      const { log } = await openLog(fileSystem, { directory: at });
      await log.save({ term: term(7), votedFor: undefined }, entries(1, 30));
      await log.reset(logIndex(100), term(6));
      assertEntries(await recoverCopy(fileSystem, at), []);
      await log.save(undefined, entries(101, 103, 7));
      await log.close();
      const recovered = await recover(fileSystem, at);
      assert.deepEqual(recovered.base, { index: 100, term: 6 });
      assertEntries(recovered, entries(101, 103, 7));
    });

    it('writes one empty batch when settled, then nothing more', async () => {
      const { log } = await openLog(fileSystem, { directory: at });
      await log.save({ term: term(1), votedFor: undefined }, entries(1, 3));
      await log.settle();
      const before = await bytesOf(fileSystem, at);
      await log.settle();
      assert.deepEqual(await bytesOf(fileSystem, at), before);
      await log.close();
      assertEntries(await recover(fileSystem, at), entries(1, 3));
    });

    it('refuses to work once it is closed', async () => {
      const { log } = await openLog(fileSystem, { directory: at });
      await log.close();
      await assert.rejects(log.save(undefined, entries(1, 1)), { code: 'STORAGE_CLOSED' });
    });
  });
}

/** What a process killed now would find: nobody closed anything. */
const recoverCopy = (fileSystem: FileSystem, at: string) =>
  recover(fileSystem instanceof MemoryFileSystem ? fileSystem.clone() : fileSystem, at);

async function bytesOf(fileSystem: FileSystem, at: string): Promise<string[]> {
  const all: string[] = [];
  for (const name of await fileSystem.list(at)) {
    const file = await fileSystem.open(join(at, name), 'update');
    all.push(`${name} ${Buffer.from(await file.read(0, 1 << 20)).toString('hex')}`);
    await file.close();
  }
  return all;
}

logContract('a file system in memory', async () => ({
  fileSystem: new MemoryFileSystem(),
  at: '/log',
  remove: async () => undefined,
}));
logContract('the real disk', async () => {
  const at = await mkdtemp(join(tmpdir(), 'holdfast-log-'));
  return { fileSystem: new NodeFileSystem(), at: join(at, 'log'), remove: () => rm(at, { recursive: true, force: true }) };
});
