import assert from 'node:assert/strict';
import { encodeMembership } from '../../consensus/core/membership-bytes.ts';
import type { Append } from '../../consensus/core/messages.ts';
import { logIndex, type Membership, type NodeId, type RoleChange, term } from '../../consensus/core/types.ts';
import { LoneRaft } from '../consensus/core/lone-raft.ts';
import { all, answerTo, appendEntries, heartbeat, id, one, preVote, requestVote, sent, voteReply } from './rpc.ts';

/** A leader of n1, n2, n3 with its term begun. */
function leader(learners: readonly NodeId[] = []): LoneRaft {
  const lone = new LoneRaft({ learners });
  lone.elect();
  sent(lone);
  acked(lone, 'n2');
  return lone;
}

/** These peers acknowledge all that is there, and what is committed is applied. */
function acked(lone: LoneRaft, ...peers: readonly NodeId[]): void {
  const { lastIndex } = lone.raft.view();
  for (const peer of peers) lone.ack(peer, lastIndex);
  sent(lone);
  lone.raft.advance(lone.raft.view().commitIndex);
}

function change(lone: LoneRaft, ...changes: readonly RoleChange[]): string {
  lone.raft.changeMembership(1, changes);
  return lone.saved().refused[0]?.code ?? 'taken';
}

/** AppendEntries that brings a membership as entry 1. */
const configuration = (membership: Membership): Append => ({
  ...appendEntries('n2', 1, id(0, 0), []),
  entries: [{ ...id(1, 1), kind: 'configuration', origin: undefined, data: encodeMembership(membership) }],
});

const joint: Membership = { voters: ['n1', 'n4', 'n5'], votersBefore: ['n1', 'n2', 'n3'], learners: [], witnesses: [] };

/** Its disk holds `joint`, uncommitted, and it asks for votes. */
function jointCandidate(): LoneRaft {
  const lone = new LoneRaft();
  answerTo(lone, configuration(joint));
  lone.pass(40);
  const poll = all(sent(lone), 'PREVOTE')[0];
  for (const from of ['n2', 'n4'])
    lone.raft.step({ type: 'PREVOTE_REPLY', from, to: 'n1', term: term(2), poll: poll?.poll ?? 0, granted: true, conditional: false });
  assert.equal(lone.raft.view().role, 'candidate');
  sent(lone);
  return lone;
}

describe('Raft paper, section 6, cluster membership changes', () => {
  it('Section 6, joint consensus: entries go to the servers of both configurations', () => {
    const lone = leader(['n4']);
    acked(lone, 'n4');
    change(lone, { id: 'n4', role: 'voter' }, { id: 'n3', role: 'none' });
    lone.raft.propose(2, new Uint8Array(1));
    assert.deepEqual(new Set(lone.raft.view().peers.map(({ id: peer }) => peer)), new Set(['n2', 'n3', 'n4']));
    acked(lone, 'n2', 'n3', 'n4');
    assert.ok(lone.raft.view().commitIndex >= 3);
    const elected = jointCandidate();
    for (const from of ['n2', 'n4']) elected.raft.step(voteReply(from, 2));
    assert.deepEqual(
      all(sent(elected), 'APPEND').map(({ to }) => to),
      ['n2', 'n3', 'n4', 'n5'],
    );
  });

  it('Section 6, joint consensus: any server of either configuration may ask for votes and lead', () => {
    for (const from of ['n3', 'n5']) {
      const lone = new LoneRaft();
      answerTo(lone, configuration(joint));
      lone.pass(80);
      sent(lone);
      assert.equal(one(answerTo(lone, requestVote(from, 2, { last: id(1, 1) })), 'VOTE_REPLY')?.granted, true, from);
    }
    assert.equal(jointCandidate().raft.view().role, 'candidate');
  });

  it('Section 6, joint consensus: an election needs a majority of the old and of the new servers', () => {
    for (const [votes, won] of [
      [['n2', 'n3'], false],
      [['n4', 'n5'], false],
      [['n2', 'n5'], true],
    ] as const) {
      const lone = jointCandidate();
      for (const from of votes) lone.raft.step(voteReply(from, 2));
      assert.equal(lone.raft.view().role, won ? 'leader' : 'candidate', votes.join());
    }
  });

  it('Section 6, joint consensus: a commit needs a majority of the old and of the new servers', () => {
    const lone = leader(['n4', 'n5']);
    acked(lone, 'n4', 'n5');
    change(lone, { id: 'n4', role: 'voter' }, { id: 'n5', role: 'voter' }, { id: 'n3', role: 'none' }, { id: 'n2', role: 'none' });
    const index = lone.raft.view().lastIndex;
    acked(lone, 'n2', 'n3');
    assert.ok(lone.raft.view().commitIndex < index, 'the old ones alone');
    const other = leader(['n4', 'n5']);
    acked(other, 'n4', 'n5');
    change(other, { id: 'n4', role: 'voter' }, { id: 'n5', role: 'voter' }, { id: 'n3', role: 'none' }, { id: 'n2', role: 'none' });
    acked(other, 'n4', 'n5');
    assert.ok(other.raft.view().commitIndex < index, 'the new ones alone');
    acked(other, 'n2');
    assert.ok(other.raft.view().commitIndex >= index);
  });

  it('Section 6: a server uses the latest configuration in its log, committed or not, and the one before when that is replaced', () => {
    const lone = new LoneRaft();
    answerTo(lone, configuration(joint));
    assert.equal(lone.raft.view().commitIndex, 0);
    assert.deepEqual(lone.raft.view().membership, joint);
    answerTo(lone, appendEntries('n3', 2, id(0, 0), [2]));
    assert.deepEqual(lone.raft.view().membership.voters, ['n1', 'n2', 'n3']);
  });

  it('Section 6: C_new is written once C_old,new is committed, not before', () => {
    const lone = leader(['n4']);
    acked(lone, 'n4');
    lone.raft.propose(2, new Uint8Array(1));
    change(lone, { id: 'n4', role: 'voter' });
    const index = lone.raft.view().lastIndex;
    assert.equal(lone.raft.view().membershipIndex, index);
    for (const peer of ['n2', 'n4']) lone.ack(peer, index - 1);
    sent(lone);
    assert.deepEqual([lone.raft.view().membershipIndex, lone.raft.view().commitIndex], [index, index - 1]);
    // Four voters with n4, of which three are needed; three before, of which two are.
    acked(lone, 'n2');
    assert.deepEqual([lone.raft.view().membershipIndex, lone.raft.view().commitIndex], [index, index - 1]);
    acked(lone, 'n4');
    assert.deepEqual([lone.raft.view().membershipIndex, lone.raft.view().membership.votersBefore], [index + 1, []]);
  });

  it('Section 6: new servers join without a vote, and vote only once they have caught up', () => {
    const lone = leader(['n4']);
    assert.equal(change(lone, { id: 'n9', role: 'voter' }), 'BAD_CHANGE');
    assert.equal(change(lone, { id: 'n4', role: 'voter' }), 'NOT_CAUGHT_UP');
    const { commitIndex } = lone.raft.view();
    lone.raft.propose(2, new Uint8Array(1));
    sent(lone);
    acked(lone, 'n4');
    assert.equal(lone.raft.view().commitIndex, commitIndex, 'its copy does not count');
    assert.equal(change(lone, { id: 'n4', role: 'voter' }), 'taken');
  });

  it('Section 6: a leader that is not in C_new leads until that is committed, without counting itself, and ends', () => {
    const lone = leader();
    change(lone, { id: 'n1', role: 'none' });
    acked(lone, 'n2', 'n3');
    const last = lone.raft.view().lastIndex;
    assert.deepEqual(lone.raft.view().membership.voters, ['n2', 'n3']);
    acked(lone, 'n2');
    assert.deepEqual([lone.raft.view().role, lone.raft.view().commitIndex], ['leader', last - 1]);
    lone.ack('n3', last);
    assert.equal(lone.raft.view().commitIndex, last);
    for (const ticks of [20, 19, 2]) {
      assert.equal(lone.raft.view().role, 'leader', 'it may take so long to hand over');
      for (const peer of ['n2', 'n3']) lone.ack(peer, last, 1);
      lone.pass(ticks);
    }
    assert.equal(lone.raft.view().role, 'follower');
  });

  it('Section 6: removed servers cannot disrupt: votes are refused while a leader was heard within the shortest election timeout', () => {
    const lone = new LoneRaft();
    answerTo(lone, heartbeat('n2', 1));
    lone.pass(39);
    assert.deepEqual(answerTo(lone, requestVote('n9', 7, { last: id(7, 7) })), [], 'the paper: disregarded');
    assert.equal(lone.term, 1, 'its term is not even taken over');
    lone.pass(1);
    sent(lone);
    answerTo(lone, requestVote('n3', 7, { last: id(7, 7) }));
    assert.equal(lone.term, 7);
  });

  it('Section 6: nor while it leads itself', () => {
    const lone = leader();
    assert.deepEqual(answerTo(lone, requestVote('n9', 7, { last: id(7, 7) })), []);
    assert.equal(one(answerTo(lone, preVote('n9', 7, { last: id(7, 7) })), 'PREVOTE_REPLY')?.granted, false);
    assert.deepEqual([lone.raft.view().role, lone.term], ['leader', 1]);
  });

  it('Section 6: a witness (not in the paper) counts for elections and commits, and never asks for votes', () => {
    const lone = new LoneRaft({ voters: ['n1', 'n2', 'w'], witnesses: ['w'] });
    lone.elect();
    sent(lone);
    lone.ack('w', 1);
    assert.equal(lone.raft.view().commitIndex, 1);
    const witness = new LoneRaft({ witnesses: ['n1'] });
    witness.pass(1000);
    assert.deepEqual(all(sent(witness), 'PREVOTE'), []);
    assert.equal(one(answerTo(witness, requestVote('n2', 1)), 'VOTE_REPLY')?.granted, true);
  });

  it('Section 6: the change is refused whose members could never agree', () => {
    const lone = leader();
    assert.equal(change(lone, ...['n1', 'n2', 'n3'].map((peer): RoleChange => ({ id: peer, role: 'none' }))), 'BAD_CHANGE');
    assert.equal(lone.raft.view().membershipIndex, logIndex(0));
  });
});
