import assert from 'node:assert/strict';
import { WatchLog } from '../../../agent/status/watch-log.ts';

const row = (value: string): Uint8Array => Buffer.from(JSON.stringify({ value, revision: 0 }));
const put = (key: string, value = 'x') => ({ key: `kv/${key}`, value: row(value) });

/** Everything a watcher that knows `after` is told, as `revision key`. */
function told(log: WatchLog, after: number): readonly string[] | 'too old' {
  let id = log.idAfter(after);
  if (id === undefined) return 'too old';
  const seen: string[] = [];
  for (let change = log.next(id); change !== undefined; change = log.next(id)) {
    id = change.id;
    seen.push(`${change.revision} ${change.key}${change.row === undefined ? ' gone' : ''}${change.last ? '' : ' …'}`);
  }
  return seen;
}

describe('the log of changes', () => {
  it('C12: gives everything after a revision, in order, and nothing of other kinds', () => {
    const log = new WatchLog(10);
    log.add(11, [put('a'), { key: 'session/11', value: row('') }]);
    log.add(12, [{ key: 'placement/x', value: row('') }]);
    log.add(13, [{ key: 'kv/a', value: undefined }, put('b')]);
    assert.deepEqual(told(log, 10), ['11 a', '13 a gone …', '13 b']);
    assert.deepEqual(told(log, 11), ['13 a gone …', '13 b']);
    assert.deepEqual(told(log, 12), ['13 a gone …', '13 b']);
    assert.deepEqual(told(log, 13), []);
    assert.equal(log.revision, 13);
  });

  it('C12: says so when changes are no longer kept, never skips them', () => {
    const log = new WatchLog(10, { changesMax: 3 });
    assert.equal(told(log, 9), 'too old', 'from before it began');
    for (let revision = 11; revision <= 15; revision += 1) log.add(revision, [put(`k${revision}`)]);
    assert.equal(told(log, 11), 'too old');
    assert.deepEqual(told(log, 12), ['13 k13', '14 k14', '15 k15']);
    log.add(16, [put('p'), put('q')]);
    assert.equal(told(log, 13), 'too old');
    log.add(17, [put('r'), put('s')]);
    assert.equal(told(log, 15), 'too old', 'half of a revision is not all of it');
    assert.deepEqual(told(log, 16), ['17 r …', '17 s']);
  });

  it('C12: keeps no more bytes than it may', () => {
    const log = new WatchLog(0, { bytesMax: 10_000 });
    for (let revision = 1; revision <= 50; revision += 1) log.add(revision, [put('k', 'x'.repeat(1000))]);
    assert.equal(told(log, 0), 'too old');
    assert.equal((told(log, 42) as readonly string[]).length, 8);
  });

  it('C12: cuts everybody off when the state was replaced as a whole', () => {
    const log = new WatchLog(0);
    log.add(1, [put('a')]);
    const watcher = log.idAfter(1) as number;
    log.reset(100);
    assert.ok(log.gapAfter(watcher));
    assert.equal(told(log, 1), 'too old');
    log.add(101, [put('b')]);
    assert.deepEqual(told(log, 100), ['101 b']);
  });
});
