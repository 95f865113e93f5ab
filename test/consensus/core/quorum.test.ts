import assert from 'node:assert/strict';
import { majority, majorityValue, tally } from '../../../consensus/core/quorum.ts';
import { SeededRandom } from '../../sim/random.ts';

const seed = Number(process.env.SEED ?? 1);

describe('quorum', () => {
  it('majorityValue() agrees with counting by hand, for 5000 random clusters', () => {
    const random = new SeededRandom(seed);
    for (let run = 0; run < 5000; run += 1) {
      const values = Array.from({ length: 1 + random.nextInt(9) }, () => random.nextInt(12));
      let byHand = 0;
      for (let value = 0; value <= 12; value += 1) {
        const reached = values.filter((own) => own >= value).length;
        if (2 * reached > values.length) byHand = value;
      }
      assert.equal(majorityValue(values), byHand, `replay with SEED=${seed}, run ${run}: ${values}`);
    }
  });

  it('two majorities of the same voters always share one', () => {
    for (let voters = 1; voters <= 9; voters += 1) assert.ok(2 * majority(voters) > voters && 2 * (majority(voters) - 1) <= voters);
  });

  it('tally() says lost exactly when the outstanding answers cannot make a majority', () => {
    for (let voters = 1; voters <= 9; voters += 1) {
      for (let granted = 0; granted <= voters; granted += 1) {
        for (let refused = 0; granted + refused <= voters; refused += 1) {
          const outstanding = voters - granted - refused;
          const expected = 2 * granted > voters ? 'won' : 2 * (granted + outstanding) > voters ? 'open' : 'lost';
          assert.equal(tally(voters, granted, refused), expected, `${voters} voters, ${granted} granted, ${refused} refused`);
        }
      }
    }
  });
});
