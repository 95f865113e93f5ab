import assert from 'node:assert/strict';
import { Configurations } from '../../../consensus/core/configurations.ts';
import { countBallots, majorityReached } from '../../../consensus/core/membership.ts';
import { decodeChanges, decodeMembership, encodeChanges, encodeMembership } from '../../../consensus/core/membership-bytes.ts';
import { changedMembership, firstStep, lastStep } from '../../../consensus/core/membership-change.ts';
import type { Message } from '../../../consensus/core/messages.ts';
import { logIndex, type Membership, type RoleChange, term } from '../../../consensus/core/types.ts';
import { LoneRaft } from './lone-raft.ts';

const three: Membership = { voters: ['n1', 'n2', 'n3'], learners: ['n4'] };

/** A leader with its term begun: n1, elected by n2, with everything acknowledged by n2. */
function leading(learners: readonly string[] = []): LoneRaft {
  const lone = new LoneRaft({ learners });
  lone.elect();
  settle(lone);
  return lone;
}

/** Everything in the log is saved here, acknowledged by n2 and applied. */
function settle(lone: LoneRaft, by: readonly string[] = ['n2']): void {
  for (let turn = 0; turn < 4; turn += 1) {
    lone.saved();
    for (const peer of by) lone.ack(peer, lone.raft.view().lastIndex);
    lone.saved();
    lone.raft.advance(lone.raft.view().commitIndex);
  }
}

function change(lone: LoneRaft, ...changes: readonly RoleChange[]): string {
  lone.raft.changeMembership(7, changes);
  const { refused, accepted } = lone.saved();
  return refused[0]?.code ?? (accepted.length === 1 ? 'accepted' : 'nothing');
}

const appendsTo = (messages: readonly Message[], to: string) =>
  messages.flatMap((message) => (message.type === 'APPEND' && message.to === to ? [message] : []));

describe('membership', () => {
  it('K11: changes are refused that make no membership which can work', () => {
    const refusals: readonly (readonly [readonly RoleChange[], string])[] = [
      [[{ id: 'n5', role: 'voter' }], 'BAD_CHANGE'],
      [
        [
          { id: 'n1', role: 'none' },
          { id: 'n1', role: 'learner' },
        ],
        'BAD_CHANGE',
      ],
      [['n1', 'n2', 'n3'].map((id) => ({ id, role: 'none' })), 'BAD_CHANGE'],
      [[{ id: 'n2', role: 'witness-learner' }], 'BAD_CHANGE'],
      [[{ id: 'n2', role: 'voter' }], 'NO_CHANGE'],
      [[{ id: 'n9', role: 'none' }], 'NO_CHANGE'],
    ];
    for (const [changes, code] of refusals) assert.equal(changedMembership(three, changes), code, JSON.stringify(changes));
    const withWitnesses: Membership = { voters: ['n1', 'w1'], learners: ['w2'], witnesses: ['w1', 'w2'] };
    assert.equal(changedMembership(withWitnesses, [{ id: 'w2', role: 'voter' }]), 'BAD_CHANGE', 'two witnesses that vote');
    assert.equal(changedMembership(withWitnesses, [{ id: 'n1', role: 'none' }]), 'BAD_CHANGE', 'nobody with the data');
    const ten = Array.from({ length: 9 }, (_, at) => `n${at}`);
    assert.equal(changedMembership({ voters: ten, learners: ['x'] }, [{ id: 'x', role: 'voter' }]), 'BAD_CHANGE', 'ten voters');
  });

  it('K11: a change of voters goes by way of both memberships, one of learners does not', () => {
    const promoted = changedMembership(three, [
      { id: 'n4', role: 'voter' },
      { id: 'n1', role: 'none' },
    ]);
    assert.ok(typeof promoted !== 'string');
    const joint = firstStep(three, promoted);
    assert.deepEqual(joint, { voters: ['n2', 'n3', 'n4'], votersBefore: ['n1', 'n2', 'n3'], learners: [], witnesses: [] });
    assert.deepEqual(lastStep(joint), { voters: ['n2', 'n3', 'n4'], votersBefore: [], learners: [], witnesses: [] });
    const added = changedMembership(three, [{ id: 'n5', role: 'learner' }]);
    assert.ok(typeof added !== 'string');
    assert.deepEqual(firstStep(three, added), { voters: ['n1', 'n2', 'n3'], votersBefore: [], learners: ['n4', 'n5'], witnesses: [] });
  });

  it('K11: during a change a majority of each group is needed', () => {
    const joint: Membership = { voters: ['n4', 'n5', 'n6'], votersBefore: ['n1', 'n2', 'n3'], learners: [] };
    const by = (...granting: readonly string[]) => countBallots(joint, (id) => (granting.includes(id) ? 'granted' : undefined));
    assert.equal(by('n1', 'n2', 'n3', 'n4'), 'open');
    assert.equal(by('n4', 'n5', 'n6', 'n1'), 'open');
    assert.equal(by('n4', 'n5', 'n1', 'n2'), 'won');
    assert.equal(
      countBallots(joint, (id) => (['n1', 'n2'].includes(id) ? 'refused' : 'granted')),
      'lost',
    );
    assert.equal(
      majorityReached(joint, (id) => (id < 'n4' ? 9 : id === 'n4' ? 5 : 2)),
      2,
    );
  });

  it('a membership reads back as it was, in one form only; what is none is not read', () => {
    const joint: Membership = { voters: ['n1'], votersBefore: ['n2', 'w'], learners: ['n3.2'], witnesses: ['w'] };
    assert.deepEqual(decodeMembership(encodeMembership(joint)), joint);
    const text = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
    const nothing = { votersBefore: [], learners: [], witnesses: [] };
    for (const wrong of [
      '{',
      [],
      { voters: ['n1'] },
      { voters: ['n1', 'n1'], ...nothing },
      { voters: ['N 1'], ...nothing },
      { voters: ['n1'], ...nothing, learners: ['n1'] },
      { voters: ['n1'], ...nothing, witnesses: ['n2'] },
      ` ${new TextDecoder().decode(encodeMembership(joint))}`,
    ])
      assert.equal(decodeMembership(text(wrong)), undefined, JSON.stringify(wrong));
    const changes: readonly RoleChange[] = [{ id: 'n1', role: 'none' }];
    assert.deepEqual(decodeChanges(encodeChanges(changes)), changes);
    for (const wrong of ['[]', '{}', '[{"id":"n1","role":"king"}]', '[1]']) assert.equal(decodeChanges(text(wrong)), undefined, wrong);
  });

  it('K11: the membership is the last one in the log, and goes with a tail that is replaced', () => {
    const entry = (index: number, voters: readonly string[]) =>
      ({
        term: term(1),
        index: logIndex(index),
        kind: 'configuration',
        origin: undefined,
        data: encodeMembership({ voters, learners: [] }),
      }) as const;
    const known = new Configurations(logIndex(0), { voters: ['n1'], learners: [] }, [entry(3, ['n1', 'n2']), entry(5, ['n2'])]);
    assert.equal(known.latest.index, 5);
    assert.deepEqual(known.at(logIndex(4)).voters, ['n1', 'n2']);
    assert.ok(!known.truncateFrom(logIndex(6)));
    assert.ok(known.truncateFrom(logIndex(5)));
    assert.deepEqual(known.latest.membership.voters, ['n1', 'n2']);
    known.compact(logIndex(4));
    assert.deepEqual(known.at(logIndex(4)).voters, ['n1', 'n2']);
    assert.ok(!known.truncateFrom(logIndex(4)), 'the oldest one stays');
  });

  it('K11: one change at a time, and none before the term has begun', () => {
    const early = new LoneRaft({ learners: ['n4'] });
    early.elect();
    assert.equal(change(early, { id: 'n4', role: 'none' }), 'CHANGE_UNDER_WAY');
    const lone = leading(['n4', 'n5']);
    assert.equal(change(lone, { id: 'n4', role: 'none' }), 'accepted');
    assert.equal(change(lone, { id: 'n5', role: 'none' }), 'CHANGE_UNDER_WAY');
    settle(lone);
    assert.equal(change(lone, { id: 'n5', role: 'none' }), 'accepted');
    settle(lone);
    assert.equal(change(lone, { id: 'n5', role: 'none' }), 'NO_CHANGE');
  });

  it('K11: a learner votes only once it has caught up', () => {
    const lone = leading(['n4']);
    assert.equal(change(lone, { id: 'n4', role: 'voter' }), 'NOT_CAUGHT_UP');
    lone.ack('n4', lone.raft.view().lastIndex);
    lone.saved();
    assert.equal(change(lone, { id: 'n4', role: 'voter' }), 'accepted');
    assert.deepEqual(lone.raft.view().membership.votersBefore, ['n1', 'n2', 'n3']);
  });

  it('K11: the first step counts from the moment it is in the log; the second follows by itself', () => {
    const lone = leading(['n4']);
    lone.ack('n4', lone.raft.view().lastIndex);
    lone.saved();
    assert.equal(change(lone, { id: 'n4', role: 'voter' }, { id: 'n3', role: 'none' }, { id: 'n2', role: 'none' }), 'accepted');
    const joint = lone.raft.view().lastIndex;
    lone.ack('n2', joint);
    lone.saved();
    assert.ok(lone.raft.view().commitIndex < joint, 'a majority of the old voters alone commits nothing');
    lone.ack('n4', joint);
    lone.saved();
    assert.ok(lone.raft.view().commitIndex >= joint);
    assert.deepEqual(lone.raft.view().membership, { voters: ['n1', 'n4'], votersBefore: [], learners: [], witnesses: [] });
    lone.ack('n2', joint + 1);
    lone.saved();
    assert.equal(lone.raft.view().commitIndex, joint, 'who leaves does not count for the last step');
    lone.ack('n4', joint + 1);
    const told = lone.saved().messages;
    assert.equal(lone.raft.view().commitIndex, joint + 1);
    assert.equal(appendsTo(told, 'n2').at(-1)?.commitIndex, joint + 1, 'who left learns that it did');
    assert.deepEqual(
      lone.raft.view().peers.map(({ id }) => id),
      ['n4'],
    );
  });

  it('K11: a leader that leaves leads until the change is committed, and hands over', () => {
    const lone = leading();
    assert.equal(change(lone, { id: 'n1', role: 'none' }), 'accepted');
    for (const peer of ['n2', 'n3']) lone.ack(peer, lone.raft.view().lastIndex);
    lone.saved();
    assert.equal(lone.raft.view().role, 'leader');
    const last = lone.raft.view().lastIndex;
    lone.ack('n2', last);
    lone.ack('n3', last);
    const { messages } = lone.saved();
    assert.equal(lone.raft.view().commitIndex, last);
    assert.ok(messages.some(({ type, to }) => type === 'TIMEOUT_NOW' && (to === 'n2' || to === 'n3')));
    lone.pass(41);
    lone.ack('n2', last, 1);
    lone.pass(1);
    assert.equal(lone.raft.view().role, 'follower', 'without a successor it stops all the same');
    lone.pass(200);
    assert.equal(lone.raft.view().role, 'follower', 'and does not campaign');
  });

  it('K11: who is in no membership yet neither campaigns nor refuses entries', () => {
    const lone = new LoneRaft({ voters: [] });
    lone.pass(500);
    assert.equal(lone.raft.view().role, 'follower');
    assert.ok(!lone.ready().messages.some(({ type }) => type === 'PREVOTE'));
  });

  it('K17: a witness is given no payload, and of nothing that is not durable with its payload', () => {
    const lone = new LoneRaft({ voters: ['n1', 'n2', 'w'], witnesses: ['w'] });
    lone.elect();
    settle(lone, ['n2', 'w']);
    lone.raft.propose(9, new Uint8Array(100));
    const before = lone.raft.takeReady();
    assert.equal(appendsTo(before.messages, 'n2').at(-1)?.entries.length, 1);
    assert.equal(appendsTo(before.messages, 'w').flatMap(({ entries }) => entries).length, 0, 'not before this disk has it');
    assert.ok(before.save);
    lone.raft.step({ type: 'SAVED', token: before.save.token });
    const given = appendsTo(lone.raft.takeReady().messages, 'w').flatMap(({ entries }) => entries);
    assert.deepEqual(
      given.map(({ kind, data, origin }) => ({ kind, bytes: data.length, origin })),
      [{ kind: 'command', bytes: 0, origin: undefined }],
    );
    lone.ack('w', lone.raft.view().lastIndex);
    lone.saved();
    assert.equal(lone.raft.view().commitIndex, lone.raft.view().lastIndex, 'it counts for the commit');
  });

  it('K17: a witness that leaves is one until its leaving is committed: of the last step, too, it hears only what is durable', () => {
    const lone = new LoneRaft({ voters: ['n1', 'n2', 'w'], learners: ['n3'], witnesses: ['w'] });
    lone.elect();
    settle(lone, ['n2', 'n3', 'w']);
    lone.raft.changeMembership(5, [
      { id: 'w', role: 'none' },
      { id: 'n3', role: 'voter' },
    ]);
    lone.saved();
    const joint = lone.raft.view().lastIndex;
    for (const peer of ['n2', 'n3']) lone.ack(peer, joint);
    // The joint step is committed: the last one follows, and a command after it.
    lone.raft.propose(9, new Uint8Array(100));
    const ready = lone.raft.takeReady();
    const { lastIndex } = lone.raft.view();
    assert.deepEqual(
      ready.save?.entries.map(({ kind }) => kind),
      ['configuration', 'command'],
    );
    const told = (messages: readonly Message[]) => appendsTo(messages, 'w').flatMap(({ entries }) => entries);
    assert.ok(
      told(ready.messages).every(({ index }) => index < lastIndex - 1),
      'neither is durable anywhere',
    );
    assert.ok(ready.save);
    lone.raft.step({ type: 'SAVED', token: ready.save.token });
    const given = told(lone.raft.takeReady().messages);
    assert.deepEqual([given.at(-1)?.index, given.at(-1)?.kind, given.at(-1)?.data.length], [lastIndex, 'command', 0], 'and no payload');
  });

  it('K17: a witness never campaigns, and nobody hands over to it', () => {
    const witness = new LoneRaft({ voters: ['n1', 'n2', 'n3'], witnesses: ['n1'] });
    witness.pass(500);
    assert.equal(witness.raft.view().role, 'follower');
    const lone = new LoneRaft({ voters: ['n1', 'n2', 'w'], witnesses: ['w'] });
    lone.elect();
    assert.ok(!lone.raft.transferLeadership('w'));
    assert.deepEqual(lone.raft.view().succession, ['n2']);
  });
});
