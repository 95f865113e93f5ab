import assert from 'node:assert/strict';
import { term } from '../../../../consensus/core/types.ts';
import { type DiskOperation, MemoryFileSystem } from '../../../../consensus/driver/log/memory-file-system.ts';
import { SeededRandom } from '../random-message.ts';
import { assertEntries, directory, entries, entry, openLog, recover } from './log-fixture.ts';

/** A disk whose next operation of a kind fails, once. */
function faulty() {
  const plan: { kind: DiskOperation['kind']; match: string; code: 'EIO' | 'ENOSPC' }[] = [];
  const fileSystem = new MemoryFileSystem({
    fault: ({ kind, path }) => {
      const at = plan.findIndex((fault) => fault.kind === kind && path.includes(fault.match));
      return at < 0 ? undefined : plan.splice(at, 1)[0]?.code;
    },
  });
  return {
    fileSystem,
    failNext: (kind: DiskOperation['kind'], match: string, code: 'EIO' | 'ENOSPC' = 'EIO') => plan.push({ kind, match, code }),
  };
}

describe('durable log on a failing disk', () => {
  it('K13: leaves a segment whose sync failed and goes on in a new one, so that nothing rests on its pages', async () => {
    const { fileSystem, failNext } = faulty();
    const { log } = await openLog(fileSystem);
    await log.save({ term: term(1), votedFor: undefined }, entries(1, 3));
    failNext('fdatasync', 'segment');
    await assert.rejects(log.save(undefined, [entry(4)]), { code: 'STORAGE_IO' });
    await log.save(undefined, [entry(4)]);
    assert.equal(log.segmentCount, 2);
    await log.save(undefined, [entry(5)]);
    for (const keepOf10 of [0, 5, 10]) assertEntries(await recover(fileSystem.crash(new SeededRandom(1), keepOf10)), entries(1, 5));
  });

  it('K13: makes durable what it found before it builds on it: the process before may have died after a sync that failed', async () => {
    const { fileSystem, failNext } = faulty();
    const { log } = await openLog(fileSystem);
    await log.save({ term: term(1), votedFor: undefined }, entries(1, 3));
    failNext('fdatasync', 'segment');
    await assert.rejects(log.save(undefined, [entry(4)]), { code: 'STORAGE_IO' });
    // The pages of entry 4 are marked as written and are not; the next process reads them all the same.
    const { log: next, recovered } = await openLog(fileSystem);
    assertEntries(recovered, entries(1, 4));
    await next.save(undefined, [entry(5)]);
    assertEntries(await recover(fileSystem.crash(new SeededRandom(1), 0)), entries(1, 5));
  });

  it('starts a new vote file when a sync of the old one failed', async () => {
    const { fileSystem, failNext } = faulty();
    const { log } = await openLog(fileSystem);
    failNext('fdatasync', 'vote');
    await assert.rejects(log.save({ term: term(1), votedFor: 'n2' }, []), { code: 'STORAGE_IO' });
    const before = await recover(fileSystem.crash(new SeededRandom(1), 0));
    assert.equal(before.hardState.term, 0);
    await log.save({ term: term(1), votedFor: 'n2' }, []);
    for (const keepOf10 of [0, 10]) {
      assert.deepEqual((await recover(fileSystem.crash(new SeededRandom(1), keepOf10))).hardState, { term: 1, votedFor: 'n2' });
    }
  });

  it('K13: both copies of a vote are on the disk before the next one is written, though the process before died after a sync that failed', async () => {
    for (let cut = 0; cut < 6; cut++) {
      let syncs = Number.POSITIVE_INFINITY;
      const fileSystem = new MemoryFileSystem({
        fault: ({ kind, path }) => (kind === 'fdatasync' && path.endsWith('/vote') && --syncs === 0 ? 'EIO' : undefined),
      });
      const { log } = await openLog(fileSystem);
      await log.save({ term: term(1), votedFor: 'n1' }, []);
      syncs = 2;
      await assert.rejects(log.save({ term: term(2), votedFor: 'n1' }, []), { code: 'STORAGE_IO' });
      // The second copy stands in memory and not on the disk; the next process reads two equal ones.
      const { log: next } = await openLog(fileSystem);
      fileSystem.cutPowerAt(fileSystem.operations + cut);
      await next.save({ term: term(3), votedFor: 'n2' }, []).catch(() => undefined);
      const { hardState } = await recover(fileSystem.crash(new SeededRandom(1), 0));
      assert.ok(hardState.term >= 2, `cut ${cut}: term ${hardState.term}`);
    }
  });

  it('K9: keeps what it acknowledged when any single operation fails once', async function () {
    this.timeout(60_000);
    for (let failing = 1; failing < 400; failing++) {
      let count = Number.NEGATIVE_INFINITY;
      const fileSystem = new MemoryFileSystem({ fault: () => (++count === failing ? 'EIO' : undefined) });
      const { log } = await openLog(fileSystem);
      count = 0;
      await save(() => log.save({ term: term(1), votedFor: 'n1' }, []));
      for (let index = 1; index <= 40; index += 2) await save(() => log.save(undefined, entries(index, index + 1)));
      await save(() => log.reset(log.base.index, log.base.term)).catch(() => undefined);
      await save(() => log.save(undefined, entries(1, 40)));
      const done = count;
      for (const keepOf10 of [0, 5]) {
        const recovered = await recover(fileSystem.crash(new SeededRandom(failing), keepOf10));
        assertEntries(recovered, entries(1, 40), `operation ${failing} fails, keep ${keepOf10}`);
        assert.deepEqual(recovered.hardState, { term: 1, votedFor: 'n1' });
      }
      if (failing > done) return;
    }
    assert.fail('the story is longer than the faults tried');
  });

  it('K16: gives up its reserve when the disk is full, so that a vote can still be saved, and recovers by itself', async () => {
    const fileSystem = new MemoryFileSystem();
    const { log } = await openLog(fileSystem, { segmentBytes: 4096, reserveBytes: 16_384 });
    const used = () => [...fileSystem.files().values()].reduce((sum, bytes) => sum + bytes.length, 0);
    await log.save({ term: term(1), votedFor: undefined }, []);
    fileSystem.capacityBytes = used();
    let index = 0;
    while (!log.lowSpace) await log.save(undefined, [entry(++index)]);
    await log.save({ term: term(2), votedFor: 'n3' }, [entry(++index, 2)]);
    assert.equal(await log.restoreSpace(), false);
    const refused = await save(() => log.save(undefined, entries(index + 1, index + 200, 2, 200)), 1).catch(
      (error: { code: string }) => error.code,
    );
    assert.equal(refused, 'STORAGE_FULL');
    assertEntries(await recover(fileSystem.clone()), [...entries(1, index - 1), entry(index, 2)].concat(await surplus(fileSystem, index)));

    fileSystem.capacityBytes = Number.POSITIVE_INFINITY;
    assert.equal(await log.restoreSpace(), true);
    assert.equal(log.lowSpace, false);
    await log.save(undefined, entries(index + 1, index + 200, 2, 200));
    await log.close();
    assertEntries(await recover(fileSystem), [...entries(1, index - 1), entry(index, 2), ...entries(index + 1, index + 200, 2, 200)]);
    assert.ok(fileSystem.files().has(`${directory}/reserve`));
  });
});

/** Batches of a refused save that did fit are there, unacknowledged. */
async function surplus(fileSystem: MemoryFileSystem, index: number) {
  return (await recover(fileSystem.clone())).entries.filter((found) => found.index > index);
}

/** Tries again as the driver does. */
async function save(operation: () => Promise<void>, tries = 3): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation();
    } catch (error) {
      if (attempt >= tries) throw error;
    }
  }
}
