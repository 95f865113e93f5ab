import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ArtefactFetcher } from '../../../agent/ports.ts';
import { ArtefactPuller } from '../../../agent/workload/artefact-puller.ts';
import { ArtefactStore } from '../../../agent/workload/artefact-store.ts';
import { silent, WorkBox } from './work-box.ts';

const chunkBytes = 1000;
const file = (seed: number, bytes = 10_000): Buffer => Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 7 + seed) % 251));
const digest = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');
const put = (store: ArtefactStore, content: Uint8Array): Promise<void> =>
  store.putStream(digest(content), content.length, Readable.from([content]));

describe('artefacts', () => {
  let box: WorkBox;
  let store: ArtefactStore;
  beforeEach(async () => {
    box = new WorkBox();
    store = box.store;
    await store.open();
  });
  afterEach(() => box.close());

  const puller = (fetcher: ArtefactFetcher): ArtefactPuller => new ArtefactPuller({ store, fetcher, clock: box.clock, log: silent });

  it('P20: are kept under their digest, and found again', async () => {
    await put(store, file(1));
    const again = new ArtefactStore({ directory: join(box.dir, 'artefacts'), bytesMax: 2 ** 20 });
    await again.open();
    assert.deepEqual(again.list(), [digest(file(1))]);
    assert.deepEqual(Buffer.from(await again.readChunk(digest(file(1)), 9_990, 100)), file(1).subarray(9_990));
  });

  it('P20: of other content, or longer or shorter than said, are refused and not kept', async () => {
    const cases: readonly [string, number, Buffer][] = [
      [digest(file(1)), 10_000, file(2)],
      [digest(file(1)), 9_999, file(1)],
      [digest(file(1)), 10_001, file(1)],
    ];
    for (const [sha256, bytes, content] of cases) {
      await assert.rejects(store.putStream(sha256, bytes, Readable.from([content])), { code: 'ARTEFACT_MISMATCH' });
      assert.equal(store.has(sha256), false);
    }
    assert.deepEqual(
      readdirSync(join(box.dir, 'artefacts')).filter((name) => !name.endsWith('.part')),
      [],
    );
  });

  it('P20: make room by leaving out what no workload needs; what is needed stays', async () => {
    const small = new ArtefactStore({ directory: join(box.dir, 'small'), bytesMax: 25_000 });
    await small.open();
    for (const seed of [1, 2]) await put(small, file(seed));
    small.need([digest(file(1))]);
    await put(small, file(3));
    assert.deepEqual([...small.list()].sort(), [digest(file(1)), digest(file(3))].sort());
    small.need([digest(file(1)), digest(file(3))]);
    await assert.rejects(put(small, file(4)), { code: 'ARTEFACT_STORE_FULL' });
    assert.equal(existsSync(small.pathOf(digest(file(4)))), false);
  });

  it('P20: are pulled in chunks, and go on where they were cut', async () => {
    const content = file(5);
    const asked: number[] = [];
    let cutAt = 4000;
    const fetcher: ArtefactFetcher = {
      sources: () => ['box-b'],
      fetchChunk: async (_, __, offset) => {
        if (offset >= cutAt) throw new Error('cable pulled');
        asked.push(offset);
        return content.subarray(offset, offset + chunkBytes);
      },
    };
    await assert.rejects(puller(fetcher).ensure(digest(content), content.length), {
      code: 'ARTEFACT_MISSING',
      message: /box-b: cable pulled/,
    });
    assert.deepEqual(asked, [0, 1000, 2000, 3000]);
    cutAt = Number.POSITIVE_INFINITY;
    await puller(fetcher).ensure(digest(content), content.length);
    assert.deepEqual(asked.slice(4), [4000, 5000, 6000, 7000, 8000, 9000], 'nothing was asked for twice');
    assert.ok(store.has(digest(content)));
  });

  it('P20: of a box that lies are thrown away, and the next box is asked from the start', async () => {
    const content = file(6);
    const fetcher: ArtefactFetcher = {
      sources: () => ['liar', 'box-c'],
      fetchChunk: async (from, _, offset) => (from === 'liar' ? file(7) : content).subarray(offset, offset + chunkBytes),
    };
    await puller(fetcher).ensure(digest(content), content.length);
    assert.deepEqual(Buffer.from(await store.readChunk(digest(content), 0, 20_000)), content);
  });

  it('P20: longer than said are given up at the first byte too many', async () => {
    const content = file(8, 1500);
    const fetcher: ArtefactFetcher = { sources: () => ['box-b'], fetchChunk: async () => Buffer.alloc(200_000) };
    await assert.rejects(puller(fetcher).ensure(digest(content), content.length), {
      code: 'ARTEFACT_MISSING',
      message: /another length than 1500 bytes/,
    });
    assert.equal(await store.partBytes(digest(content)), 0);
  });

  it('P20: wanted twice at the same time are pulled once', async () => {
    const content = file(9);
    let chunks = 0;
    const fetcher: ArtefactFetcher = {
      sources: () => ['box-b'],
      fetchChunk: async (_, __, offset) => {
        chunks += 1;
        return content.subarray(offset, offset + chunkBytes);
      },
    };
    const one = puller(fetcher);
    await Promise.all([1, 2, 3].map(() => one.ensure(digest(content), content.length)));
    assert.equal(chunks, content.length / chunkBytes);
  });
});
