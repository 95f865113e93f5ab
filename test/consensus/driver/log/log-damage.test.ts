import assert from 'node:assert/strict';
import { encodeMembership } from '../../../../consensus/core/membership-bytes.ts';
import { logIndex, term } from '../../../../consensus/core/types.ts';
import { StorageError } from '../../../../consensus/driver/errors.ts';

import { MemoryFileSystem, sectorBytes } from '../../../../consensus/driver/log/memory-file-system.ts';
import { firstBatchOffset } from '../../../../consensus/driver/log/segment-header.ts';
import { SeededRandom } from '../random-message.ts';
import { assertEntries, countedNonce, directory, entries, entry, openLog, recover, sizes } from './log-fixture.ts';

const seed = Number(process.env.SEED ?? 1);
const segment = (number: number) => `${directory}/segment-${String(number).padStart(10, '0')}.log`;
type Change = (bytes: Uint8Array) => Uint8Array;

const flip =
  (at: number, bit = 0): Change =>
  (bytes) => {
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
    return bytes;
  };
const zeroSector =
  (at: number): Change =>
  (bytes) =>
    bytes.fill(0, at - (at % sectorBytes), at - (at % sectorBytes) + sectorBytes);

/** Five batches in one segment: sectors 1 to 4 hold entries 1 to 4, then three sectors hold 5 to 20. */
async function fiveBatches(): Promise<MemoryFileSystem> {
  const fileSystem = new MemoryFileSystem();
  const { log } = await openLog(fileSystem, { nonce: countedNonce() });
  await log.save({ term: term(1), votedFor: 'n1' }, []);
  for (let index = 1; index <= 4; index++) await log.save(undefined, [entry(index)]);
  await log.save(undefined, entries(5, 20, 1, 50));
  await log.close();
  return fileSystem;
}
const lastBatchAt = 5 * sectorBytes;
const lastBatchEnd = 8 * sectorBytes;

async function damaged(base: MemoryFileSystem, path: string, change: Change): Promise<MemoryFileSystem> {
  const fileSystem = base.clone();
  fileSystem.damage(path, change);
  return fileSystem;
}

async function codeOf(fileSystem: MemoryFileSystem): Promise<string> {
  try {
    await recover(fileSystem);
    return 'ok';
  } catch (error) {
    assert.ok(error instanceof StorageError, String(error));
    assert.ok(error.file.startsWith(directory) && error.remedy.length > 20, error.message);
    return error.code;
  }
}

describe('durable log, damaged', () => {
  it('K13: detects every flipped bit before the last batch as corruption, with its place', async function () {
    this.timeout(60_000);
    const base = await fiveBatches();
    for (let at = 0; at < lastBatchAt; at++) {
      const fileSystem = await damaged(base, segment(1), flip(at, at % 8));
      assert.equal(await codeOf(fileSystem), 'LOG_CORRUPT', `byte ${at}`);
    }
    const broken = await damaged(base, segment(1), flip(3 * sectorBytes + 100));
    await assert.rejects(recover(broken), { code: 'LOG_CORRUPT', offset: 3 * sectorBytes, file: segment(1) });
  });

  it('K13: drops a last batch with any flipped bit or zeroed sector and says how far the log may have reached', async function () {
    this.timeout(60_000);
    const base = await fiveBatches();
    const changes = Array.from({ length: lastBatchEnd - lastBatchAt }, (_, i) => flip(lastBatchAt + i, i % 8));
    for (let at = lastBatchAt; at < lastBatchEnd; at += sectorBytes) changes.push(zeroSector(at));
    for (const [i, change] of changes.entries()) {
      const fileSystem = await damaged(base, segment(1), change);
      const recovered = await recover(fileSystem);
      assertEntries(recovered, entries(1, 4), `change ${i}`);
      assert.ok(recovered.uncertain !== undefined && recovered.uncertain.index >= 20, `change ${i}`);
      assert.equal(recovered.uncertain.term, 1);
      assert.deepEqual((await recover(fileSystem)).uncertain, recovered.uncertain, 'a second start still knows');
    }
    const exact = await recover(await damaged(base, segment(1), flip(lastBatchAt + 200)));
    assert.deepEqual(exact.uncertain, { term: 1, index: 20 });
  });

  it('is certain again once its log reaches what it had lost', async () => {
    const fileSystem = await damaged(await fiveBatches(), segment(1), flip(lastBatchAt + 200));
    const { log } = await openLog(fileSystem);
    await log.save(undefined, entries(5, 19));
    assert.deepEqual((await recover(fileSystem.clone())).uncertain, { term: 1, index: 20 });
    await log.save(undefined, [entry(20)]);
    await log.close();
    const recovered = await recover(fileSystem);
    assert.equal(recovered.uncertain, undefined);
    assertEntries(recovered, entries(1, 20));
  });

  it('K13: calls a settled batch that is damaged corrupt, not uncertain', async () => {
    const fileSystem = await fiveBatches();
    const { log } = await openLog(fileSystem);
    await log.settle();
    await log.close();
    for (let at = lastBatchAt; at < lastBatchEnd; at += 7) {
      assert.equal(await codeOf(await damaged(fileSystem, segment(1), flip(at))), 'LOG_CORRUPT', `byte ${at}`);
    }
    for (let at = sectorBytes; at < lastBatchEnd; at += sectorBytes) {
      assert.equal(await codeOf(await damaged(fileSystem, segment(1), zeroSector(at))), 'LOG_CORRUPT', `byte ${at}`);
    }
    const emptyBatch = await recover(await damaged(fileSystem, segment(1), flip(lastBatchEnd + 97)));
    assertEntries(
      emptyBatch,
      entries(1, 20).map((_, i) => (i < 4 ? entry(i + 1) : entry(i + 1, 1, 50))),
    );
    assert.equal(emptyBatch.uncertain, undefined, 'an empty batch holds no entry to lose');
  });

  it('K13: is certain again when it is told so, though the log does not reach the bound', async () => {
    const fileSystem = await damaged(await fiveBatches(), segment(1), zeroSector(lastBatchAt));
    const { log } = await openLog(fileSystem);
    await log.save(undefined, [entry(5)]);
    assert.ok((await recover(fileSystem.clone())).uncertain !== undefined, 'nobody said so yet');
    await log.certain();
    await log.certain();
    await log.save(undefined, [entry(6)]);
    await log.close();
    const recovered = await recover(fileSystem);
    assert.equal(recovered.uncertain, undefined);
    assertEntries(recovered, entries(1, 6));
  });

  it('K12, K13: a membership that is damaged is corrupt at once: who forgot it would count votes by the one before', async () => {
    const fileSystem = new MemoryFileSystem();
    const { log } = await openLog(fileSystem);
    await log.save({ term: term(1), votedFor: undefined }, entries(1, 4));
    const data = encodeMembership({ voters: ['n1', 'n2', 'n3'], votersBefore: ['n1'], learners: [] });
    await log.save(undefined, [{ ...entry(5), kind: 'configuration', data }]);
    const after = fileSystem.clone();
    await log.close();
    const at = firstBatchOffset + sectorBytes;
    for (let byte = at; byte < at + sectorBytes; byte += 3)
      assert.equal(await codeOf(await damaged(after, segment(1), flip(byte))), 'LOG_CORRUPT', `byte ${byte}`);
    // The power failed before it was settled: the next start does it.
    const unsettled = await damaged(after, segment(1), zeroSector(at + sectorBytes));
    assert.equal((await recover(await damaged(unsettled, segment(1), flip(at + 100)))).uncertain?.index, 5);
    await (await openLog(unsettled)).log.close();
    assert.equal(await codeOf(await damaged(unsettled, segment(1), flip(at + 100))), 'LOG_CORRUPT');
  });

  it('K13: detects a segment that is cut, missing, swapped, or written to the wrong place', async () => {
    const fileSystem = new MemoryFileSystem();
    const { log } = await openLog(fileSystem, { nonce: countedNonce() });
    await log.save({ term: term(1), votedFor: undefined }, []);
    for (let index = 1; index <= 40; index++) await log.save(undefined, [entry(index)]);
    await log.close();
    assert.ok(log.segmentCount >= 3);
    for (const cut of [0, 100, 512, 2048, sizes.segmentBytes - 1]) {
      assert.equal(
        await codeOf(await damaged(fileSystem, segment(1), (bytes) => bytes.slice(0, cut))),
        'LOG_CORRUPT',
        `closed, cut to ${cut}`,
      );
      assert.equal(
        await codeOf(await damaged(fileSystem, segment(3), (bytes) => bytes.slice(0, cut))),
        'LOG_CORRUPT',
        `open, cut to ${cut}`,
      );
    }
    const missing = fileSystem.clone();
    await missing.unlink(segment(2));
    assert.equal(await codeOf(missing), 'LOG_CORRUPT');
    const swapped = fileSystem.clone();
    await swapped.rename(segment(1), '/log/x');
    await swapped.rename(segment(2), segment(1));
    await swapped.rename('/log/x', segment(2));
    assert.equal(await codeOf(swapped), 'LOG_CORRUPT');
    const misdirected = await damaged(fileSystem, segment(1), (bytes) =>
      bytes.copyWithin(2 * sectorBytes, 5 * sectorBytes, 6 * sectorBytes),
    );
    assert.equal(await codeOf(misdirected), 'LOG_CORRUPT');
  });

  it('K13: never takes the first batch of another log for its own', async () => {
    const logOf = async (from: number, text: number) => {
      const fileSystem = new MemoryFileSystem();
      const { log } = await openLog(fileSystem, { nonce: countedNonce(from) });
      await log.save({ term: term(1), votedFor: undefined }, [entry(1, 1, text)]);
      await log.close();
      return fileSystem;
    };
    const stray =
      (await logOf(100, 30))
        .files()
        .get(segment(1))
        ?.slice(sectorBytes, 2 * sectorBytes) ?? new Uint8Array();
    const fileSystem = await damaged(await logOf(0, 20), segment(1), (bytes) => {
      bytes.set(stray, sectorBytes);
      return bytes;
    });
    const recovered = await recover(fileSystem);
    assertEntries(recovered, []);
    assert.ok((recovered.uncertain?.index ?? 0) >= 1);
  });

  it('K13: detects any flipped bit of the manifest, and a manifest that is gone', async () => {
    const base = await fiveBatches();
    const length = base.files().get(`${directory}/manifest`)?.length ?? 0;
    assert.ok(length > 50);
    for (let at = 0; at < length; at++) {
      assert.equal(await codeOf(await damaged(base, `${directory}/manifest`, flip(at, at % 8))), 'LOG_CORRUPT', `byte ${at}`);
    }
    await base.unlink(`${directory}/manifest`);
    assert.equal(await codeOf(base), 'LOG_CORRUPT');
  });

  it('K13: uses the other copy of the vote when one is bad, mends it, and is never new when both are', async () => {
    const base = await fiveBatches();
    const vote = `${directory}/vote`;
    for (const [bad, other] of [
      [0, 4096],
      [4096, 0],
    ] as const) {
      for (const change of [flip(bad + 3), flip(bad + 20), flip(bad + 400), zeroSector(bad)]) {
        const fileSystem = await damaged(base, vote, change);
        assert.deepEqual((await recover(fileSystem)).hardState, { term: 1, votedFor: 'n1' });
        fileSystem.damage(vote, flip(other + 10));
        assert.equal(await codeOf(fileSystem), 'ok', 'the bad copy was mended');
      }
    }
    const both = await damaged(await damaged(base, vote, flip(10)), vote, flip(4096 + 10));
    assert.equal(await codeOf(both), 'VOTE_DAMAGED');
    assert.equal(await codeOf(await damaged(base, vote, (bytes) => bytes.slice(0, 100))), 'VOTE_DAMAGED');
    await base.unlink(vote);
    assert.equal(await codeOf(base), 'VOTE_DAMAGED', 'missing beside a log');
  });

  it('K13: refuses two copies of the vote that were never written one after the other', async () => {
    const voteOf = async (saves: readonly string[]) => {
      const fileSystem = new MemoryFileSystem();
      const { log } = await openLog(fileSystem, { nonce: countedNonce() });
      for (const votedFor of saves) await log.save({ term: term(1), votedFor }, []);
      await log.close();
      return fileSystem;
    };
    const vote = `${directory}/vote`;
    for (const saves of [['n2'], ['n1', 'n1', 'n1']]) {
      const stray = (await voteOf(saves)).files().get(vote)?.slice(0, sectorBytes) ?? new Uint8Array();
      for (const at of [0, 4096]) {
        const fileSystem = await voteOf(['n1']);
        fileSystem.damage(vote, (bytes) => {
          bytes.set(stray, at);
          return bytes;
        });
        assert.equal(await codeOf(fileSystem), 'VOTE_DAMAGED', `${saves} at ${at}`);
      }
    }
  });

  it('K13: refuses a vote file older than the log', async () => {
    const fileSystem = new MemoryFileSystem();
    const { log } = await openLog(fileSystem);
    const old = fileSystem.files().get(`${directory}/vote`)?.slice() ?? new Uint8Array();
    await log.save({ term: term(5), votedFor: 'n1' }, [entry(1, 5)]);
    await log.close();
    assert.equal(await codeOf(await damaged(fileSystem, `${directory}/vote`, () => old)), 'VOTE_DAMAGED');
  });

  it('K13: finds 400 random faults in a log of many segments, and never gives back a wrong entry', async function () {
    this.timeout(60_000);
    const base = new MemoryFileSystem();
    const { log } = await openLog(base, { nonce: countedNonce() });
    await log.save({ term: term(1), votedFor: undefined }, []);
    for (let index = 1; index <= 60; index++) await log.save(undefined, [entry(index)]);
    await log.compact(logIndex(10), term(1));
    await log.close();
    const whole = (await recover(base.clone())).entries;
    const random = new SeededRandom(seed);
    const names = [...base.files().keys()].filter((name) => name.includes('segment'));
    const seen = new Map<string, number>();
    for (let run = 0; run < 400; run++) {
      const path = names[random.nextInt(names.length)] as string;
      const at = random.nextInt(sizes.segmentBytes);
      const change = [flip(at, random.nextInt(8)), zeroSector(at), (bytes: Uint8Array) => bytes.slice(0, at)][random.nextInt(3)] as Change;
      const fileSystem = await damaged(base, path, change);
      let result = 'LOG_CORRUPT';
      try {
        const recovered = await recover(fileSystem);
        result = recovered.uncertain === undefined ? 'whole' : 'uncertain';
        const found = recovered.entries;
        assert.deepEqual(found, whole.slice(0, found.length), `replay with SEED=${seed}, run ${run}`);
        if (result === 'whole') assert.equal(found.length, whole.length, `lost without a word: run ${run}, ${path} at ${at}`);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        assert.equal(error.code, 'LOG_CORRUPT');
      }
      seen.set(result, (seen.get(result) ?? 0) + 1);
    }
    assert.ok((seen.get('LOG_CORRUPT') ?? 0) > 200, JSON.stringify([...seen]));
  });

  it('says so when a newer release wrote the log', async () => {
    const fileSystem = await fiveBatches();
    const { checksum } = await import('../../../../consensus/driver/log/format.ts');
    fileSystem.damage(`${directory}/manifest`, (bytes) => {
      const body = Buffer.from(bytes).toString('latin1').split('\n')[1];
      const sum = checksum(Buffer.from(`3\n${body}\n`))
        .toString(16)
        .padStart(8, '0');
      return Buffer.from(`holdfast-log 3 ${sum}\n${body}\n`);
    });
    assert.equal(await codeOf(fileSystem), 'LOG_VERSION');
  });
});
