import assert from 'node:assert/strict';
import { judge, type VerdictInput } from '../../../agent/control/verdict.ts';

const input = (changes: Partial<VerdictInput> = {}): VerdictInput => ({
  self: 'a',
  members: ['a', 'b', 'c'],
  now: 10_000,
  links: new Map([
    ['b', { up: true, since: 0 }],
    ['c', { up: false, since: 5000 }],
  ]),
  observations: new Map([['b', new Map([['c', false]])]]),
  lostAfterMs: 3000,
  ...changes,
});

describe('the verdict on a member', () => {
  it('is lost only when a majority of the observers agree and the time has passed', () => {
    assert.deepEqual(judge('c', input()), { verdict: 'lost', observers: 2, unreachableFor: 2 });
    assert.equal(judge('c', input({ now: 7999 })).verdict, 'unknown');
  });

  it('is cut off when somebody still reaches it', () => {
    assert.equal(judge('c', input({ observations: new Map([['b', new Map([['c', true]])]]) })).verdict, 'cut-off');
  });

  it('is not given by one observer of three: this box may be the one cut off', () => {
    const alone = input({
      links: new Map([
        ['b', { up: false, since: 5000 }],
        ['c', { up: false, since: 5000 }],
      ]),
      observations: new Map(),
    });
    assert.equal(judge('c', alone).verdict, 'unknown');
  });

  it('C11: stands while the observers are away: their silence brings no lost box back', () => {
    const alone = { links: new Map(['b', 'c'].map((name) => [name, { up: false, since: 5000 }])), observations: new Map() };
    assert.equal(judge('c', input({ ...alone, before: 'lost' })).verdict, 'lost');
    assert.equal(judge('c', input({ ...alone, before: 'cut-off' })).verdict, 'cut-off');
    assert.equal(judge('c', input({ ...alone, before: 'alive' })).verdict, 'unknown');
    assert.equal(judge('b', input({ before: 'lost' })).verdict, 'alive', 'until it is reached');
  });

  it('is given by the only other box of a pair', () => {
    assert.equal(judge('c', input({ members: ['a', 'c'], observations: new Map() })).verdict, 'lost');
  });

  it('is alive for whoever is reached, and for the box itself', () => {
    assert.equal(judge('b', input()).verdict, 'alive');
    assert.equal(judge('a', input()).verdict, 'alive');
  });
});
