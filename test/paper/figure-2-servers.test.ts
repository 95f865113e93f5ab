import assert from 'node:assert/strict';
import { logIndex, term } from '../../consensus/core/types.ts';
import { LoneRaft } from '../consensus/core/lone-raft.ts';
import { all, answerTo, appendEntries, appendReply, heartbeat, id, one, preVote, requestVote, sent, voteReply } from './rpc.ts';

/** Wins its poll: from here on it is what the paper calls a candidate. */
function candidate(lone: LoneRaft): void {
  lone.pass(80);
  const poll = all(sent(lone), 'PREVOTE')[0];
  assert.ok(poll, 'it polls');
  lone.raft.step({ type: 'PREVOTE_REPLY', from: 'n2', to: 'n1', term: poll.term, poll: poll.poll, granted: true, conditional: false });
}

/** A leader of three whose log is saved; n2 and n3 have nothing acknowledged yet. */
function leader(terms: readonly number[] = []): LoneRaft {
  const lone = new LoneRaft({ terms });
  lone.elect();
  sent(lone);
  return lone;
}

describe('Raft paper, figure 2, rules for all servers', () => {
  it('Figure 2, all servers 1: what is committed is applied, in order, once', () => {
    const lone = new LoneRaft();
    lone.raft.step(appendEntries('n2', 1, id(0, 0), [1, 1, 1], 2));
    assert.deepEqual(
      lone.saved().committed.map(({ index }) => index),
      [1, 2],
    );
    lone.raft.advance(logIndex(2));
    assert.deepEqual(lone.saved().committed, []);
    lone.raft.step(heartbeat('n2', 1, 3));
    assert.deepEqual(
      lone.saved().committed.map(({ index }) => index),
      [3],
    );
  });

  it('Figure 2, all servers 2: a request or reply of a newer term makes a follower of that term, out of every role', () => {
    const follower = new LoneRaft();
    answerTo(follower, heartbeat('n2', 4));
    assert.deepEqual([follower.raft.view().role, follower.term], ['follower', 4]);

    const campaigning = new LoneRaft();
    candidate(campaigning);
    answerTo(campaigning, voteReply('n3', 9, false));
    assert.deepEqual([campaigning.raft.view().role, campaigning.term], ['follower', 9]);

    const leading = leader();
    answerTo(leading, appendReply('n2', 9, 0));
    assert.deepEqual([leading.raft.view().role, leading.term], ['follower', 9]);
  });

  it('Figure 2, all servers 2: but a poll for a newer term is no newer term (thesis, section 9.6)', () => {
    const lone = new LoneRaft();
    answerTo(lone, preVote('n2', 9));
    assert.equal(lone.term, 0);
  });
});

describe('Raft paper, figure 2, rules for followers', () => {
  it('Figure 2, followers 1: candidates and leaders are answered', () => {
    assert.equal(all(answerTo(new LoneRaft(), requestVote('n2', 1)), 'VOTE_REPLY').length, 1);
    assert.equal(all(answerTo(new LoneRaft(), appendEntries('n2', 1, id(0, 0), [1])), 'ACK').length, 1);
    assert.equal(all(answerTo(new LoneRaft(), heartbeat('n2', 1)), 'ACK').length, 1);
  });

  it('Figure 2, followers 2: an election timeout without a leader or a vote granted starts an election', () => {
    const lone = new LoneRaft();
    lone.pass(39);
    assert.equal(lone.raft.view().role, 'follower');
    lone.pass(1);
    // Holdfast polls first, so that the term stays (PreVote).
    assert.deepEqual([lone.raft.view().role, lone.term], ['preCandidate', 0]);
  });

  it('Figure 2, followers 2: a leader’s message and a granted vote start the timeout anew, a refused one does not', () => {
    for (const message of [heartbeat('n2', 1), appendEntries('n2', 1, id(0, 0), []), requestVote('n2', 1)]) {
      const lone = new LoneRaft({ term: 1 });
      lone.pass(30);
      answerTo(lone, message);
      lone.pass(39);
      assert.equal(lone.raft.view().role, 'follower', message.type);
      lone.pass(1);
      assert.equal(lone.raft.view().role, 'preCandidate', message.type);
    }
    const refusing = new LoneRaft({ term: 1, votedFor: 'n3' });
    refusing.pass(30);
    answerTo(refusing, requestVote('n2', 1));
    refusing.pass(10);
    assert.equal(refusing.raft.view().role, 'preCandidate');
  });
});

describe('Raft paper, figure 2, rules for candidates', () => {
  it('Figure 2, candidates 1: it enters a new term, votes for itself, starts its timer and asks all others', () => {
    const lone = new LoneRaft({ terms: [1, 2] });
    candidate(lone);
    const { save, messages } = lone.ready();
    assert.deepEqual(all(messages, 'VOTE'), [], 'not before its own vote is durable');
    assert.deepEqual(save?.hardState, { term: 3, votedFor: 'n1' });
    assert.deepEqual(
      all(save?.messagesAfterSave ?? [], 'VOTE').map(({ to, term: inTerm, lastTerm, lastIndex }) => [to, inTerm, lastTerm, lastIndex]),
      [
        ['n2', 3, 2, 2],
        ['n3', 3, 2, 2],
      ],
    );
    lone.pass(39);
    assert.equal(lone.raft.view().role, 'candidate');
    lone.pass(1);
    assert.notEqual(lone.raft.view().role, 'candidate');
  });

  it('Figure 2, candidates 2: votes of a majority make it leader, no fewer, and no vote twice', () => {
    const lone = new LoneRaft({ voters: ['n1', 'n2', 'n3', 'n4', 'n5'] });
    lone.pass(40);
    const poll = all(sent(lone), 'PREVOTE')[0];
    for (const from of ['n2', 'n3'])
      lone.raft.step({ type: 'PREVOTE_REPLY', from, to: 'n1', term: term(1), poll: poll?.poll ?? 0, granted: true, conditional: false });
    sent(lone);
    for (const message of [voteReply('n2', 1), voteReply('n2', 1), voteReply('n4', 1, false), voteReply('n9', 1)]) lone.raft.step(message);
    assert.equal(lone.raft.view().role, 'candidate');
    lone.raft.step(voteReply('n3', 1));
    assert.equal(lone.raft.view().role, 'leader');
  });

  it('Figure 2, candidates 2: votes of another term do not count', () => {
    const lone = new LoneRaft({ terms: [1] });
    candidate(lone);
    sent(lone);
    lone.raft.step(voteReply('n2', 1));
    assert.equal(lone.raft.view().role, 'candidate');
  });

  it('Figure 2, candidates 3: AppendEntries of the new leader makes it a follower', () => {
    const lone = new LoneRaft();
    candidate(lone);
    sent(lone);
    answerTo(lone, appendEntries('n3', 1, id(0, 0), [1]));
    const { role, leader: of, lastIndex } = lone.raft.view();
    assert.deepEqual([role, of, lastIndex], ['follower', 'n3', 1]);
  });

  it('Figure 2, candidates 4: an election timeout starts another election', () => {
    const lone = new LoneRaft();
    candidate(lone);
    sent(lone);
    assert.equal(lone.term, 1);
    candidate(lone);
    assert.deepEqual([lone.raft.view().role, lone.term], ['candidate', 2]);
  });
});

describe('Raft paper, figure 2, rules for leaders', () => {
  it('Figure 2, leaders 1: heartbeats go out upon election and again in idle times, before any follower’s timeout', () => {
    const lone = new LoneRaft();
    lone.elect();
    assert.equal(all(lone.ready().messages, 'PING').length, 2);
    for (let beat = 0; beat < 10; beat += 1) {
      lone.ack('n2', 0, beat + 1);
      lone.pass(10);
      assert.equal(all(lone.ready().messages, 'PING').length, 2);
    }
  });

  it('Figure 2, leaders 2: a command is appended to its log, and handed over to be applied only once it is committed', () => {
    const lone = leader();
    lone.raft.propose(1, new Uint8Array(1));
    const taken = lone.saved();
    assert.equal(taken.save?.entries.length, 1);
    assert.deepEqual(taken.committed, []);
    lone.ack('n2', 2);
    assert.deepEqual(
      lone.saved().committed.map(({ index, origin }) => [index, origin?.requestId ?? 0]),
      [
        [1, 0],
        [2, 1],
      ],
    );
  });

  it('Figure 2, leaders 3: who is behind is sent the entries from nextIndex on', () => {
    const lone = leader([1, 1]);
    lone.raft.step(appendReply('n2', 2, 0, { prevIndex: logIndex(2), hintTerm: term(1), hintIndex: logIndex(1) }));
    const append = one(
      all(sent(lone), 'APPEND').filter(({ to }) => to === 'n2'),
      'APPEND',
    );
    assert.deepEqual([append?.prevIndex, append?.prevTerm, append?.entries.map(({ index }) => index)], [1, 1, [2, 3]]);
  });

  it('Figure 2, leaders 3: success moves nextIndex and matchIndex, and never back', () => {
    const lone = leader([1, 1]);
    const n2 = () => lone.raft.view().peers.find(({ id: peer }) => peer === 'n2');
    lone.ack('n2', 3);
    assert.deepEqual([n2()?.match, n2()?.next], [3, 4]);
    lone.ack('n2', 1);
    assert.deepEqual([n2()?.match, n2()?.next], [3, 4]);
  });

  it('Figure 2, leaders 3: a refusal moves nextIndex back, and the entries are sent again until they fit', () => {
    const lone = leader([1, 1, 1, 1]);
    for (const hint of [3, 2, 1, 0]) {
      lone.raft.step(
        appendReply('n2', 2, 0, { prevIndex: logIndex(hint + 1), hintTerm: term(hint === 0 ? 0 : 1), hintIndex: logIndex(hint) }),
      );
      const append = all(sent(lone), 'APPEND').find(({ to }) => to === 'n2');
      assert.equal(append?.prevIndex, hint);
      assert.equal(append?.entries.at(-1)?.index, 5);
    }
  });

  it('Figure 2, leaders 4: commitIndex is the highest N that a majority holds, if its term is the present one', () => {
    const lone = leader([1, 1]);
    lone.ack('n2', 2);
    assert.equal(lone.raft.view().commitIndex, 0, 'entry 2 is of term 1');
    lone.ack('n3', 1);
    assert.equal(lone.raft.view().commitIndex, 0);
    lone.ack('n3', 3);
    assert.equal(lone.raft.view().commitIndex, 3);
  });

  it('Figure 2, leaders 4: its own copy counts only once it is durable', () => {
    const lone = new LoneRaft();
    lone.elect();
    const { save } = lone.ready();
    lone.ack('n2', 1);
    assert.equal(lone.raft.view().commitIndex, 0);
    lone.raft.step({ type: 'SAVED', token: save?.token ?? 0 });
    assert.equal(lone.raft.view().commitIndex, 1);
  });
});
