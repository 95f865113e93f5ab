import assert from 'node:assert/strict';
import { InvariantError } from '../../../consensus/core/invariant.ts';
import type { Message } from '../../../consensus/core/messages.ts';
import { limits, logIndex, term, tick } from '../../../consensus/core/types.ts';
import { entriesOf } from './entries.ts';
import { LoneRaft, typesOf } from './lone-raft.ts';

const vote = (from: string, inTerm: number) =>
  ({
    type: 'VOTE',
    from,
    to: 'n1',
    term: term(inTerm),
    lastTerm: term(0),
    lastIndex: logIndex(0),
    reason: 'timeout',
    complete: false,
  }) as const;

const ping = (inTerm: number, commitIndex = 0) =>
  ({
    type: 'PING',
    from: 'n2',
    to: 'n1',
    term: term(inTerm),
    commitIndex: logIndex(commitIndex),
    seq: 1,
    sentAt: tick(0),
    ackSeqSeen: 0,
    ackSeqMajority: 0,
    electionTicks: 0,
    restTicks: 0,
    lastIndex: logIndex(0),
  }) as const;

const append = (inTerm: number, prev: readonly [number, number], terms: readonly number[], commitIndex = 0) =>
  ({
    type: 'APPEND',
    from: 'n2',
    to: 'n1',
    term: term(inTerm),
    prevTerm: term(prev[0]),
    prevIndex: logIndex(prev[1]),
    entries: entriesOf(terms, prev[1] + 1),
    commitIndex: logIndex(commitIndex),
  }) as const;

describe('raft core', () => {
  it('sends a granted vote only behind the save that holds it, also when the VOTE is repeated', () => {
    const { raft } = new LoneRaft();
    raft.step(vote('n2', 1));
    const first = raft.takeReady();
    assert.deepEqual(first.messages, []);
    assert.deepEqual(first.save?.hardState, { term: 1, votedFor: 'n2' });
    assert.deepEqual(typesOf(first.save?.messagesAfterSave ?? []), ['VOTE_REPLY']);
    raft.step(vote('n2', 1));
    const second = raft.takeReady();
    assert.deepEqual(second.messages, []);
    assert.deepEqual(typesOf(second.save?.messagesAfterSave ?? []), ['VOTE_REPLY']);
    raft.step({ type: 'SAVED', token: 1 });
    raft.step({ type: 'SAVED', token: 2 });
    raft.step(vote('n2', 1));
    assert.deepEqual(typesOf(raft.takeReady().messages), ['VOTE_REPLY'], 'durable by now');
  });

  it('votes once in a term', () => {
    const { raft } = new LoneRaft();
    raft.step(vote('n2', 1));
    raft.takeReady();
    raft.step(vote('n3', 1));
    const [reply] = raft.takeReady().messages;
    assert.ok(reply?.type === 'VOTE_REPLY' && reply.to === 'n3' && !reply.granted);
  });

  it('asks for votes only behind the save of its own, and does not lead before that is durable', () => {
    const lone = new LoneRaft();
    lone.pass(40);
    const [poll] = lone.ready().messages;
    assert.ok(poll?.type === 'PREVOTE');
    lone.raft.step({ type: 'PREVOTE_REPLY', from: 'n2', to: 'n1', term: term(1), poll: poll.poll, granted: true, conditional: false });
    const { messages, save } = lone.ready();
    assert.deepEqual(messages, []);
    assert.deepEqual(typesOf(save?.messagesAfterSave ?? []), ['VOTE', 'VOTE']);
    lone.raft.step({ type: 'VOTE_REPLY', from: 'n2', to: 'n1', term: term(1), granted: true });
    assert.equal(lone.raft.view().role, 'candidate');
    lone.raft.step({ type: 'SAVED', token: save?.token ?? 0 });
    assert.equal(lone.raft.view().role, 'leader');
  });

  it('does not commit an entry of an older term by counting copies (Raft paper, figure 8)', () => {
    const lone = new LoneRaft({ terms: [1, 2] });
    lone.elect();
    assert.equal(lone.term, 3);
    lone.ack('n2', 2);
    lone.ready();
    assert.equal(lone.raft.view().commitIndex, 0, 'two of three hold entry 2, but its term is 2');
    lone.ack('n2', 3);
    lone.raft.step({ type: 'SAVED', token: 2 });
    assert.equal(lone.raft.view().commitIndex, 3, 'with the no-op of term 3 it is committed');
  });

  it('K9: replicates before its own write is durable, but counts itself only after', () => {
    const lone = new LoneRaft();
    lone.elect();
    const ready = lone.ready();
    assert.deepEqual(typesOf(ready.messages), ['PING', 'PING', 'APPEND', 'APPEND']);
    lone.ack('n2', 1);
    assert.equal(lone.raft.view().commitIndex, 0);
    lone.raft.step({ type: 'SAVED', token: ready.save?.token ?? 0 });
    assert.equal(lone.raft.view().commitIndex, 1);
  });

  it('K9: acknowledges an APPEND behind its save, and a PING at once with what is durable', () => {
    const { raft } = new LoneRaft();
    raft.step(append(1, [0, 0], [1, 1]));
    raft.step(ping(1));
    const { messages, save } = raft.takeReady();
    const [pong] = messages;
    assert.ok(pong?.type === 'ACK' && pong.seq === 1 && pong.durableIndex === 0);
    const [ack] = save?.messagesAfterSave ?? [];
    assert.ok(ack?.type === 'ACK' && ack.seq === 0 && ack.durableIndex === 2);
  });

  it('never names an index in the ACK of a PING whose match with this leader is not verified', () => {
    const { raft } = new LoneRaft({ terms: [1, 1, 1] });
    raft.step(ping(2, 3));
    const [pong] = raft.takeReady().messages;
    assert.ok(pong?.type === 'ACK' && pong.durableIndex === 0);
    assert.equal(raft.view().commitIndex, 0, 'and commits nothing of it');
    raft.step(append(2, [1, 2], [], 3));
    const ready = raft.takeReady();
    assert.ok(ready.save === undefined || ready.save.entries.length === 0);
    assert.equal(raft.view().commitIndex, 2);
  });

  it('counts the ACK of a save whose entries were truncated meanwhile for nothing', () => {
    const { raft } = new LoneRaft();
    raft.step(append(1, [0, 0], [1, 1, 1]));
    raft.takeReady();
    raft.step({ ...append(2, [1, 1], [2]), from: 'n3' });
    raft.takeReady();
    raft.step({ type: 'SAVED', token: 1 });
    assert.equal(raft.view().durableIndex, 1);
    raft.step({ type: 'SAVED', token: 2 });
    assert.equal(raft.view().durableIndex, 2);
  });

  it('refuses what is too large, and what exceeds the uncommitted bytes, definitely', () => {
    const lone = new LoneRaft();
    lone.elect();
    lone.ready();
    lone.raft.propose(1, new Uint8Array(limits.entryBytesMax + 1));
    const data = new Uint8Array(limits.entryBytesMax);
    for (let request = 2; request < 40; request += 1) lone.raft.propose(request, data);
    const { refused, accepted } = lone.ready();
    assert.equal(refused[0]?.code, 'TOO_LARGE');
    assert.equal(refused[1]?.code, 'BUSY');
    assert.equal(accepted.length + refused.length, 39);
    assert.ok(accepted.length * data.length <= limits.uncommittedBytesMax);
  });

  it('sends what was proposed between two Readies in one APPEND to each peer', () => {
    const lone = new LoneRaft();
    lone.elect();
    lone.saved();
    lone.ack('n2', 1);
    lone.ack('n3', 1);
    lone.ready();
    for (let request = 1; request <= 64; request += 1) lone.raft.propose(request, new Uint8Array(8));
    const { messages, save } = lone.ready();
    assert.deepEqual(typesOf(messages), ['APPEND', 'APPEND']);
    assert.equal(save?.entries.length, 64);
  });

  it('marks a commit index as able to wait, except for the peer whose client waits for the change', () => {
    const lone = new LoneRaft();
    const { raft } = lone;
    lone.elect();
    lone.saved();
    for (const peer of ['n2', 'n3']) lone.ack(peer, 1);
    lone.saved();
    const data = new Uint8Array(1);
    for (const [index, from] of ['n1', 'n2'].entries()) {
      if (from === 'n1') raft.propose(7, data);
      else raft.step({ type: 'REQUEST', from, to: 'n1', term: raft.view().term, requestId: 7, kind: 'command', data });
      lone.saved();
      lone.ack('n3', 2 + index);
      const notices = lone
        .saved()
        .messages.flatMap((message) => (message.type === 'APPEND' ? [[message.to, message.canWait ?? false]] : []));
      assert.deepEqual(notices, [
        ['n2', from === 'n1'],
        ['n3', true],
      ]);
    }
  });

  it('goes on sending to a peer whose answer to a PING was overtaken by the ACK of a save', () => {
    const lone = new LoneRaft();
    lone.elect();
    lone.saved();
    for (const peer of ['n2', 'n3']) lone.ack(peer, 1);
    const propose = (request: number): readonly Message[] => {
      lone.raft.propose(request, new Uint8Array(8));
      return lone.saved().messages.filter(({ type, to }) => type === 'APPEND' && to === 'n2');
    };
    propose(1);
    const sentAt = 50;
    lone.pass(sentAt - 40);
    lone.pass(1);
    lone.ack('n2', 2);
    lone.ack('n2', 1, 1, sentAt);
    lone.saved();
    assert.equal(propose(2).length, 1, 'what it is sent is not held back');
    lone.ack('n2', 3);
    lone.saved();
    lone.pass(1);
    lone.ack('n2', 1, 2);
    assert.equal(lone.saved().messages.filter(({ type, to }) => type === 'APPEND' && to === 'n2').length, 1, 'one that forgot is probed');
    assert.equal(propose(3).length, 0, 'and sent nothing more before it answers');
  });

  it('answers a repeated REQUEST like the first one, whether that was taken or refused', () => {
    const lone = new LoneRaft();
    const request = (requestId: number) =>
      ({ type: 'REQUEST', from: 'n2', to: 'n1', term: lone.term, requestId, kind: 'command', data: new Uint8Array(1) }) as const;
    lone.raft.step(request(1));
    lone.elect();
    lone.ready();
    lone.raft.step(request(1));
    lone.raft.step(request(2));
    lone.raft.step(request(2));
    const outcomes = lone.ready().messages.flatMap((message) => (message.type === 'REPLY' ? [message.outcome.kind] : []));
    assert.deepEqual(outcomes, ['refused', 'accepted', 'accepted']);
    assert.equal(lone.raft.view().lastIndex, 2);
  });

  it('K8: says nothing to a REQUEST of a term in which an earlier run of it may have led: that one may have taken it', () => {
    const outcomesOf = (startTerm: number, votedFor: string, requestTerm: number) => {
      const lone = new LoneRaft({ terms: [5], term: startTerm, votedFor });
      lone.pass(1);
      lone.raft.step({
        type: 'REQUEST',
        from: 'n2',
        to: 'n1',
        term: term(requestTerm),
        requestId: 7,
        kind: 'command',
        data: new Uint8Array(1),
      });
      return lone.ready().messages.flatMap((message) => (message.type === 'REPLY' ? [message.outcome.kind] : []));
    };
    assert.deepEqual(outcomesOf(5, 'n1', 5), [], 'it led in this term, perhaps');
    assert.deepEqual(outcomesOf(6, 'n2', 5), [], 'whom it voted for in that one is not known any more');
    assert.deepEqual(outcomesOf(5, 'n2', 5), ['refused'], 'it certainly did not lead');
    assert.deepEqual(outcomesOf(5, 'n1', 6), ['refused'], 'it began after it was started');
  });

  it('ignores messages for others', () => {
    const { raft } = new LoneRaft();
    raft.step({ ...vote('n2', 9), to: 'n3' });
    assert.equal(raft.view().term, 0);
    assert.ok(!raft.hasReady());
  });

  it('steps down when the clock jumped over an election timeout without an ACK, before it does anything else', () => {
    const lone = new LoneRaft();
    lone.elect();
    lone.saved();
    lone.ack('n2', 1, 1);
    lone.raft.advance(lone.ready().committed.at(-1)?.index ?? logIndex(0));
    lone.pass(100_000);
    lone.raft.read(1);
    const { refused, events } = lone.ready();
    assert.equal(refused[0]?.code, 'NOT_LEADER');
    assert.ok(events.some((event) => event.type === 'role' && event.reason === 'quorum-lost'));
  });

  it('stops rather than go on with a second leader in its own term', () => {
    const lone = new LoneRaft();
    lone.elect();
    assert.throws(() => lone.raft.step(ping(1)), InvariantError);
  });

  it('refuses a snapshot whose bytes do not have its checksum, and asks for it again', () => {
    const { raft } = new LoneRaft();
    const meta = { index: logIndex(9), term: term(1), membership: { voters: ['n1', 'n2', 'n3'], learners: [] } };
    raft.step({
      type: 'SNAPSHOT',
      from: 'n2',
      to: 'n1',
      term: term(1),
      meta,
      offset: 0,
      totalBytes: 3,
      checksum: 1,
      data: new Uint8Array(3),
    });
    const { messages, install } = raft.takeReady();
    assert.equal(install, undefined);
    const [answer] = messages;
    assert.ok(answer?.type === 'SNAPSHOT_ACK' && !answer.installed && answer.nextOffset === 0);
  });

  it('K15: sends a large snapshot in chunks, and goes on where a cut stream stopped', () => {
    const lone = new LoneRaft();
    lone.elect();
    lone.saved();
    lone.ack('n2', 1);
    lone.raft.advance(lone.ready().committed.at(-1)?.index ?? logIndex(0));
    lone.raft.compact(logIndex(1));
    const { membership } = lone.raft.view();
    lone.raft.step({
      type: 'ACK',
      from: 'n3',
      to: 'n1',
      term: lone.term,
      seq: 0,
      sentAt: tick(0),
      ackSeq: 1,
      durableIndex: logIndex(0),
      reject: undefined,
      touches: [],
      restTicks: 0,
    });
    assert.deepEqual(lone.ready().snapshotsWanted, ['n3']);
    const data = new Uint8Array(2.5 * limits.snapshotChunkBytes);
    lone.raft.provideSnapshot('n3', { meta: { index: logIndex(1), term: lone.term, membership }, data });
    const offsets: number[] = [];
    for (const nextOffset of [limits.snapshotChunkBytes, 2 * limits.snapshotChunkBytes, 0]) {
      for (const message of lone.ready().messages) if (message.type === 'SNAPSHOT') offsets.push(message.offset);
      lone.raft.step({ type: 'SNAPSHOT_ACK', from: 'n3', to: 'n1', term: lone.term, index: logIndex(1), nextOffset, installed: false });
    }
    for (const message of lone.ready().messages) if (message.type === 'SNAPSHOT') offsets.push(message.offset);
    assert.deepEqual(offsets, [0, limits.snapshotChunkBytes, 2 * limits.snapshotChunkBytes, 0], 'the receiver was started anew at last');
  });
});
