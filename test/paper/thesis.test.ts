import assert from 'node:assert/strict';
import { logIndex, type RoleChange, term } from '../../consensus/core/types.ts';
import { LoneRaft } from '../consensus/core/lone-raft.ts';
import { all, answerTo, appendEntries, heartbeat, id, one, preVote, requestVote, sent, voteReply } from './rpc.ts';

const applied = (lone: LoneRaft): void => {
  sent(lone);
  lone.raft.advance(lone.raft.view().commitIndex);
};

/** A leader with its term begun; n2 has everything. */
function leader(learners: readonly string[] = []): LoneRaft {
  const lone = new LoneRaft({ learners });
  lone.elect();
  sent(lone);
  lone.ack('n2', 1, 1);
  applied(lone);
  return lone;
}

function change(lone: LoneRaft, ...changes: readonly RoleChange[]): string {
  lone.raft.changeMembership(1, changes);
  return lone.saved().refused[0]?.code ?? 'taken';
}

describe('Raft thesis, chapter 3, leadership transfer', () => {
  it('Thesis 3.10: new requests are refused, the target is brought up to date, then asked to campaign at once', () => {
    const lone = leader();
    lone.raft.propose(1, new Uint8Array(1));
    sent(lone);
    assert.ok(lone.raft.transferLeadership('n2'));
    assert.deepEqual(all(sent(lone), 'TIMEOUT_NOW'), [], 'it lacks an entry');
    lone.raft.propose(2, new Uint8Array(1));
    assert.equal(lone.saved().refused[0]?.code, 'STEPPING_DOWN');
    lone.ack('n2', 2);
    assert.equal(one(sent(lone), 'TIMEOUT_NOW')?.to, 'n2');
    lone.pass(20);
    lone.ack('n2', 2, 1);
    lone.pass(20);
    lone.raft.propose(3, new Uint8Array(1));
    assert.deepEqual(lone.saved().refused, [], 'given up after an election timeout');
  });

  it('Thesis 3.10: who is asked campaigns without a poll, and the other voters listen though the leader stands', () => {
    const lone = new LoneRaft();
    answerTo(lone, heartbeat('n2', 1));
    const votes = all(answerTo(lone, { type: 'TIMEOUT_NOW', from: 'n2', to: 'n1', term: term(1) }), 'VOTE');
    assert.deepEqual([lone.raft.view().role, lone.term, votes[0]?.reason], ['candidate', 2, 'transfer']);
    const voter = new LoneRaft();
    answerTo(voter, heartbeat('n2', 1));
    assert.equal(one(answerTo(voter, requestVote('n3', 2, { reason: 'transfer' })), 'VOTE_REPLY')?.granted, true);
  });
});

describe('Raft thesis, chapter 4, membership', () => {
  it('Thesis 4.1: one change at a time', () => {
    const lone = leader(['n4', 'n5']);
    assert.equal(change(lone, { id: 'n4', role: 'none' }), 'taken');
    assert.equal(change(lone, { id: 'n5', role: 'none' }), 'CHANGE_UNDER_WAY');
  });

  it('Thesis 4.1 (and its correction of 2015): none before the leader has committed an entry of its own term', () => {
    const lone = new LoneRaft({ learners: ['n4'] });
    lone.elect();
    sent(lone);
    assert.equal(change(lone, { id: 'n4', role: 'none' }), 'CHANGE_UNDER_WAY');
    lone.ack('n2', 1);
    applied(lone);
    assert.equal(change(lone, { id: 'n4', role: 'none' }), 'taken');
  });

  it('Thesis 4.1: messages of servers outside the own configuration are taken: it may be behind', () => {
    const lone = new LoneRaft();
    answerTo(lone, appendEntries('n9', 1, id(0, 0), [1]));
    assert.deepEqual([lone.raft.view().leader, lone.terms], ['n9', [1]]);
    assert.equal(one(answerTo(new LoneRaft(), requestVote('n9', 1)), 'VOTE_REPLY')?.granted, true);
  });

  it('Thesis 4.2.1: a server joins without a vote, and holds up no commit', () => {
    const lone = leader(['n4']);
    lone.raft.propose(1, new Uint8Array(1));
    sent(lone);
    lone.ack('n4', 2);
    assert.equal(lone.raft.view().commitIndex, 1);
    lone.ack('n2', 2);
    assert.equal(lone.raft.view().commitIndex, 2);
    const learner = new LoneRaft({ voters: ['n2', 'n3'], learners: ['n1'] });
    learner.pass(1000);
    assert.deepEqual(sent(learner), [], 'and does not campaign');
  });

  it('Thesis 4.2.2: a leader may remove itself; it hands over to a server of the new configuration when that is committed', () => {
    const lone = leader();
    lone.ack('n3', 1);
    assert.equal(change(lone, { id: 'n1', role: 'none' }), 'taken');
    for (const index of [2, 3]) {
      sent(lone);
      for (const peer of ['n2', 'n3']) lone.ack(peer, index);
    }
    assert.deepEqual(new Set(all(sent(lone), 'TIMEOUT_NOW').map(({ to }) => ['n2', 'n3'].includes(to))), new Set([true]));
  });

  it('Thesis 4.2.3: a server that hears a leader takes no term from who asks for votes', () => {
    const lone = new LoneRaft();
    answerTo(lone, heartbeat('n2', 1));
    assert.deepEqual(answerTo(lone, requestVote('n3', 5, { last: id(9, 9) })), []);
    assert.equal(lone.term, 1);
  });
});

describe('Raft thesis, chapter 6, clients', () => {
  it('Thesis 6.2: a leader that hears no majority for an election timeout steps down', () => {
    const lone = leader();
    for (let ticks = 10; ticks <= 100; ticks += 10) {
      lone.pass(10);
      lone.ack('n3', 0, ticks / 10);
      assert.equal(lone.raft.view().role, 'leader');
    }
    lone.pass(39);
    assert.equal(lone.raft.view().role, 'leader');
    lone.pass(1);
    assert.equal(lone.raft.view().role, 'follower');
  });

  it('Thesis 6.3: a command refused is never done, also when the request comes again', () => {
    const lone = new LoneRaft();
    const request = {
      type: 'REQUEST',
      from: 'n2',
      to: 'n1',
      term: term(0),
      requestId: 1,
      kind: 'command',
      data: new Uint8Array(1),
    } as const;
    assert.equal(one(answerTo(lone, request), 'REPLY')?.outcome.kind, 'refused');
    lone.elect();
    assert.equal(one(answerTo(lone, request), 'REPLY')?.outcome.kind, 'refused');
    assert.equal(lone.raft.view().lastIndex, 1, 'the no-op only');
  });

  it('Thesis 6.4, ReadIndex 1 and 2: the read index is the commit index, taken once an entry of the term is committed', () => {
    const lone = new LoneRaft({ terms: [1, 1] });
    lone.elect();
    sent(lone);
    lone.raft.read(1);
    sent(lone);
    lone.ack('n2', 3, 1);
    assert.deepEqual(lone.saved().reads, []);
    applied(lone);
    lone.ack('n2', 3, 2);
    assert.deepEqual(lone.saved().reads, [{ requestId: 1, index: 3 }]);
  });

  it('Thesis 6.4, ReadIndex 3: a round of heartbeats after the read came, one for all reads that came together', () => {
    const lone = leader();
    for (const requestId of [1, 2, 3]) lone.raft.read(requestId);
    const pings = all(sent(lone), 'PING');
    assert.equal(pings.length, 2);
    lone.ack('n2', 1, pings[0]?.seq);
    assert.deepEqual(
      lone.saved().reads.map(({ requestId }) => requestId),
      [1, 2, 3],
    );
  });

  it('Thesis 6.4, ReadIndex 3: a leader that lost its majority refuses the reads that wait', () => {
    const lone = leader();
    lone.raft.read(1);
    sent(lone);
    answerTo(lone, heartbeat('n3', 2));
    lone.pass(1);
    assert.equal(lone.raft.view().role, 'follower');
    const late = leader();
    late.raft.read(1);
    late.raft.step(heartbeat('n3', 2));
    const { reads, refused } = late.saved();
    assert.deepEqual([reads, refused.map(({ code }) => code)], [[], ['NOT_LEADER']]);
  });

  it('Thesis 6.4, ReadIndex 4 and 5: the index is handed over at once; serving waits for it to be applied, here or at a follower', () => {
    const lone = leader();
    lone.raft.step({ type: 'REQUEST', from: 'n3', to: 'n1', term: term(1), requestId: 5, kind: 'read', data: new Uint8Array(0) });
    const round = all(sent(lone), 'PING')[0]?.seq;
    lone.ack('n2', 1, round);
    assert.deepEqual(one(sent(lone), 'REPLY')?.outcome, { kind: 'read', index: 1 });
    const follower = new LoneRaft();
    answerTo(follower, heartbeat('n2', 1));
    follower.raft.read(5);
    assert.equal(one(sent(follower), 'REQUEST')?.kind, 'read');
    follower.raft.step({ type: 'REPLY', from: 'n2', to: 'n1', term: term(1), requestId: 5, outcome: { kind: 'read', index: logIndex(1) } });
    assert.deepEqual(follower.saved().reads, [{ requestId: 5, index: 1 }]);
  });

  it('Thesis 6.4.1: no read rests on a clock: without a majority’s answers none is ever served', () => {
    const lone = leader();
    lone.raft.read(1);
    sent(lone);
    for (let ticks = 0; ticks < 39; ticks += 1) {
      lone.pass(1);
      assert.deepEqual(lone.saved().reads, []);
    }
  });
});

describe('Raft thesis, section 9.6, PreVote', () => {
  const poll = (lone: LoneRaft, from: string, inTerm: number, last = id(0, 0)) =>
    one(answerTo(lone, preVote(from, inTerm, { last })), 'PREVOTE_REPLY');

  it('Thesis 9.6: a candidate enters a new term only after a majority said that it would vote for it', () => {
    const lone = new LoneRaft({ voters: ['n1', 'n2', 'n3', 'n4', 'n5'] });
    lone.pass(40);
    const asked = all(sent(lone), 'PREVOTE');
    assert.deepEqual([asked.length, asked[0]?.term, lone.term], [4, 1, 0]);
    const said = (from: string, granted: boolean) =>
      lone.raft.step({
        type: 'PREVOTE_REPLY',
        from,
        to: 'n1',
        term: term(granted ? 1 : 0),
        poll: asked[0]?.poll ?? 0,
        granted,
        conditional: false,
      });
    said('n2', true);
    said('n2', true);
    said('n3', false);
    assert.deepEqual([lone.raft.view().role, lone.term], ['preCandidate', 0]);
    said('n4', true);
    assert.deepEqual([lone.raft.view().role, lone.term], ['candidate', 1]);
  });

  it('Thesis 9.6: a server cut off polls without end and never raises its term', () => {
    const lone = new LoneRaft({ terms: [3] });
    for (let turn = 0; turn < 20; turn += 1) {
      lone.pass(80);
      assert.ok(all(sent(lone), 'PREVOTE').length > 0);
      assert.equal(lone.term, 3);
    }
    answerTo(lone, heartbeat('n2', 3));
    assert.deepEqual([lone.raft.view().role, lone.raft.view().leader], ['follower', 'n2'], 'and does not disturb when it is back');
  });

  it('Thesis 9.6: granted only when the log is as up to date and no leader was heard for an election timeout', () => {
    const lone = new LoneRaft({ terms: [1, 2] });
    assert.equal(poll(lone, 'n2', 3, id(2, 2))?.granted, true);
    assert.equal(poll(lone, 'n2', 3, id(2, 1))?.granted, false);
    answerTo(lone, heartbeat('n3', 2));
    lone.pass(39);
    assert.equal(poll(lone, 'n2', 3, id(2, 2))?.granted, false);
    lone.pass(1);
    sent(lone);
    assert.equal(poll(lone, 'n2', 3, id(2, 2))?.granted, true);
  });

  it('Thesis 9.6: a grant promises nothing: no vote is used up, nothing is saved, others are granted too', () => {
    const lone = new LoneRaft();
    lone.raft.step(preVote('n2', 1));
    const { save } = lone.saved();
    assert.equal(save, undefined);
    assert.equal(poll(lone, 'n3', 1)?.granted, true);
    assert.equal(one(answerTo(lone, requestVote('n3', 1)), 'VOTE_REPLY')?.granted, true);
  });

  it('Thesis 9.6: a server behind in terms is told the newer one by the refusal', () => {
    const lone = new LoneRaft({ term: 7 });
    const reply = poll(lone, 'n2', 3);
    assert.deepEqual([reply?.granted, reply?.term], [false, 7]);
    const behind = new LoneRaft();
    behind.pass(40);
    const asked = all(sent(behind), 'PREVOTE')[0];
    const refusal = { type: 'PREVOTE_REPLY', from: 'n2', to: 'n1', term: term(7), granted: false, conditional: false } as const;
    answerTo(behind, { ...refusal, poll: asked?.poll ?? 0 });
    assert.deepEqual([behind.raft.view().role, behind.term], ['follower', 7]);
  });

  it('Thesis 9.6: answers to an older poll do not count', () => {
    const lone = new LoneRaft();
    lone.pass(40);
    const first = all(sent(lone), 'PREVOTE')[0];
    lone.pass(40);
    sent(lone);
    const late = { type: 'PREVOTE_REPLY', from: 'n2', to: 'n1', term: term(1), granted: true, conditional: false } as const;
    lone.raft.step({ ...late, poll: first?.poll ?? 0 });
    assert.equal(lone.raft.view().role, 'preCandidate');
  });

  it('Thesis 9.6 and the uncertain tail (not in the thesis): what was said of a longer log before a restart answers no poll after it', () => {
    const before = new LoneRaft({ terms: [1, 1], chance: 5 });
    const after = new LoneRaft({ terms: [1], uncertain: id(1, 2), chance: 11 });
    const pollOf = (lone: LoneRaft): number => {
      lone.pass(80);
      return all(sent(lone), 'PREVOTE')[0]?.poll ?? 0;
    };
    const say = (from: string, poll: number) =>
      after.raft.step({ type: 'PREVOTE_REPLY', from, to: 'n1', term: term(2), poll, granted: true, conditional: false });
    const [old, own] = [pollOf(before), pollOf(after)];
    say('n2', own);
    say('n3', old);
    assert.equal(after.raft.view().role, 'preCandidate', 'all have answered, but one of them another poll');
    say('n3', own);
    assert.equal(after.raft.view().role, 'candidate');
  });

  it('Thesis 9.6 and the uncertain tail (not in the thesis): a voter that may have forgotten entries grants only logs that reach them, or all voters together', () => {
    const uncertain = id(2, 5);
    assert.equal(poll(new LoneRaft({ terms: [1], term: 2, uncertain }), 'n2', 3, id(2, 5))?.granted, true);
    const short = poll(new LoneRaft({ terms: [1], term: 2, uncertain }), 'n2', 3, id(2, 4));
    assert.deepEqual([short?.granted, short?.conditional], [false, true]);
    const vote = (complete: boolean) =>
      one(answerTo(new LoneRaft({ terms: [1], term: 2, uncertain }), requestVote('n2', 3, { last: id(2, 4), complete })), 'VOTE_REPLY');
    assert.equal(vote(false)?.granted, false);
    assert.equal(vote(true)?.granted, true);
    const own = new LoneRaft({ voters: ['n1', 'n2', 'n3', 'n4', 'n5'], terms: [1], term: 2, uncertain });
    own.pass(40);
    const asked = all(sent(own), 'PREVOTE')[0];
    const said = (from: string) =>
      own.raft.step({ type: 'PREVOTE_REPLY', from, to: 'n1', term: term(3), poll: asked?.poll ?? 0, granted: true, conditional: false });
    for (const from of ['n2', 'n3', 'n4']) said(from);
    assert.equal(own.raft.view().role, 'preCandidate', 'a majority is not enough for it');
    said('n5');
    assert.equal(own.raft.view().role, 'candidate');
    assert.ok(all(sent(own), 'VOTE').every(({ complete }) => complete));
    for (const from of ['n2', 'n3', 'n4']) own.raft.step(voteReply(from, 3));
    assert.equal(own.raft.view().role, 'candidate', 'the answer to a poll is no promise: all have to vote, too');
    own.raft.step(voteReply('n5', 3));
    assert.equal(own.raft.view().role, 'leader');
  });
});
