import assert from 'node:assert/strict';
import type { PreVote } from '../../../consensus/core/messages.ts';
import { logIndex, type NodeId, term, tick } from '../../../consensus/core/types.ts';
import { LoneRaft, typesOf } from './lone-raft.ts';

/** n1 follows `leader` in term 1, and has just lost the link to it. */
function orphan(leader: NodeId, voters: readonly NodeId[] = ['n0', 'n1', 'n2'], terms: readonly number[] = [1]): LoneRaft {
  const lone = new LoneRaft({ voters, terms });
  lone.raft.step({
    type: 'PING',
    from: leader,
    to: 'n1',
    term: term(1),
    commitIndex: logIndex(0),
    seq: 1,
    sentAt: tick(0),
    ackSeqSeen: 0,
    ackSeqMajority: 0,
    electionTicks: 0,
    restTicks: 0,
    lastIndex: logIndex(0),
  });
  lone.saved();
  assert.equal(lone.raft.view().leader, leader);
  lone.raft.step({ type: 'LINK_LOST', peer: leader });
  lone.pass(1);
  return lone;
}

const preVote = (from: NodeId, lastIndex: number, poll = 1): PreVote => ({
  type: 'PREVOTE',
  from,
  to: 'n1',
  term: term(2),
  poll,
  lastTerm: term(lastIndex === 0 ? 0 : 1),
  lastIndex: logIndex(lastIndex),
  reason: 'link-lost',
});

/** Its answer to a poll of another member that lost the leader, too. */
function answer(lone: LoneRaft, message: PreVote): boolean | undefined {
  lone.raft.step(message);
  const reply = lone.saved().messages.find(({ type }) => type === 'PREVOTE_REPLY');
  return reply?.type === 'PREVOTE_REPLY' ? reply.granted : undefined;
}

describe('two members that lose the leader together', () => {
  it('K1: the earlier by name refuses the later, so that only one campaigns', () => {
    const lone = orphan('n0');
    assert.deepEqual(typesOf(lone.saved().messages), ['PREVOTE', 'PREVOTE']);
    assert.equal(answer(lone, preVote('n2', 1)), false);
    assert.equal(lone.raft.view().role, 'preCandidate');
  });

  it('K1: the later by name grants the earlier, and leaves it the time of a round', () => {
    const lone = orphan('n2');
    lone.pass(1);
    assert.equal(lone.raft.view().role, 'preCandidate');
    assert.equal(answer(lone, preVote('n0', 1)), true);
    assert.equal(lone.raft.view().role, 'follower');
    lone.pass(2);
    assert.equal(lone.raft.view().role, 'follower', 'it does not poll again at once');
    lone.pass(5);
    assert.equal(lone.raft.view().role, 'preCandidate', 'but soon, should the other fail');
  });

  it('K1: the earlier gives way to a longer log: it could not win', () => {
    const lone = orphan('n0', ['n0', 'n1', 'n2'], [1]);
    assert.equal(answer(lone, preVote('n2', 2)), true);
    assert.equal(lone.raft.view().role, 'follower');
  });

  it('K1: a split vote is over when everybody who can answer has answered, not at the timeout', () => {
    const lone = orphan('n0');
    const poll = lone.saved().messages.find(({ type }) => type === 'PREVOTE') as PreVote;
    lone.raft.step({ type: 'PREVOTE_REPLY', from: 'n2', to: 'n1', term: poll.term, poll: poll.poll, granted: true, conditional: false });
    lone.saved();
    assert.equal(lone.raft.view().role, 'candidate');
    lone.raft.step({ type: 'VOTE_REPLY', from: 'n2', to: 'n1', term: lone.term, granted: false });
    assert.equal(lone.raft.view().role, 'follower');
    lone.pass(6);
    assert.equal(lone.raft.view().role, 'preCandidate', 'the next attempt comes within some 50 ms');
  });
});
