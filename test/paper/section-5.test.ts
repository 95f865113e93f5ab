import assert from 'node:assert/strict';
import { InvariantError } from '../../consensus/core/invariant.ts';
import { Raft } from '../../consensus/core/raft.ts';
import { defaultTiming, logIndex, type Timing, term, tick } from '../../consensus/core/types.ts';
import { LoneRaft } from '../consensus/core/lone-raft.ts';
import { all, answerTo, appendEntries, appendReply, heartbeat, id, one, preVote, requestVote, sent, voteReply } from './rpc.ts';

function raftWith(timing: Timing, draws: (below: number) => number = () => 0): Raft {
  return new Raft({
    id: 'n1',
    membership: { voters: ['n1', 'n2', 'n3'], learners: [] },
    timing,
    random: { nextInt: draws },
    now: tick(0),
    hardState: { term: term(0), votedFor: undefined },
    entries: [],
    base: id(0, 0),
    appliedIndex: logIndex(0),
    uncertain: undefined,
  });
}

describe('Raft paper, section 5.1, basics', () => {
  it('Section 5.1: followers ask nobody for anything while they hear a leader', () => {
    const lone = new LoneRaft();
    for (let beat = 0; beat < 20; beat += 1) {
      lone.pass(30);
      assert.deepEqual(new Set(answerTo(lone, heartbeat('n2', 1)).map(({ type }) => type)), new Set(['ACK']));
    }
    assert.equal(lone.term, 1);
  });

  it('Section 5.1: a leader or candidate that learns of a newer term is a follower at once', () => {
    const lone = new LoneRaft();
    lone.elect();
    answerTo(lone, requestVote('n3', 5, { reason: 'transfer' }));
    assert.deepEqual([lone.raft.view().role, lone.term], ['follower', 5]);
  });

  it('Section 5.1: a request of an old term is refused, in every role', () => {
    const lone = new LoneRaft({ terms: [4] });
    assert.equal(one(answerTo(lone, requestVote('n2', 3, { last: id(3, 9) })), 'VOTE_REPLY')?.granted, false);
    lone.elect();
    sent(lone);
    assert.equal(one(answerTo(lone, appendEntries('n2', 3, id(0, 0), [3])), 'ACK')?.term, 5);
    assert.deepEqual([lone.raft.view().role, lone.terms], ['leader', [4, 5]]);
  });
});

describe('Raft paper, section 5.2, election', () => {
  it('Section 5.2: each server votes for at most one candidate in a term, first come first served', () => {
    const lone = new LoneRaft();
    const votes = ['n3', 'n2', 'n3'].map((from) => one(answerTo(lone, requestVote(from, 1)), 'VOTE_REPLY')?.granted);
    assert.deepEqual(votes, [true, false, true]);
  });

  it('Section 5.2: a candidate refuses AppendEntries of an older term and goes on', () => {
    const lone = new LoneRaft({ terms: [2] });
    lone.pass(40);
    const poll = all(sent(lone), 'PREVOTE')[0];
    const won = { type: 'PREVOTE_REPLY', from: 'n2', to: 'n1', term: term(3), granted: true, conditional: false } as const;
    lone.raft.step({ ...won, poll: poll?.poll ?? 0 });
    sent(lone);
    answerTo(lone, appendEntries('n3', 2, id(2, 1), [2]));
    assert.deepEqual([lone.raft.view().role, lone.term, lone.terms], ['candidate', 3, [2]]);
  });

  it('Section 5.2: timeouts are drawn anew each time, from one to two election timeouts', () => {
    const draws: number[] = [];
    const raft = raftWith(defaultTiming, (below) => {
      if (below === defaultTiming.electionTicks) draws.push(below);
      return below - 1;
    });
    assert.equal(raft.view().nextTickAt, 2 * defaultTiming.electionTicks - 1);
    const before = draws.length;
    raft.tick(tick(79));
    assert.equal(raft.view().role, 'preCandidate');
    assert.ok(draws.length > before);
  });

  it('Section 5.2: a split vote ends with the timeout, and a new term is tried', () => {
    const lone = new LoneRaft();
    for (const inTerm of [1, 2]) {
      lone.pass(80);
      const poll = all(sent(lone), 'PREVOTE')[0];
      lone.raft.step({
        type: 'PREVOTE_REPLY',
        from: 'n2',
        to: 'n1',
        term: term(inTerm),
        poll: poll?.poll ?? 0,
        granted: true,
        conditional: false,
      });
      sent(lone);
      lone.raft.step(voteReply('n2', inTerm, false));
      assert.deepEqual([lone.raft.view().role, lone.term], ['candidate', inTerm]);
    }
  });
});

describe('Raft paper, section 5.3, log replication', () => {
  it('Section 5.3, leader append-only: a leader only adds to its log, and names one entry at an index in its term', () => {
    const lone = new LoneRaft({ terms: [1, 1] });
    lone.elect();
    sent(lone);
    const before = lone.disk;
    lone.raft.propose(1, new Uint8Array(1));
    lone.raft.step(appendReply('n2', 2, 0, { prevIndex: logIndex(2), hintTerm: term(0), hintIndex: logIndex(0) }));
    lone.raft.step(appendEntries('n3', 1, id(0, 0), [1]));
    sent(lone);
    assert.deepEqual(lone.disk.slice(0, before.length), before);
    assert.deepEqual(
      lone.disk.map(({ index }) => index),
      [1, 2, 3, 4],
    );
  });

  it('Section 5.3, log matching: entries are taken only after an entry that is the same here', () => {
    const lone = new LoneRaft({ terms: [1, 1, 2] });
    for (const prev of [id(2, 2), id(1, 3), id(3, 4)]) {
      assert.notEqual(one(answerTo(lone, appendEntries('n2', 4, prev, [4])), 'ACK')?.reject, undefined, JSON.stringify(prev));
      assert.deepEqual(lone.terms, [1, 1, 2]);
    }
    answerTo(lone, appendEntries('n2', 4, id(2, 3), [4]));
    assert.deepEqual(lone.terms, [1, 1, 2, 4]);
  });

  it('Section 5.3: followers of figure 7 end with the leader’s log, whatever they lack or have too much', () => {
    const leaderTerms = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    const followers = {
      a: [1, 1, 1, 4, 4, 5, 5, 6, 6],
      b: [1, 1, 1, 4],
      c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
      d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
      e: [1, 1, 1, 4, 4, 4, 4],
      f: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    };
    for (const [name, terms] of Object.entries(followers)) {
      const leading = new LoneRaft({ terms: leaderTerms, term: 7 });
      leading.elect();
      const follower = new LoneRaft({ terms });
      let rounds = 0;
      for (let to = all(sent(leading), 'APPEND').find((append) => append.to === 'n2'); to !== undefined; rounds += 1) {
        // The one plays n1 as leader, the other n1 as follower n2.
        const answer = all(answerTo(follower, { ...to, from: 'n2', to: 'n1' }), 'ACK')[0];
        if (answer === undefined) break;
        leading.raft.step({ ...answer, from: 'n2', to: 'n1' });
        to = all(sent(leading), 'APPEND').find((append) => append.to === 'n2');
        assert.ok(rounds < 10, `${name} gets on`);
      }
      assert.deepEqual(follower.terms, [...leaderTerms, 8], name);
      // The paper's shortcut (end of section 5.3): a step back for each term that differs, not for each entry.
      assert.ok(rounds <= 4, `${name}: ${rounds}`);
    }
  });

  it('Section 5.3: a refusal names how far the logs can agree at most, by term', () => {
    const lone = new LoneRaft({ terms: [1, 1, 2, 2, 2] });
    const late = one(answerTo(lone, appendEntries('n2', 5, id(1, 4), [])), 'ACK');
    // Holdfast's hint is the last entry not above the leader's term there; the paper's is the first index of the conflicting term.
    assert.deepEqual(late?.reject, { prevIndex: 4, hintTerm: 1, hintIndex: 2 });
  });

  it('Section 5.3: a slow follower keeps nobody waiting, and is sent what it missed again without end', () => {
    const lone = new LoneRaft();
    lone.elect();
    sent(lone);
    for (let beat = 1; beat <= 30; beat += 1) {
      lone.raft.propose(beat, new Uint8Array(1));
      sent(lone);
      lone.ack('n2', lone.raft.view().lastIndex, beat);
      assert.equal(lone.raft.view().commitIndex, lone.raft.view().lastIndex);
      lone.pass(10);
      // n3 hears the heartbeats, but the entries to it are lost.
      lone.ack('n3', 0, beat);
    }
    let repeated = 0;
    for (let beat = 31; beat <= 100; beat += 1) {
      lone.pass(10);
      lone.ack('n2', lone.raft.view().lastIndex, beat);
      lone.ack('n3', 0, beat);
      repeated += all(sent(lone), 'APPEND').filter(({ to, prevIndex }) => to === 'n3' && prevIndex === 0).length;
    }
    assert.ok(repeated >= 3, `${repeated} times`);
  });
});

describe('Raft paper, section 5.4, safety', () => {
  const grants = (terms: readonly number[], last: ReturnType<typeof id>): boolean | undefined =>
    one(answerTo(new LoneRaft({ terms }), requestVote('n2', 9, { last })), 'VOTE_REPLY')?.granted;

  it('Section 5.4.1: the later last term is the more up-to-date log, whatever the length', () => {
    assert.equal(grants([1, 1, 1], id(2, 1)), true);
    assert.equal(grants([2], id(1, 5)), false);
  });

  it('Section 5.4.1: with the same last term the longer log is', () => {
    assert.equal(grants([1, 1], id(1, 2)), true);
    assert.equal(grants([1, 1], id(1, 3)), true);
    assert.equal(grants([1, 1], id(1, 1)), false);
  });

  it('Section 5.4.1: the log compared is the one in memory, saved or not', () => {
    const lone = new LoneRaft();
    lone.raft.step(appendEntries('n3', 1, id(0, 0), [1, 1]));
    lone.pass(40);
    lone.raft.step(requestVote('n2', 9, { last: id(1, 1) }));
    const { messages } = lone.ready();
    assert.equal(one(messages, 'VOTE_REPLY')?.granted, false);
  });

  it('Section 5.4.2, figure 8: an entry of an old term is not committed by counting copies, but by one of the present term after it', () => {
    const lone = new LoneRaft({ terms: [1, 2] });
    lone.elect();
    sent(lone);
    for (const peer of ['n2', 'n3']) lone.ack(peer, 2);
    assert.equal(lone.raft.view().commitIndex, 0, 'all three hold entry 2');
    lone.ack('n3', 3);
    assert.equal(lone.raft.view().commitIndex, 3);
  });

  it('Section 5.4.3: what is committed is never replaced; a leader that would is a broken promise and stops this member', () => {
    const lone = new LoneRaft();
    answerTo(lone, appendEntries('n2', 1, id(0, 0), [1, 1], 2));
    assert.throws(() => lone.raft.step(appendEntries('n3', 2, id(1, 1), [2])), InvariantError);
  });
});

describe('Raft paper, sections 5.5 and 5.6', () => {
  it('Section 5.5: every request may come twice: the second changes nothing and gets the same answer', () => {
    const append = appendEntries('n2', 1, id(0, 0), [1, 1], 1);
    const vote = requestVote('n2', 3, { last: id(1, 2) });
    for (const message of [append, heartbeat('n2', 2, 2), vote]) {
      const lone = new LoneRaft();
      if (message !== append) answerTo(lone, append);
      lone.pass(80);
      sent(lone);
      const plain = () => answerTo(lone, message).map(({ type, ...rest }) => ({ type, ...rest, ackSeq: 0 }));
      const first = plain();
      const { role, lastIndex, commitIndex, term: inTerm } = lone.raft.view();
      assert.deepEqual(plain(), first, message.type);
      const again = lone.raft.view();
      assert.deepEqual([again.role, again.lastIndex, again.commitIndex, again.term], [role, lastIndex, commitIndex, inTerm], message.type);
    }
  });

  it('Section 5.6: timings that could not elect a leader are refused', () => {
    assert.throws(() => raftWith({ ...defaultTiming, electionTicks: 2 * defaultTiming.pingTicks }), InvariantError);
    assert.doesNotThrow(() => raftWith(defaultTiming));
  });

  it('Section 5.6: a poll asks nobody to forget a leader that is at work', () => {
    const lone = new LoneRaft();
    answerTo(lone, heartbeat('n2', 1));
    lone.pass(39);
    assert.equal(one(answerTo(lone, preVote('n3', 2, { last: id(9, 9) })), 'PREVOTE_REPLY')?.granted, false);
  });
});
