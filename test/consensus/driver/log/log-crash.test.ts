import assert from 'node:assert/strict';
import { type Entry, term } from '../../../../consensus/core/types.ts';
import { MemoryFileSystem } from '../../../../consensus/driver/log/memory-file-system.ts';
import { SeededRandom } from '../random-message.ts';
import { directory, entries, openLog, recover } from './log-fixture.ts';
import { assertSurvived, runUntilCut, type Step, voted } from './log-model.ts';

const seed = Number(process.env.SEED ?? 1);

/** Votes, batches of one and of many sectors, a conflicting tail, compaction, settling, a snapshot. */
const story: readonly Step[] = [
  { hardState: voted(1, 'n1') },
  { save: entries(1, 1) },
  { save: entries(2, 40, 1, 60) },
  { settle: true },
  { hardState: voted(2), save: entries(30, 35, 2) },
  { save: entries(36, 120, 2, 50) },
  { compact: 34 },
  { hardState: voted(3, 'n3') },
  { save: entries(121, 240, 3, 70) },
  { compact: 200 },
  { settle: true },
  { reset: 400 },
  { save: entries(401, 403, 3, 700) },
];

describe('durable log after a power cut', () => {
  for (const prepareAhead of [false, true]) {
    it(`K9: keeps everything acknowledged and never reports corruption, cut at every operation, ${prepareAhead ? 'with' : 'without'} a prepared segment`, async function () {
      this.timeout(120_000);
      const whole = new MemoryFileSystem();
      await runUntilCut(whole, story, prepareAhead);
      let cuts = 0;
      for (let cut = 0; cut <= whole.operations; cut++) {
        const fileSystem = new MemoryFileSystem();
        fileSystem.cutPowerAt(cut);
        const { acknowledged, underWay } = await runUntilCut(fileSystem, story, prepareAhead);
        for (const keepOf10 of [0, 10, 1, 5, 9, 5]) {
          const random = new SeededRandom(seed + cut * 100 + keepOf10 + cuts++);
          const note = `replay with SEED=${seed}: cut ${cut}, keep ${keepOf10}`;
          const disk = fileSystem.crash(random, keepOf10);
          assertSurvived(await recover(disk), acknowledged, underWay, note);
          assertSurvived(await recover(disk), acknowledged, underWay, `${note}, opened again`);
        }
      }
      assert.ok(cuts > 600, `${cuts} crashes`);
    });
  }

  it('K9: survives every subset of the sectors of the batch under way', async function () {
    this.timeout(120_000);
    const whole = new MemoryFileSystem();
    await runUntilCut(whole, story, true);
    const random = new SeededRandom(seed + 31);
    const counts = { cuts: 0, all: 0, sampled: 0 };
    for (let cut = 0; cut <= whole.operations; cut++) {
      const fileSystem = new MemoryFileSystem();
      fileSystem.cutPowerAt(cut);
      const { acknowledged, underWay } = await runUntilCut(fileSystem, story, true);
      let choices = 0;
      fileSystem.crashKeeping(() => {
        choices++;
        return false;
      });
      if (choices === 0) continue;
      counts.cuts++;
      const isAll = choices <= 10;
      const masks = isAll
        ? Array.from({ length: 2 ** choices }, (_, mask) => mask)
        : Array.from({ length: 500 }, () => random.nextInt(2 ** 30));
      counts[isAll ? 'all' : 'sampled'] += masks.length;
      for (const mask of masks) {
        let choice = 0;
        // Beyond 30 choices the mask begins anew.
        const disk = fileSystem.crashKeeping(() => ((mask >>> (choice++ % 30)) & 1) === 1);
        assertSurvived(await recover(disk), acknowledged, underWay, `replay with SEED=${seed}: cut ${cut}, mask ${mask}`);
      }
    }
    assert.ok(counts.all > 700 && counts.sampled >= 500, JSON.stringify(counts));
  });

  it('goes on writing after any crash, and survives the next one', async function () {
    this.timeout(60_000);
    for (let run = 0; run < 60; run++) {
      const random = new SeededRandom(seed + 7000 + run);
      const note = `replay with SEED=${seed}, run ${run}`;
      let disk = new MemoryFileSystem();
      let acknowledged: readonly Entry[] = [];
      for (let life = 0; life < 5; life++) {
        disk.cutPowerAt(disk.operations + 5 + random.nextInt(60));
        let batch: Entry[] = [];
        try {
          const { log, recovered } = await openLog(disk);
          acknowledged = recovered.entries;
          for (;;) {
            const from = (acknowledged.at(-1)?.index ?? 0) + 1;
            batch = entries(from, from + random.nextInt(12), 1 + life, 10 + random.nextInt(200));
            await log.save(batch[0]?.index === 1 ? { term: term(9), votedFor: undefined } : undefined, batch);
            acknowledged = [...acknowledged, ...batch];
          }
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'STORAGE_IO', `${note}: ${String(error)}`);
        }
        disk = disk.crash(random);
        const found = (await recover(disk)).entries;
        assert.deepEqual(found.slice(0, acknowledged.length), acknowledged, note);
        assert.ok(found.length <= acknowledged.length + batch.length, note);
        acknowledged = found;
      }
    }
  });

  it('takes a first start that was cut off for a first start', async () => {
    const whole = new MemoryFileSystem();
    await recover(whole);
    for (let cut = 0; cut < whole.operations; cut++) {
      const fileSystem = new MemoryFileSystem();
      fileSystem.cutPowerAt(cut);
      await assert.rejects(openLog(fileSystem));
      const recovered = await recover(fileSystem.crash(new SeededRandom(seed + cut)));
      assert.deepEqual(recovered.entries, []);
      assert.equal(recovered.uncertain, undefined, directory);
    }
  });
});
