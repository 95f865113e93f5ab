import assert from 'node:assert/strict';
import { term } from '../../../../consensus/core/types.ts';
import { readManifest } from '../../../../consensus/driver/log/manifest.ts';
import { MemoryFileSystem, sectorBytes } from '../../../../consensus/driver/log/memory-file-system.ts';
import { SeededRandom } from '../random-message.ts';
import { asFirstFormat, assertEntries, countedNonce, directory, entries, openLog, recover } from './log-fixture.ts';

const seed = Number(process.env.SEED ?? 1);
const votePath = `${directory}/vote`;
const voted = { term: term(5), votedFor: 'n1' };

/** A log that voted in term 5, with entries of that term; `from` sets its nonces apart from those of others. */
async function logOf(from: number, count = 3): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  const { log } = await openLog(disk, { nonce: countedNonce(from) });
  await log.save(voted, entries(1, count, 5));
  await log.close();
  return disk;
}
const bytesOf = (disk: MemoryFileSystem, path: string): Uint8Array => disk.files().get(path) ?? new Uint8Array();
async function firstFormat(disk: MemoryFileSystem): Promise<MemoryFileSystem> {
  await asFirstFormat(disk);
  return disk;
}

describe('the identity of a log, and its vote file', () => {
  it('K13: a whole vote file of another log is damage, and so is one copy of it, whatever it says', async () => {
    for (const other of [await logOf(100), await logOf(100, 30), await firstFormat(await logOf(100)), await firstFormat(await logOf(0))]) {
      const stray = bytesOf(other, votePath);
      const disk = await logOf(0);
      disk.damage(votePath, () => stray.slice());
      await assert.rejects(recover(disk), { code: 'VOTE_DAMAGED', file: votePath });
      for (const at of [0, 4096]) {
        const partly = await logOf(0);
        partly.damage(votePath, (bytes) => {
          bytes.set(stray.subarray(at, at + sectorBytes), at);
          return bytes;
        });
        await assert.rejects(recover(partly), { code: 'VOTE_DAMAGED' }, `copy at ${at}`);
      }
    }
  });

  it('K13: a vote file that names a log, beside a log of an earlier release, is damage', async () => {
    const disk = await firstFormat(await logOf(0));
    const stray = bytesOf(await logOf(100), votePath);
    disk.damage(votePath, () => stray.slice());
    await assert.rejects(recover(disk), { code: 'VOTE_DAMAGED' });
  });

  it('reads what an earlier release wrote, byte for byte, and makes it this format', async () => {
    const disk = await firstFormat(await logOf(0));
    // Magic, format 1, second save, term 5, a vote, for "n1".
    assert.equal(Buffer.from(bytesOf(disk, votePath).subarray(0, 14)).toString('hex'), '48465631' + '00000001' + '0205' + '01' + '026e31');
    const text = Buffer.from(bytesOf(disk, `${directory}/manifest`)).toString('latin1');
    assert.match(text, /^holdfast-log 1 [0-9a-f]{8}\n\{"state":"ready","base":/);
    assert.ok(!text.includes('identity'));
    const recovered = await recover(disk);
    assert.deepEqual(recovered.hardState, voted);
    assertEntries(recovered, entries(1, 3, 5));
    const manifest = await readManifest(disk, directory);
    assert.match(manifest?.identity ?? '', /^[0-9a-f]{16}$/);
    assert.equal(manifest?.unbound, undefined);
    const bound = bytesOf(disk, votePath).slice();
    assert.deepEqual((await recover(disk)).hardState, voted);
    assert.equal(Buffer.compare(bytesOf(disk, votePath), bound), 0, 'once');
  });

  it('keeps its identity through new segments, snapshots and starts', async () => {
    const disk = await logOf(0);
    const identity = (await readManifest(disk, directory))?.identity;
    const { log } = await openLog(disk, { nonce: countedNonce(40) });
    await log.save(undefined, entries(4, 200, 5, 100));
    await log.reset(entries(400, 400)[0]?.index ?? log.base.index, term(5));
    await log.close();
    await recover(disk);
    assert.equal((await readManifest(disk, directory))?.identity, identity);
    assert.notEqual((await readManifest(await logOf(100), directory))?.identity, identity);
  });

  it('K9: an upgrade that was cut off at any operation goes on at the next start, and nothing is taken for damage', async () => {
    const base = await firstFormat(await logOf(0));
    const whole = base.clone();
    await recover(whole);
    let cuts = 0;
    for (let cut = 0; cut <= whole.operations; cut++) {
      for (const keepOf10 of [0, 10, 5, 3]) {
        const disk = base.clone();
        disk.cutPowerAt(cut);
        await openLog(disk).then(
          ({ log }) => log.close().catch(() => undefined),
          () => cuts++,
        );
        const after = disk.crash(new SeededRandom(seed + cut * 10 + keepOf10), keepOf10);
        // Once more, and not to its end either.
        const again = after.clone();
        again.cutPowerAt(cut % 7);
        await openLog(again).catch(() => undefined);
        for (const left of [after, again.crash(new SeededRandom(seed + cut), keepOf10)]) {
          const recovered = await recover(left);
          assert.deepEqual(recovered.hardState, voted, `cut ${cut}, keep ${keepOf10}`);
          assertEntries(recovered, entries(1, 3, 5));
          assert.equal((await readManifest(left, directory))?.unbound, undefined);
        }
      }
    }
    assert.ok(cuts > 40, `${cuts} upgrades were cut off`);
  });

  it('K9: an upgrade of which any operation failed goes on at the next start, though no page of it need be on the disk', async () => {
    const base = await firstFormat(await logOf(0));
    for (let failing = 1, isDone = false; !isDone; failing++) {
      for (let cut = 0; cut < 30; cut++) {
        let count = 0;
        // No room for every second one: that is tried again without the reserve.
        const code = cut % 2 === 0 ? 'EIO' : 'ENOSPC';
        const disk = base.clone().crashKeeping(() => true, { fault: () => (++count === failing ? code : undefined) });
        const { log } = await openLog(disk).catch(() => ({ log: undefined }));
        await log?.close();
        isDone = count < failing;
        disk.cutPowerAt(disk.operations + cut);
        const second = await openLog(disk).catch(() => ({ log: undefined }));
        await second.log?.close().catch(() => undefined);
        const recovered = await recover(disk.crash(new SeededRandom(cut), 0));
        assert.deepEqual(recovered.hardState, voted, `operation ${failing} failed, then power was cut at ${cut}`);
      }
    }
  });

  it('K16: an upgrade finds room on a full disk in what was held back', async () => {
    const disk = await firstFormat(await logOf(0));
    disk.capacityBytes = [...disk.files().values()].reduce((sum, bytes) => sum + bytes.length, 0);
    assert.deepEqual((await recover(disk)).hardState, voted);
    assert.match((await readManifest(disk, directory))?.identity ?? '', /^[0-9a-f]{16}$/);
  });

  it('K16: without any room it starts as it is, as a log of this format does, and is upgraded when there is room', async () => {
    for (const disk of [await logOf(0), await firstFormat(await logOf(0))]) {
      await disk.unlink(`${directory}/reserve`);
      disk.capacityBytes = [...disk.files().values()].reduce((sum, bytes) => sum + bytes.length, 0);
      const { log, recovered } = await openLog(disk);
      assert.equal(log.lowSpace, true);
      assert.deepEqual(recovered.hardState, voted);
      await log.save({ term: term(6), votedFor: 'n2' }, []);
      await log.close();
      disk.capacityBytes = Number.POSITIVE_INFINITY;
      const after = await recover(disk.crash(new SeededRandom(seed), 0));
      assert.deepEqual(after.hardState, { term: term(6), votedFor: 'n2' });
      assertEntries(after, entries(1, 3, 5));
      await recover(disk);
      assert.match((await readManifest(disk, directory))?.identity ?? '', /^[0-9a-f]{16}$/);
    }
  });
});
