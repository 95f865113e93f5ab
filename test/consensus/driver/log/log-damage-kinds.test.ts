import assert from 'node:assert/strict';
import { StorageError } from '../../../../consensus/driver/errors.ts';
import { unwrittenByte } from '../../../../consensus/driver/log/format.ts';
import { MemoryFileSystem, sectorBytes } from '../../../../consensus/driver/log/memory-file-system.ts';
import { SeededRandom } from '../random-message.ts';
import { countedNonce, openLog } from './log-fixture.ts';
import { perform } from './log-model.ts';
import { randomStory } from './random-story.ts';

/** `SEED` begins elsewhere, `RUNS` makes it longer, e.g. RUNS=1000. */
const seed = Number(process.env.SEED ?? 1);
const runs = Number(process.env.RUNS ?? 60);

type Files = ReadonlyMap<string, Uint8Array>;
/** Damages a copy of the disk; false when there is nothing it could change. */
type Damage = (disk: MemoryFileSystem, path: string, random: SeededRandom, earlier: Files, other: Files) => boolean | Promise<boolean>;

const sectorAt = (random: SeededRandom, bytes: Uint8Array) =>
  sectorBytes * random.nextInt(Math.max(1, Math.ceil(bytes.length / sectorBytes)));
const bytesOf = (disk: MemoryFileSystem, path: string) => disk.files().get(path) ?? new Uint8Array();

function changed(disk: MemoryFileSystem, path: string, change: (bytes: Uint8Array) => Uint8Array): boolean {
  const before = bytesOf(disk, path).slice();
  disk.damage(path, change);
  return Buffer.compare(before, bytesOf(disk, path)) !== 0;
}

/** The bytes of one sector, put where another belongs. */
function misplaced(disk: MemoryFileSystem, path: string, at: number, sector: Uint8Array): boolean {
  return changed(disk, path, (bytes) => {
    if (at < bytes.length) bytes.set(sector.subarray(0, bytes.length - at), at);
    return bytes;
  });
}

/** One fault of one file. */
const faults: Readonly<Record<string, Damage>> = {
  'bit flip': (disk, path, random) =>
    changed(disk, path, (bytes) => {
      const at = random.nextInt(Math.max(1, bytes.length));
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.nextInt(8));
      return bytes;
    }),
  'zeroed sector': (disk, path, random) =>
    changed(disk, path, (bytes) => {
      const at = sectorAt(random, bytes);
      return bytes.fill(0, at, at + sectorBytes);
    }),
  'random sector': (disk, path, random) => misplaced(disk, path, sectorAt(random, bytesOf(disk, path)), random.bytes(sectorBytes)),
  'cut short': (disk, path, random) => changed(disk, path, (bytes) => bytes.slice(0, random.nextInt(Math.max(1, bytes.length)))),
  'misdirected sector': (disk, path, random) => {
    const bytes = bytesOf(disk, path);
    const from = sectorAt(random, bytes);
    return misplaced(disk, path, sectorAt(random, bytes), bytes.slice(from, from + sectorBytes));
  },
  'sector of another file': (disk, path, random) => {
    const all = [...disk.files().values()];
    const from = all[random.nextInt(all.length)] as Uint8Array;
    const at = sectorAt(random, from);
    return misplaced(disk, path, sectorAt(random, bytesOf(disk, path)), from.slice(at, at + sectorBytes));
  },
  'recycled sector of an older log': (disk, path, random, _, other) => {
    const old = other.get(path) ?? new Uint8Array();
    const at = sectorAt(random, old);
    return misplaced(disk, path, at, old.slice(at, at + sectorBytes));
  },
  'file of an older log': (disk, path, _random, _, other) => {
    const old = other.get(path);
    return old !== undefined && changed(disk, path, () => old.slice());
  },
  'file lost': async (disk, path) => {
    if (path.endsWith('/reserve')) return false;
    await disk.unlink(path);
    return true;
  },
  'sector rolled back': (disk, path, random, earlier) => {
    const old = earlier.get(path) ?? new Uint8Array();
    const at = sectorAt(random, old);
    return misplaced(disk, path, at, old.slice(at, at + sectorBytes));
  },
  'file rolled back': (disk, path, _random, earlier) => {
    const old = earlier.get(path);
    return old !== undefined && changed(disk, path, () => old.slice());
  },
};

type Verdict = 'detected' | 'uncertain' | 'harmless' | 'left to peers';

describe('durable log under every kind of damage', () => {
  it('K13: random logs, one fault each: detected, or of the last batch and uncertain, or nothing was lost', async function () {
    this.timeout(60_000 + runs * 1_000);
    const table = new Map<string, Record<Verdict, number>>();
    for (let run = 0; run < runs; run++) {
      const { whole, earlier, other, lastFrom } = await makeLog(run);
      const before = await opened(whole.clone());
      for (const [kind, fault] of Object.entries(faults)) {
        for (let i = 0; i < 12; i++) {
          const random = new SeededRandom(seed + run * 1000 + i * 13 + kind.length * 7);
          const paths = [...whole.files().keys()].sort();
          const path = paths[random.nextInt(paths.length)] as string;
          const disk = whole.clone();
          if (!(await fault(disk, path, random, earlier, other))) continue;
          const note = `replay with SEED=${seed}: run ${run}, ${kind} of ${path}, time ${i}`;
          const verdict = await judge(disk, before, lastFrom, isBeyondOneDisk(kind, bytesOf(whole, path), bytesOf(disk, path)), note);
          const row = table.get(kind) ?? { detected: 0, uncertain: 0, harmless: 0, 'left to peers': 0 };
          row[verdict]++;
          table.set(kind, row);
        }
      }
    }
    if (process.env.RUNS !== undefined) console.table(Object.fromEntries(table));
    for (const kind of Object.keys(faults)) {
      const row = table.get(kind);
      assert.ok(row !== undefined && row.detected > 0, `${kind}: ${JSON.stringify(row)}`);
    }
  });
});

/**
 * What looks as if it had never been written, or is whole but of another time, no disk can tell by itself: a head of the last batch as
 * it was before, a file or a sector rolled back. Peers remember what this member promised.
 */
function isBeyondOneDisk(kind: string, was: Uint8Array, is: Uint8Array): boolean {
  if (kind.endsWith('rolled back')) return true;
  const isUnwritten = (bytes: Uint8Array, at: number) => bytes.subarray(at, at + sectorBytes).every((byte) => byte === unwrittenByte);
  for (let at = 0; at < is.length; at += sectorBytes) if (isUnwritten(is, at) && !isUnwritten(was, at)) return true;
  return false;
}

/** A log of a random story; what its disk was some calls earlier; the disk of another, older log in the same place. */
async function makeLog(run: number) {
  const whole = new MemoryFileSystem();
  const { log } = await openLog(whole, { nonce: countedNonce() });
  const story = randomStory(new SeededRandom(seed * 3000 + run), 16);
  let earlier: Files = new Map();
  let lastFrom = 0;
  for (const [i, step] of story.entries()) {
    if (i === 12) earlier = whole.clone().files();
    await perform(log, step);
    lastFrom = step.save?.[0]?.index ?? lastFrom;
  }
  await log.close();
  const older = new MemoryFileSystem();
  const { log: oldLog } = await openLog(older, { nonce: countedNonce(100) });
  for (const step of randomStory(new SeededRandom(seed * 5000 + run), 12)) await perform(oldLog, step);
  await oldLog.close();
  return { whole, earlier, other: older.files(), lastFrom };
}

async function opened(disk: MemoryFileSystem) {
  const { log, recovered } = await openLog(disk, { nonce: countedNonce(50) });
  const { promised } = log;
  await log.close();
  return { recovered, promised };
}

type Opened = Awaited<ReturnType<typeof opened>>;

async function judge(disk: MemoryFileSystem, before: Opened, lastFrom: number, isBeyondOneDisk: boolean, note: string): Promise<Verdict> {
  let after: Opened;
  try {
    after = await opened(disk);
  } catch (error) {
    assert.ok(
      error instanceof StorageError && ['LOG_CORRUPT', 'VOTE_DAMAGED', 'LOG_VERSION'].includes(error.code),
      `${note}: ${String(error)}`,
    );
    return 'detected';
  }
  const [was, is] = [before.recovered, after.recovered];
  const isSame = same(was, is);
  if (isSame && is.uncertain === undefined) return 'harmless';
  // Peers remember what this member promised, and see that it knows less.
  const last = was.entries.at(-1) ?? was.base;
  if (is.uncertain !== undefined) {
    assert.deepEqual(is.hardState, was.hardState, note);
    // Without the last batch the tail is back that it had replaced.
    const early = ({ recovered }: Opened) => JSON.stringify(recovered.entries.filter(({ index }) => index < lastFrom));
    assert.equal(early(after), early(before), `${note}: more than the last batch changed`);
    assert.ok(is.base.index + is.entries.length >= lastFrom - 1, `${note}: more than the last batch is gone`);
    assert.ok(
      is.uncertain.term > last.term || (is.uncertain.term === last.term && is.uncertain.index >= last.index),
      `${note}: ${JSON.stringify(is.uncertain)}`,
    );
    return 'uncertain';
  }
  assert.ok(isBeyondOneDisk, `${note}: lost without a word: ${JSON.stringify([before.promised, after.promised])}`);
  return 'left to peers';
}

const same = (a: Opened['recovered'], b: Opened['recovered']): boolean =>
  JSON.stringify([a.hardState, a.base, a.entries.length]) === JSON.stringify([b.hardState, b.base, b.entries.length]) &&
  a.entries.every(
    (entry, i) => entry.term === b.entries[i]?.term && Buffer.compare(entry.data, b.entries[i]?.data ?? new Uint8Array()) === 0,
  );
