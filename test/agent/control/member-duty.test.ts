import assert from 'node:assert/strict';
import { canSpare, MemberDuty, type MemberFacts, nextChanges } from '../../../agent/control/member-duty.ts';
import type { Command } from '../../../agent/state/commands.ts';
import type { MemberRow } from '../../../agent/state/member-table.ts';
import { type Membership, type RoleChange, term } from '../../../consensus/core/types.ts';
import type { KnownStart } from '../../../consensus/driver/standing.ts';

const site: Membership = { voters: ['a', 'b', 'c'], learners: ['d'] };
const row = (role: MemberRow['role'], replacedBy?: string): MemberRow => ({
  peerId: 'key',
  address: '',
  role,
  revision: 1,
  ...(replacedBy === undefined ? {} : { replacedBy }),
});
const facts: MemberFacts = { recorded: new Map(), answers: () => true };
const steps = (membership: Membership, wanted: Readonly<Record<string, MemberRow>>) =>
  nextChanges(membership, new Map(Object.entries(wanted)), facts).map((changes) =>
    changes.map(({ id, role }) => `${id}:${role}`).join(' '),
  );

describe('the duty to bring the membership to what was asked for', () => {
  it('K11: has nothing to do when all is as asked, and waits while a change is between its steps', () => {
    assert.deepEqual(steps(site, {}), []);
    assert.deepEqual(steps(site, { a: row('voter'), d: row('learner'), gone: row('none') }), []);
    assert.deepEqual(steps({ ...site, votersBefore: ['a', 'b'] }, { e: row('voter') }), []);
  });

  it('K11: lets boxes in as learners before anything else, then gives votes, and lets go', () => {
    assert.deepEqual(steps(site, { e: row('voter'), f: row('learner'), d: row('voter'), c: row('none') }), ['e:learner f:learner']);
    assert.deepEqual(steps(site, { d: row('voter'), b: row('learner'), c: row('none') }), ['d:voter', 'b:learner', 'c:none']);
  });

  it('K11: a replaced box leaves in the step in which its successor gets its vote, not before', () => {
    assert.deepEqual(steps(site, { d: row('voter'), b: row('none', 'd') }), ['d:voter b:none']);
    assert.deepEqual(steps({ voters: ['a', 'b', 'c'], learners: [] }, { d: row('voter'), b: row('none', 'd') }), ['d:learner']);
    assert.deepEqual(steps({ voters: ['a', 'b', 'c', 'd'], learners: [] }, { d: row('voter'), b: row('none', 'd') }), ['b:none']);
    assert.deepEqual(steps(site, { d: row('none'), b: row('none', 'd') }), ['d:none', 'b:none'], 'a successor that is to leave itself');
  });

  it('K13: what a healing box was leaves first, then it joins as what it has become, and votes', () => {
    const heals = { b: { ...row('voter'), healing: 9 } };
    const knows = (incarnation: number): MemberFacts => ({ recorded: new Map([['b', { incarnation }]]), answers: (name) => name !== 'b' });
    const next = (membership: Membership, incarnation: number) =>
      nextChanges(membership, new Map(Object.entries(heals)), knows(incarnation));
    assert.deepEqual(next(site, 7), [[{ id: 'b', role: 'none' }]]);
    assert.deepEqual(next({ voters: ['a', 'c'], learners: [] }, 7), [], 'it is not known by its new incarnation yet');
    assert.deepEqual(next({ voters: ['a', 'c'], learners: [] }, 9), [[{ id: 'b', role: 'learner' }]]);
    assert.deepEqual(next({ voters: ['a', 'c'], learners: ['b'] }, 9), [[{ id: 'b', role: 'voter' }]]);
    assert.deepEqual(next(site, 9), []);
  });

  it('K13: nobody leaves to heal whom the others cannot do without', () => {
    const spare = (voters: readonly string[], silent: readonly string[], witnesses: readonly string[] = []): boolean =>
      canSpare({ voters, learners: [], witnesses }, 'b', (name) => !silent.includes(name));
    assert.equal(spare(['a', 'b', 'c'], ['b']), true);
    assert.equal(spare(['a', 'b', 'c'], ['b', 'c']), false);
    assert.equal(spare(['a', 'b'], ['b']), false, 'one of two is no majority');
    assert.equal(spare(['b'], []), false);
    assert.equal(spare(['a', 'b', 'c', 'd', 'e'], ['b', 'c']), true);
    assert.equal(spare(['a', 'b', 'c', 'd', 'e'], ['b', 'c', 'd']), false);
    assert.equal(spare(['b', 'v', 'w'], ['b'], ['v', 'w']), false, 'nobody would keep the data');
  });

  it('K11: one that cannot be done now does not keep the others from being done; only the leader acts', async () => {
    const asked: (RoleChange | undefined)[] = [];
    const warned: string[] = [];
    let leading = false;
    const duty = new MemberDuty({
      leadsIn: () => (leading ? term(1) : undefined),
      membership: () => ({ voters: ['a', 'b', 'c'], learners: ['d', 'e'] }),
      wanted: () =>
        new Map([
          ['d', row('voter')],
          ['e', row('voter')],
        ]),
      change: (changes, inTerm) => {
        assert.equal(inTerm, 1, 'for this leader only');
        asked.push(changes[0]);
        return Promise.reject(Object.assign(new Error('no'), { code: 'NOT_CAUGHT_UP' }));
      },
      isSettled: () => true,
      heard: () => new Map(),
      recorded: () => new Map(),
      answers: () => true,
      moved: () => undefined,
      propose: () => Promise.reject(new Error('nothing to write down')),
      log: { debug: () => {}, info: () => {}, warn: (event) => void warned.push(event), error: () => {} },
    });
    duty.check();
    assert.equal(asked.length, 0);
    leading = true;
    for (let look = 0; look < 2; look += 1) {
      duty.check();
      duty.check();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(
      asked.map((first) => first?.id),
      ['d', 'e'],
    );
    assert.deepEqual(warned, []);
  });

  it('K13: writes down who greets for the first time, who was started again, and who has left for good, once', async () => {
    const wanted = new Map([
      ['gone', row('none')],
      ['c', row('none')],
    ]);
    const recorded = new Map<string, KnownStart>([['a', { incarnation: 7, run: 3, start: 33 }]]);
    const proposed: Command[] = [];
    const duty = new MemberDuty({
      leadsIn: () => term(1),
      membership: () => ({ voters: ['a', 'b', 'c'], learners: [] }),
      wanted: () => wanted,
      change: () => Promise.resolve(),
      isSettled: () => true,
      heard: () =>
        new Map([
          ['a', { incarnation: 7, run: 4, start: 44 }],
          ['b', { incarnation: 9 }],
          ['stranger', { incarnation: 11 }],
        ]),
      recorded: () => recorded,
      answers: () => true,
      moved: () => undefined,
      propose: (command, inTerm) => {
        assert.equal(inTerm, 1, 'for this leader only');
        proposed.push(command);
        if (command.type === 'memberGone') wanted.delete(command.name);
        if (command.type === 'memberSeen') recorded.set(command.name, command);
        return Promise.resolve();
      },
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    });
    for (let look = 0; look < 6; look += 1) {
      duty.check();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(proposed, [
      { type: 'memberGone', name: 'gone' },
      { type: 'memberSeen', name: 'a', incarnation: 7, run: 4, start: 44 },
      { type: 'memberSeen', name: 'b', incarnation: 9 },
    ]);
  });
});
