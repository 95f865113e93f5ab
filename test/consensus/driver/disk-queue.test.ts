import assert from 'node:assert/strict';
import type { Save } from '../../../consensus/core/ready.ts';
import { type Entry, term } from '../../../consensus/core/types.ts';
import { joinSaves } from '../../../consensus/driver/disk-queue.ts';
import { entries } from './log/log-fixture.ts';
import { SeededRandom } from './random-message.ts';

const save = (batch: readonly Entry[], voted?: number): Save => ({
  token: 1,
  hardState: voted === undefined ? undefined : { term: term(voted), votedFor: undefined },
  entries: batch,
  messagesAfterSave: [],
});

describe('joined saves', () => {
  it('are what one after the other would leave, for 2000 random sequences', () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const random = new SeededRandom(seed);
      let one: Entry[] = entries(1, 10);
      const saves: Save[] = [];
      for (let i = 0; i < 1 + random.nextInt(5); i++) {
        const from = 1 + random.nextInt(one.length + 1);
        const batch = random.nextInt(4) === 0 ? [] : entries(from, from + random.nextInt(4), i + 2);
        saves.push(save(batch));
        if (batch.length > 0) one = [...one.slice(0, from - 1), ...batch];
      }
      const joined = joinSaves(saves).entries;
      const from = joined[0]?.index ?? Number.POSITIVE_INFINITY;
      assert.deepEqual([...entries(1, 10).filter(({ index }) => index < from), ...joined], one, `seed ${seed}`);
    }
  });

  it('keep the newest term and vote', () => {
    assert.deepEqual(joinSaves([save([], 3), save([], 4), save([])]).hardState, { term: 4, votedFor: undefined });
    assert.equal(joinSaves([save([])]).hardState, undefined);
  });
});
