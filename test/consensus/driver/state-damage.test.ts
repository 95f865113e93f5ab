import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { logIndex, type SnapshotMeta, term } from '../../../consensus/core/types.ts';
import { StorageError } from '../../../consensus/driver/errors.ts';
import { LevelStateStore } from '../../../consensus/driver/level-store.ts';
import type { RowChange } from '../../../consensus/driver/ports.ts';
import { SeededRandom } from './random-message.ts';

/** `SEED` begins elsewhere, `RUNS` makes it longer, e.g. RUNS=2000. */
const seed = Number(process.env.SEED ?? 1);
const runs = Number(process.env.RUNS ?? 40);
const sectorBytes = 512;
const membership = { voters: ['n1', 'n2', 'n3'], learners: [] };

type Files = ReadonlyMap<string, Buffer>;

async function filesOf(directory: string): Promise<Files> {
  const entries = await fs.readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(paths.sort().map(async (path) => [relative(directory, path), await fs.readFile(path)] as const)));
}

async function put(directory: string, files: Files): Promise<void> {
  await fs.rm(directory, { recursive: true, force: true });
  for (const [path, bytes] of files) {
    await fs.mkdir(join(directory, path, '..'), { recursive: true });
    await fs.writeFile(join(directory, path), bytes);
  }
}

/** A store's files at some moments of its life, and what it stood for at each index. */
interface Life {
  readonly moments: readonly Files[];
  readonly states: ReadonlyMap<number, string>;
}
const print = (rows: Iterable<readonly [string, Uint8Array]>): string =>
  [...rows].map(([key, value]) => `${key}=${Buffer.from(value).toString('hex')}`).join(' ');

async function live(directory: string, random: SeededRandom): Promise<Life> {
  const rows = new Map<string, Uint8Array>();
  const states = new Map([[0, '']]);
  const moments: Files[] = [];
  let index = 0;
  for (let run = 0; run < 4; run += 1) {
    const store = new LevelStateStore({ directory, membership });
    await store.open();
    for (let write = 0; write < 12; write += 1) {
      const changes = Array.from({ length: 1 + random.nextInt(6) }, (): RowChange => {
        const key = `key-${random.nextInt(20)}`;
        return { key, value: random.nextInt(4) === 0 ? undefined : Uint8Array.from(random.bytes(random.nextInt(700))) };
      });
      for (const { key, value } of changes) value === undefined ? rows.delete(key) : rows.set(key, value);
      index += 1;
      states.set(index, print([...rows].sort(([a], [b]) => (a < b ? -1 : 1))));
      const meta: SnapshotMeta = { index: logIndex(index), term: term(1), membership };
      if (run === 2 && write === 6) await store.replace(rows, meta);
      else await store.write(changes, meta, write % 4 === 3);
    }
    await store.close();
    moments.push(await filesOf(directory));
  }
  return { moments, states };
}

type Damage = (now: Map<string, Buffer>, path: string, random: SeededRandom, earlier: Files) => void;
const changed = (now: Map<string, Buffer>, path: string, change: (bytes: Buffer) => Buffer): void =>
  void now.set(path, change(Buffer.from(now.get(path) ?? Buffer.alloc(0))));
const sectorOf = (random: SeededRandom, bytes: Buffer): number =>
  sectorBytes * random.nextInt(Math.max(1, Math.ceil(bytes.length / sectorBytes)));

/** What happens to one file, or to all of them. */
const faults: Readonly<Record<string, Damage>> = {
  'bit flip': (now, path, random) =>
    changed(now, path, (bytes) => {
      const at = random.nextInt(Math.max(1, bytes.length));
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.nextInt(8));
      return bytes;
    }),
  'zeroed sector': (now, path, random) =>
    changed(now, path, (bytes) => {
      const at = sectorOf(random, bytes);
      return bytes.fill(0, at, Math.min(bytes.length, at + sectorBytes));
    }),
  'misdirected sector': (now, path, random) =>
    changed(now, path, (bytes) => {
      const from = sectorOf(random, bytes);
      Buffer.from(bytes.subarray(from, from + sectorBytes)).copy(bytes, sectorOf(random, bytes));
      return bytes;
    }),
  'cut short': (now, path, random) => changed(now, path, (bytes) => bytes.subarray(0, random.nextInt(Math.max(1, bytes.length)))),
  lost: (now, path) => void now.delete(path),
  'rolled back': (now, path, _random, earlier) => {
    const old = earlier.get(path);
    if (old !== undefined) now.set(path, old);
  },
  'all rolled back': (now, _path, _random, earlier) => {
    now.clear();
    for (const [path, bytes] of earlier) now.set(path, bytes);
  },
  'of another moment': (now, path, random, earlier) => {
    const others = [...earlier.keys()];
    now.set(path, earlier.get(others[random.nextInt(others.length)] ?? '') ?? Buffer.alloc(0));
  },
};

describe('a damaged state', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await fs.mkdtemp(join(tmpdir(), 'holdfast-state-'));
  });
  afterEach(() => fs.rm(directory, { recursive: true, force: true }));

  it('K13: is refused, or is what the state once was, to the byte: the log begins after it or shows the gap', async function () {
    this.timeout(2000 * runs);
    const random = new SeededRandom(seed);
    const { moments, states } = await live(directory, random);
    const newest = moments.at(-1) ?? new Map();
    const counts = { detected: 0, earlier: 0, same: 0 };
    const kinds = Object.keys(faults);
    for (let run = 0; run < runs; run += 1) {
      const kind = kinds[run % kinds.length] ?? '';
      const paths = [...newest.keys()];
      const path = paths[random.nextInt(paths.length)] ?? '';
      const damaged = new Map(newest);
      faults[kind]?.(damaged, path, random, moments[random.nextInt(moments.length - 1)] ?? newest);
      await put(directory, damaged);
      const store = new LevelStateStore({ directory, membership });
      const found = await store.open().catch((error: unknown) => error);
      const note = `replay with SEED=${seed}: run ${run}, ${kind} of ${path}`;
      if (found instanceof Error) {
        assert.ok(found instanceof StorageError && found.code === 'STATE_DAMAGED', `${note}: ${String(found)}`);
        counts.detected += 1;
        // What comes next in the agent: the box has its state anew.
        await store.replace([['k', Buffer.from('v')]], { index: logIndex(999), term: term(2), membership });
      } else {
        const { meta, rows } = found as Awaited<ReturnType<LevelStateStore['open']>>;
        assert.equal(print(rows), states.get(meta.index), `${note}: index ${meta.index}`);
        counts[meta.index === states.size - 1 ? 'same' : 'earlier'] += 1;
      }
      await store.close();
    }
    assert.ok(counts.detected > runs / 8 && counts.earlier > 0, JSON.stringify(counts));
    if (process.env.RUNS !== undefined) console.log(JSON.stringify(counts));
  });
});
