import assert from 'node:assert/strict';
import { InvariantError } from '../../consensus/core/invariant.ts';
import { LoneRaft } from '../consensus/core/lone-raft.ts';
import { all, answerTo, appendEntries, heartbeat, id, one, requestVote } from './rpc.ts';

describe('Raft paper, figure 2, AppendEntries receiver', () => {
  it('Figure 2, AppendEntries receiver 1: an older term is refused, told the newer one, and changes nothing', () => {
    const lone = new LoneRaft({ terms: [1, 3] });
    const answer = one(answerTo(lone, appendEntries('n2', 2, id(1, 1), [2], 2)), 'ACK');
    // The answer is an ACK of the present term: the stale leader ends by its term, not by a flag.
    assert.equal(answer?.term, 3);
    assert.equal(answer?.durableIndex, 0);
    const { lastIndex, commitIndex, leader } = lone.raft.view();
    assert.deepEqual([lastIndex, commitIndex, leader], [2, 0, undefined]);
    const beat = one(answerTo(lone, heartbeat('n2', 2, 2)), 'ACK');
    assert.equal(beat?.term, 3);
    assert.equal(lone.raft.view().commitIndex, 0);
  });

  it('Figure 2, AppendEntries receiver 2: refused when there is no entry at prevLogIndex', () => {
    const lone = new LoneRaft({ terms: [1] });
    const answer = one(answerTo(lone, appendEntries('n2', 2, id(1, 5), [2], 6)), 'ACK');
    assert.equal(answer?.reject?.prevIndex, 5);
    assert.deepEqual([lone.raft.view().lastIndex, lone.raft.view().commitIndex], [1, 0]);
  });

  it('Figure 2, AppendEntries receiver 2: refused when the entry at prevLogIndex has another term', () => {
    const lone = new LoneRaft({ terms: [1, 1] });
    const answer = one(answerTo(lone, appendEntries('n2', 3, id(2, 2), [3], 3)), 'ACK');
    assert.equal(answer?.reject?.prevIndex, 2);
    assert.deepEqual([lone.raft.view().lastIndex, lone.raft.view().commitIndex], [2, 0]);
  });

  it('Figure 2, AppendEntries receiver 3: a conflicting entry and all that follow it are deleted', () => {
    const lone = new LoneRaft({ terms: [1, 2, 2, 2] });
    answerTo(lone, appendEntries('n2', 3, id(1, 1), [3]));
    assert.deepEqual(lone.terms, [1, 3]);
    assert.equal(lone.raft.view().lastIndex, 2);
  });

  it('Figure 2, AppendEntries receiver 3: what does not conflict stays, also beyond the end of a late or repeated message', () => {
    const lone = new LoneRaft();
    answerTo(lone, appendEntries('n2', 1, id(0, 0), [1, 1, 1]));
    const late = appendEntries('n2', 1, id(0, 0), [1]);
    assert.deepEqual(lone.terms, [1, 1, 1]);
    lone.raft.step(late);
    const { save } = lone.saved();
    assert.ok(save === undefined || save.entries.length === 0, 'nothing is written');
    assert.equal(lone.raft.view().lastIndex, 3);
  });

  it('Figure 2, AppendEntries receiver 4: entries not yet in the log are appended, those that are there are not written again', () => {
    const lone = new LoneRaft({ terms: [1, 1] });
    lone.raft.step(appendEntries('n2', 2, id(1, 1), [1, 2, 2]));
    const { save } = lone.saved();
    assert.deepEqual(
      save?.entries.map(({ index, term }) => [index, term]),
      [
        [3, 2],
        [4, 2],
      ],
    );
    assert.deepEqual(lone.terms, [1, 1, 2, 2]);
  });

  it('Figure 2, AppendEntries receiver 5: commitIndex = min(leaderCommit, index of last new entry)', () => {
    const lone = new LoneRaft({ terms: [1, 1, 1] });
    answerTo(lone, appendEntries('n2', 2, id(1, 1), [1], 9));
    assert.equal(lone.raft.view().commitIndex, 2, 'entry 3 may differ from the leader’s');
    answerTo(lone, appendEntries('n2', 2, id(1, 2), [2], 2));
    assert.equal(lone.raft.view().lastIndex, 3);
    // Holdfast keeps the highest leaderCommit heard in the term: it stays true.
    assert.equal(lone.raft.view().commitIndex, 3);
  });

  it('Figure 2, AppendEntries receiver 5: a heartbeat commits only what is known to equal the leader’s log', () => {
    const lone = new LoneRaft({ terms: [1, 1, 1] });
    // A heartbeat has no prevLogIndex here (PING), so it proves nothing of the log.
    answerTo(lone, heartbeat('n2', 2, 3));
    assert.equal(lone.raft.view().commitIndex, 0);
    answerTo(lone, appendEntries('n2', 2, id(1, 2), []));
    assert.equal(lone.raft.view().commitIndex, 2);
  });

  it('Figure 2, AppendEntries results: success is said only of what is durable', () => {
    const lone = new LoneRaft();
    lone.raft.step(appendEntries('n2', 1, id(0, 0), [1]));
    lone.raft.step(heartbeat('n2', 1));
    const ready = lone.ready();
    assert.equal(one(ready.messages, 'ACK')?.durableIndex, 0, 'the heartbeat is answered at once, with what is durable');
    assert.equal(one(ready.save?.messagesAfterSave ?? [], 'ACK')?.durableIndex, 1, 'the entry behind its save');
  });
});

describe('Raft paper, figure 2, RequestVote receiver', () => {
  const reply = (lone: LoneRaft, ...message: Parameters<typeof requestVote>) => one(answerTo(lone, requestVote(...message)), 'VOTE_REPLY');

  it('Figure 2, RequestVote receiver 1: an older term is refused and told the newer one', () => {
    const lone = new LoneRaft({ terms: [1], term: 5 });
    const answer = reply(lone, 'n2', 4, { last: id(3, 9) });
    assert.deepEqual([answer?.granted, answer?.term], [false, 5]);
  });

  it('Figure 2, RequestVote receiver 2: granted when votedFor is empty and the candidate’s log is as up to date', () => {
    const answer = reply(new LoneRaft({ terms: [1, 2] }), 'n2', 3, { last: id(2, 2) });
    assert.deepEqual([answer?.granted, answer?.term], [true, 3]);
  });

  it('Figure 2, RequestVote receiver 2: granted again to the same candidate, refused to another', () => {
    const lone = new LoneRaft();
    assert.equal(reply(lone, 'n2', 1)?.granted, true);
    assert.equal(reply(lone, 'n2', 1)?.granted, true);
    assert.equal(reply(lone, 'n3', 1)?.granted, false);
  });

  it('Figure 2, RequestVote receiver 2: refused when the candidate’s log is behind', () => {
    assert.equal(reply(new LoneRaft({ terms: [1, 2] }), 'n2', 3, { last: id(1, 9) })?.granted, false);
    assert.equal(reply(new LoneRaft({ terms: [1, 2] }), 'n2', 3, { last: id(2, 1) })?.granted, false);
  });

  it('Figure 2, RequestVote receiver 2: the vote of an earlier life counts', () => {
    const lone = new LoneRaft({ term: 4, votedFor: 'n3' });
    assert.equal(reply(lone, 'n2', 4)?.granted, false);
    assert.equal(reply(lone, 'n3', 4)?.granted, true);
  });
});

describe('Raft paper, figure 2, state', () => {
  it('Figure 2, persistent state: currentTerm, votedFor and log are on stable storage before an RPC is answered', () => {
    const lone = new LoneRaft();
    lone.raft.step(requestVote('n2', 7));
    const vote = lone.ready();
    assert.deepEqual(all(vote.messages, 'VOTE_REPLY'), []);
    assert.deepEqual(vote.save?.hardState, { term: 7, votedFor: 'n2' });
    lone.raft.step({ type: 'SAVED', token: vote.save?.token ?? 0 });
    lone.raft.step(appendEntries('n2', 8, id(0, 0), [8]));
    const append = lone.ready();
    assert.deepEqual(all(append.messages, 'ACK'), []);
    assert.deepEqual(append.save?.hardState, { term: 8, votedFor: undefined });
    assert.equal(append.save?.entries.length, 1);
  });

  it('Figure 2, persistent state: a new term forgets the vote of the old one', () => {
    const lone = new LoneRaft({ term: 4, votedFor: 'n3' });
    answerTo(lone, heartbeat('n2', 5));
    const answer = one(answerTo(lone, requestVote('n2', 6, { reason: 'transfer' })), 'VOTE_REPLY');
    assert.equal(answer?.granted, true);
  });

  it('Figure 2, volatile state: commitIndex and lastApplied begin at what is applied, and only grow', () => {
    const lone = new LoneRaft({ terms: [1, 1, 1] });
    assert.deepEqual([lone.raft.view().commitIndex, lone.raft.view().appliedIndex], [0, 0]);
    answerTo(lone, appendEntries('n2', 1, id(1, 3), [], 3));
    answerTo(lone, appendEntries('n2', 1, id(1, 3), [], 1));
    assert.equal(lone.raft.view().commitIndex, 3);
    answerTo(lone, appendEntries('n3', 2, id(1, 3), [], 2));
    assert.equal(lone.raft.view().commitIndex, 3);
    assert.equal(new LoneRaft({ terms: [1, 1, 1], applied: 2 }).raft.view().commitIndex, 2);
  });

  it('Figure 2, volatile state on leaders: nextIndex begins after the last entry, matchIndex at 0, anew in each term', () => {
    const lone = new LoneRaft({ terms: [1, 1] });
    lone.elect();
    assert.deepEqual(
      lone.raft.view().peers.map(({ id: peer, next, match }) => [peer, next, match]),
      [
        ['n2', 3, 0],
        ['n3', 3, 0],
      ],
    );
  });

  it('Figure 2, a leader’s log: a second leader in one term is a broken promise, and stops this member', () => {
    const lone = new LoneRaft();
    answerTo(lone, heartbeat('n2', 1));
    assert.throws(() => lone.raft.step(heartbeat('n3', 1)), InvariantError);
  });
});
