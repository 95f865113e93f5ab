import assert from 'node:assert/strict';
import { simulate } from './simulation.ts';

/** More with SIM_SEEDS=2000; the seeds of a run are 1 to that. */
const seeds = Number(process.env.SIM_SEEDS ?? 200);
const perTest = 20;

describe('simulator', () => {
  for (let from = 1; from <= seeds; from += perTest) {
    const to = Math.min(from + perTest - 1, seeds);

    it(`K1, K2, K9, K10: whole sites keep every rule of Raft under faults and make progress after them, seeds ${from} to ${to}`, function () {
      this.timeout(60_000);
      let acknowledged = 0;
      for (let seed = from; seed <= to; seed += 1) {
        const result = simulate({ seed });
        assert.ok(result.ok, `${result.failure}\nreplay with: npm run sim -- --seed ${seed}`);
        acknowledged += result.acknowledged;
      }
      assert.ok(acknowledged > 0, 'the clients got nothing done: the simulation checks nothing');
    });
  }

  it('K20: one seed gives one trace, line by line', () => {
    const trace = (seed: number): string => {
      const lines: string[] = [];
      simulate({ seed, faultTicks: 600, onTrace: (line) => void lines.push(line) });
      return lines.join('\n');
    };
    const first = trace(7);
    assert.ok(first.length > 1000);
    assert.equal(trace(7), first);
    assert.notEqual(trace(8), first);
  });
});
