import assert from 'node:assert/strict';
import { copySmall } from '../../../consensus/driver/slab.ts';

describe('copySmall', () => {
  it('copies: neither the original nor another copy changes it, whatever their sizes', () => {
    const originals = [0, 1, 300, 4096, 4097, 65_536, 300, 70_000, 12].map((length, i) => new Uint8Array(length).fill(i + 1));
    const kept = [...originals, ...Array.from({ length: 500 }, (_, i) => new Uint8Array(300).fill(i))].map((bytes) => [
      copySmall(bytes),
      Uint8Array.from(bytes),
    ]);
    for (const original of originals) original.fill(0);
    for (const [copy, wanted] of kept) assert.deepEqual(copy, wanted);
  });
});
