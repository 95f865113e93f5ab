import assert from 'node:assert/strict';
import { Durability } from '../../../consensus/core/durability.ts';
import { InvariantError } from '../../../consensus/core/invariant.ts';
import { type Entry, logIndex, term } from '../../../consensus/core/types.ts';
import { SeededRandom } from '../../sim/random.ts';
import { entriesOf } from './entries.ts';

const seed = Number(process.env.SEED ?? 1);
const hardState = { term: term(0), votedFor: undefined };

describe('durability', () => {
  it('never claims more than the common prefix of disk and memory, and claims all of it when nothing is under way', () => {
    const random = new SeededRandom(seed);
    const durability = new Durability(hardState, logIndex(0));
    let memory: Entry[] = [];
    let disk: Entry[] = [];
    const saves: { readonly token: number; readonly entries: readonly Entry[] }[] = [];
    let newest = 1;
    for (let run = 0; run < 20_000; run += 1) {
      const choice = random.nextInt(10);
      if (choice < 4) memory.push(...entriesOf([newest], memory.length + 1));
      else if (choice < 6 && memory.length > 0) {
        const from = 1 + random.nextInt(memory.length);
        newest += 1;
        memory = [...memory.slice(0, from - 1), ...entriesOf([newest], from)];
        durability.truncated(logIndex(from));
      } else if (choice < 8) {
        const entries = memory.slice(durability.unsavedFrom - 1);
        saves.push({ token: durability.handOut(hardState, entries), entries });
      } else {
        const save = saves.shift();
        if (save !== undefined) {
          const first = save.entries[0];
          if (first !== undefined) disk = [...disk.slice(0, first.index - 1), ...save.entries];
          durability.saved(save.token);
        }
      }
      const differs = memory.findIndex((entry, at) => disk[at]?.term !== entry.term);
      const common = differs < 0 ? memory.length : differs;
      assert.ok(durability.durableIndex <= common, `replay with SEED=${seed}, run ${run}: ${durability.durableIndex} of ${common}`);
      if (saves.length === 0)
        assert.equal(durability.durableIndex, Math.min(common, durability.unsavedFrom - 1), `SEED=${seed}, run ${run}`);
    }
  });

  it('stops when saves are reported out of order', () => {
    const durability = new Durability(hardState, logIndex(0));
    durability.handOut(hardState, []);
    const second = durability.handOut(hardState, []);
    assert.throws(() => durability.saved(second), InvariantError);
  });
});
