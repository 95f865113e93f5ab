import assert from 'node:assert/strict';
import { fuzz, targets } from './fuzz.ts';
import type { Target } from './target.ts';

const seed = Number(process.env['SEED'] ?? 1);

describe('decoders under 100,000 valid, mutated and random inputs', () => {
  const shares = targets.reduce((sum, { cost = 1 }) => sum + 1 / cost, 0);
  for (const target of targets)
    it(`K13: ${target.name}: taken as they were written, or refused in the decoder’s own way`, async function () {
      this.timeout(60_000);
      const { finding, taken, refused } = await fuzz(target, Math.ceil(100_000 / (target.cost ?? 1) / shares), seed);
      assert.equal(finding?.message, undefined, `replay with SEED=${seed}`);
      assert.ok(taken > 0 && refused > 0, `reaches both: ${taken} taken, ${refused} refused`);
    });

  it('tells a decoder that throws what it must not, with the input', async () => {
    const broken: Target = {
      name: 'broken',
      valid: () => Uint8Array.of(7),
      check(input) {
        if (input.length === 0) throw new RangeError('beyond the end');
        return 'taken';
      },
    };
    const { finding } = await fuzz(broken, 10_000, seed);
    assert.deepEqual(finding, { input: '', message: 'RangeError: beyond the end' });
  });
});
