import assert from 'node:assert/strict';
import { type Entry, logIndex, term } from '../../../../consensus/core/types.ts';
import { MemoryFileSystem } from '../../../../consensus/driver/log/memory-file-system.ts';
import { SeededRandom } from '../random-message.ts';
import { assertEntries, countedNonce, entry, openLog, recover } from './log-fixture.ts';
import { after, assertSurvived, first, perform, runUntilCut } from './log-model.ts';
import { randomStory } from './random-story.ts';

/** `SEED` begins elsewhere, `RUNS` makes it longer, e.g. RUNS=1000. */
const seed = Number(process.env.SEED ?? 1);
const runs = Number(process.env.RUNS ?? 6);

/** The recovered log takes further entries and gives all of them back, also when it is cut off again. */
async function assertGoesOn(disk: MemoryFileSystem, random: SeededRandom, note: string): Promise<void> {
  const { log, recovered } = await openLog(disk, { nonce: countedNonce(100) });
  const next = recovered.base.index + recovered.entries.length + 1;
  const ofTerm = recovered.hardState.term + 1;
  const more: Entry[] = [0, 1, 2].map((i) => ({ ...entry(next + i, ofTerm, 400), index: logIndex(next + i) }));
  await log.save({ term: term(ofTerm), votedFor: 'n9' }, more);
  const again = await recover(disk.crash(random));
  assertEntries(again, [...recovered.entries, ...more], note);
  assert.deepEqual(again.hardState, { term: ofTerm, votedFor: 'n9' }, note);
  assert.equal(again.uncertain, undefined, note);
}

describe('durable log under random workloads', () => {
  it(`K9: ${runs} random stories, cut at every operation: nothing acknowledged is lost, no cut passes for damage, and the log goes on`, async function () {
    this.timeout(60_000 + runs * 5_000);
    const counts = { cuts: 0, images: 0, uncertain: 0 };
    for (let run = 0; run < runs; run++) {
      const story = randomStory(new SeededRandom(seed * 1000 + run), 14);
      const isAhead = run % 2 === 0;
      const whole = new MemoryFileSystem();
      await runUntilCut(whole, story, isAhead);
      for (let cut = 0; cut <= whole.operations; cut++) {
        counts.cuts++;
        const fileSystem = new MemoryFileSystem();
        fileSystem.cutPowerAt(cut);
        const { acknowledged, underWay } = await runUntilCut(fileSystem, story, isAhead);
        for (const keepOf10 of [0, 10, 3, 5, 7, 9]) {
          const note = `replay with SEED=${seed}: run ${run}, cut ${cut}, keep ${keepOf10}`;
          const random = new SeededRandom(seed + run * 10_000 + cut * 10 + keepOf10);
          const disk = fileSystem.crash(random, keepOf10);
          const recovered = await recover(disk);
          assertSurvived(recovered, acknowledged, underWay, note);
          if (recovered.uncertain !== undefined) counts.uncertain++;
          await assertGoesOn(disk, random, note);
          counts.images++;
        }
      }
    }
    if (process.env.RUNS !== undefined) console.log(JSON.stringify(counts));
    assert.ok(counts.images >= runs * 200, JSON.stringify(counts));
  });

  it('K9: random stories with an operation that fails now and then: what is tried again until it is done is there', async function () {
    this.timeout(60_000 + runs * 5_000);
    let [failed, images] = [0, 0];
    for (let run = 0; run < runs * 4; run++) {
      const random = new SeededRandom(seed * 7000 + run);
      const story = randomStory(new SeededRandom(seed * 2000 + run), 14);
      let faults = 0;
      const fileSystem = new MemoryFileSystem({
        fault: () => {
          if (faults === 0 || random.nextInt(12) > 0) return undefined;
          faults--;
          failed++;
          return random.nextInt(2) === 0 ? 'EIO' : 'ENOSPC';
        },
      });
      const { log } = await openLog(fileSystem, { nonce: countedNonce() });
      let acknowledged = first;
      for (const step of story) {
        faults = 3;
        for (;;) {
          try {
            await perform(log, step);
            break;
          } catch (error) {
            const { code } = error as { code?: string };
            assert.ok(code === 'STORAGE_IO' || code === 'STORAGE_FULL', String(error));
          }
          const note = `replay with SEED=${seed}: run ${run}, within a step`;
          assertSurvived(await recover(fileSystem.crash(random)), acknowledged, step, note);
          images++;
        }
        faults = 0;
        acknowledged = after(acknowledged, step);
        const note = `replay with SEED=${seed}: run ${run}`;
        assertSurvived(await recover(fileSystem.crash(random)), acknowledged, undefined, note);
        images++;
      }
    }
    assert.ok(failed > runs * 20 && images > runs * 40, `${failed} failures, ${images} images`);
  });
});
