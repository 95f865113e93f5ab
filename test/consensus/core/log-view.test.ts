import assert from 'node:assert/strict';
import { InvariantError } from '../../../consensus/core/invariant.ts';
import { atLeastAsUpToDate, LogView } from '../../../consensus/core/log-view.ts';
import { logIndex, term } from '../../../consensus/core/types.ts';
import { SeededRandom } from '../../sim/random.ts';
import { entriesOf } from './entries.ts';

const seed = Number(process.env.SEED ?? 1);
const origin = { term: term(0), index: logIndex(0) };

describe('log view', () => {
  it('behaves like a plain list of terms, through 20000 random appends, truncations and compactions', () => {
    const random = new SeededRandom(seed);
    let model: number[] = [];
    let base = 0;
    let baseTerm = 0;
    let log = new LogView(origin, []);
    for (let run = 0; run < 20_000; run += 1) {
      const last = base + model.length;
      const lastTerm = model.at(-1) ?? baseTerm;
      const choice = random.nextInt(10);
      if (choice < 5) {
        const terms = [lastTerm + random.nextInt(2)];
        log.append(entriesOf(terms, last + 1));
        model.push(...terms);
      } else if (choice < 7 && model.length > 0) {
        const from = base + 1 + random.nextInt(model.length);
        log.truncateFrom(logIndex(from));
        model.length = from - base - 1;
      } else if (choice < 8 && model.length > 0) {
        const index = base + 1 + random.nextInt(model.length);
        log.compact(logIndex(index));
        baseTerm = model[index - base - 1] ?? 0;
        model = model.slice(index - base);
        base = index;
      } else if (choice === 9 && random.chance(2)) {
        log = new LogView(origin, []);
        [model, base, baseTerm] = [[], 0, 0];
      }
      const where = `replay with SEED=${seed}, run ${run}`;
      assert.equal(log.lastIndex, base + model.length, where);
      assert.equal(log.firstIndex, base + 1, where);
      const index = random.nextInt(base + model.length + 3);
      assert.equal(log.termAt(logIndex(index)), index === base ? baseTerm : model[index - base - 1], where);
      const bound = random.nextInt(lastTerm + 2);
      let hint = Math.min(index, base + model.length);
      while (hint > base && (model[hint - base - 1] ?? 0) > bound) hint -= 1;
      assert.equal(log.lastNotAbove(logIndex(index), term(bound)).index, Math.max(hint, base), where);
    }
  });

  it('gives at least one entry in a slice, however large, and no more than asked', () => {
    const data = new Uint8Array(100);
    const log = new LogView(
      origin,
      entriesOf([1, 1, 1, 1]).map((entry) => ({ ...entry, data })),
    );
    assert.equal(log.slice(logIndex(1), 10, 50).length, 1);
    assert.equal(log.slice(logIndex(1), 10, 250).length, 2);
    assert.equal(log.slice(logIndex(2), 2, 1000).length, 2);
    assert.equal(log.slice(logIndex(5), 2, 1000).length, 0);
  });

  it('refuses gaps, falling terms, and cutting what is compacted', () => {
    const log = new LogView(origin, entriesOf([1, 2, 2]));
    assert.throws(() => log.append(entriesOf([2], 5)), InvariantError);
    assert.throws(() => log.append(entriesOf([1], 4)), InvariantError);
    log.compact(logIndex(2));
    assert.throws(() => log.truncateFrom(logIndex(2)), InvariantError);
  });

  it('orders logs by last term, then by length', () => {
    const id = (t: number, i: number) => ({ term: term(t), index: logIndex(i) });
    assert.ok(atLeastAsUpToDate(id(3, 1), id(2, 9)));
    assert.ok(!atLeastAsUpToDate(id(2, 9), id(3, 1)));
    assert.ok(atLeastAsUpToDate(id(2, 9), id(2, 9)));
    assert.ok(!atLeastAsUpToDate(id(2, 8), id(2, 9)));
  });
});
