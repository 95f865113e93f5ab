import assert from 'node:assert/strict';
import { logIndex, term } from '../../../consensus/core/types.ts';
import { type Hello, ownHello } from '../../../consensus/driver/hello.ts';
import { Standing } from '../../../consensus/driver/standing.ts';

const hello = (facts: Partial<Hello> = {}): Hello => ({
  ...ownHello({ clusterId: 'mill', clusterEpoch: 0, nodeId: 'b', incarnation: 5 }),
  run: 6,
  start: 66,
  promise: { term: term(3), votedFor: 'a', index: logIndex(20) },
  ...facts,
});

describe('what a member remembers of the others', () => {
  let standing: Standing;
  const verdict = (one: Hello, nowMs = 10_000, recorded = { incarnation: 5, run: 6, start: 66 }) =>
    standing.check(one, recorded, nowMs)?.code ?? 'ok';
  beforeEach(() => {
    standing = new Standing('a');
    standing.greeted(hello(), 0);
  });

  it('K13: another incarnation than the one written down is not listened to', () => {
    assert.equal(verdict(hello({ incarnation: 4 })), 'INCARNATION_STALE');
    assert.equal(verdict(hello()), 'ok');
    assert.equal(standing.check(hello({ nodeId: 'c', incarnation: 4 }), undefined, 0), undefined, 'of whom nothing is known yet');
  });

  it('K13: a later start is let in, an earlier one, or another one under its number, was put back', () => {
    standing.ended('b');
    assert.equal(verdict(hello({ run: 7, start: 77 })), 'ok');
    assert.equal(verdict(hello({ run: 5, start: 55 })), 'ROLLED_BACK');
    assert.equal(verdict(hello({ run: 6, start: 67 })), 'ROLLED_BACK');
    standing = new Standing('a');
    assert.equal(verdict(hello({ run: 5, start: 55 })), 'ROLLED_BACK', 'the site wrote it down');
    assert.equal(verdict(hello({ run: 6, start: 67 })), 'ROLLED_BACK', 'the site wrote it down');
  });

  it('K13: less of the log than it acknowledged of what is committed, or no vote where it gave one: put back within one start', () => {
    standing.ended('b');
    standing.promised('b', 21);
    const later = { run: 7, start: 77 };
    const promise = { term: term(3), votedFor: 'a', index: logIndex(21) };
    assert.equal(verdict(hello(later)), 'ROLLED_BACK');
    assert.equal(verdict(hello({ ...later, promise })), 'ok');
    standing.promised('b', 5);
    assert.equal(verdict(hello(later)), 'ROLLED_BACK', 'what it promised first still counts');
    standing.voted('b', term(3));
    assert.equal(verdict(hello({ ...later, promise })), 'ok');
    assert.equal(verdict(hello({ ...later, promise: { ...promise, votedFor: 'c' } })), 'ROLLED_BACK');
    assert.equal(verdict(hello({ ...later, promise: { ...promise, votedFor: undefined } })), 'ROLLED_BACK');
    assert.equal(verdict(hello({ ...later, promise: { ...promise, term: term(2) } })), 'ROLLED_BACK');
    assert.equal(verdict(hello({ ...later, promise: { ...promise, term: term(4), votedFor: 'c' } })), 'ok');
  });

  it('K13: of two that are there at once the newer one is a copy; one whose connection ended was only started again', () => {
    const copy = hello({ run: 7, start: 77 });
    standing.heard('b', 9500);
    assert.equal(verdict(copy), 'CLONED');
    assert.equal(verdict(hello({ start: 67 })), 'CLONED', 'a copy of the disk as it was before this start');
    assert.equal(verdict(hello()), 'ok', 'the one that was first');
    assert.equal(standing.otherHeardAt('b', 77), 9500);
    assert.equal(standing.otherHeardAt('b', 66), undefined);
    assert.equal(verdict(copy, 15_000), 'ok', 'the first one has been silent for long');
    standing.ended('b');
    assert.equal(verdict(copy), 'ok');
  });

  it('K13: who follows a leader lets another start in only once the leader did, unless the first one is known to be gone', () => {
    const copy = hello({ run: 7, start: 77 });
    standing.setFollows(() => true);
    assert.equal(verdict(copy, 99_000), 'CLONED', 'two followers say nothing to each other for long');
    assert.equal(verdict(copy, 99_000, { incarnation: 5, run: 7, start: 77 }), 'ok');
    standing.ended('b');
    assert.equal(verdict(copy, 99_000), 'ok');
  });

  it('K13: what an earlier incarnation promised is not asked of the next', () => {
    standing.ended('b');
    standing.promised('b', 21);
    const anew = hello({ incarnation: 9, run: 1, start: 11, promise: { term: term(0), votedFor: undefined, index: logIndex(0) } });
    assert.equal(verdict(anew, 10_000, { incarnation: 9, run: 0, start: 0 }), 'ok');
    standing.greeted(anew, 10_000);
    assert.equal(standing.check(anew, { incarnation: 9 }, 10_000), undefined);
  });

  it('K13: a release that tells nothing of its start is judged by its incarnation alone', () => {
    const { run: _run, start: _start, promise: _promise, ...former } = hello();
    standing.promised('b', 99);
    assert.equal(verdict(former), 'ok');
  });
});
