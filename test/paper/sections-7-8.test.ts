import assert from 'node:assert/strict';
import { crc32c } from '../../consensus/core/crc32c.ts';
import { InvariantError } from '../../consensus/core/invariant.ts';
import type { Request, SnapshotChunk } from '../../consensus/core/messages.ts';
import { type EntryId, logIndex, term } from '../../consensus/core/types.ts';
import { LoneRaft } from '../consensus/core/lone-raft.ts';
import { all, answerTo, appendEntries, appendReply, heartbeat, id, one, sent } from './rpc.ts';

const state = new Uint8Array([1, 2, 3, 4]);
const membership = { voters: ['n1', 'n2', 'n4'], learners: [] };

/** The paper's InstallSnapshot: the bytes from `offset` to `end` of the state at `last`. */
const installSnapshot = (inTerm: number, last: EntryId, offset: number, end: number, data = state): SnapshotChunk => ({
  type: 'SNAPSHOT',
  from: 'n2',
  to: 'n1',
  term: term(inTerm),
  meta: { ...last, membership },
  offset,
  totalBytes: data.length,
  checksum: crc32c(data),
  data: data.slice(offset, end),
});

/** Takes Readies until a snapshot is handed out, and installs it. */
function install(lone: LoneRaft): Uint8Array | undefined {
  for (let turn = 0; turn < 3; turn += 1) {
    const { install: snapshot } = lone.saved();
    if (snapshot === undefined) continue;
    lone.raft.step({ type: 'INSTALLED', index: snapshot.meta.index });
    return snapshot.data;
  }
  return undefined;
}

describe('Raft paper, section 7, log compaction', () => {
  it('Section 7: only what is applied and durable is compacted; index and term of the last such entry are kept', () => {
    const lone = new LoneRaft({ terms: [1, 1, 2], applied: 2 });
    assert.throws(() => lone.raft.compact(logIndex(3)), InvariantError);
    lone.raft.compact(logIndex(2));
    assert.equal(lone.raft.view().firstIndex, 3);
    answerTo(lone, appendEntries('n2', 3, id(1, 2), [3]));
    assert.equal(lone.raft.view().lastIndex, 3, 'the consistency check of the entry after it still works');
    assert.equal(one(answerTo(lone, appendEntries('n2', 3, id(2, 3), [3])), 'ACK')?.reject?.prevIndex, 3);
  });

  it('Section 7: the configuration as of that index belongs to the snapshot', () => {
    const lone = new LoneRaft({ terms: [1, 1], applied: 2 });
    assert.deepEqual(lone.raft.membershipAt(logIndex(2)).voters, ['n1', 'n2', 'n3']);
  });

  it('Section 7: a leader sends a snapshot to whom it no longer has the next entry for, and entries after it', () => {
    const lone = new LoneRaft({ terms: [1, 1, 1], applied: 3 });
    lone.raft.compact(logIndex(2));
    lone.elect();
    sent(lone);
    lone.raft.step(appendReply('n2', 2, 0, { prevIndex: logIndex(3), hintTerm: term(0), hintIndex: logIndex(0) }));
    assert.deepEqual(lone.ready().snapshotsWanted, ['n2']);
    lone.raft.provideSnapshot('n2', { meta: { ...id(1, 3), membership }, data: state });
    const chunk = one(sent(lone), 'SNAPSHOT');
    assert.deepEqual([chunk?.meta.index, chunk?.meta.term, chunk?.offset, chunk?.data], [3, 1, 0, state]);
    const done = { type: 'SNAPSHOT_ACK', from: 'n2', to: 'n1', term: term(2), index: logIndex(3), nextOffset: 0, installed: true } as const;
    const next = all(answerTo(lone, done), 'APPEND').find(({ to }) => to === 'n2');
    assert.deepEqual([next?.prevIndex, next?.prevTerm, next?.entries.length], [3, 1, 1]);
  });

  it('Section 7, InstallSnapshot receiver 1: an older term is answered with the present one, and nothing is taken', () => {
    const lone = new LoneRaft({ terms: [3] });
    const answer = one(answerTo(lone, installSnapshot(2, id(2, 9), 0, 4)), 'ACK');
    assert.equal(answer?.term, 3);
    assert.equal(install(lone), undefined);
  });

  it('Section 7, InstallSnapshot receiver 2 to 4: chunks are put together by offset, and more is asked for until all is there', () => {
    const lone = new LoneRaft();
    const next = (offset: number, end: number) =>
      one(answerTo(lone, installSnapshot(1, id(1, 9), offset, end)), 'SNAPSHOT_ACK')?.nextOffset;
    assert.equal(next(0, 2), 2);
    assert.equal(next(3, 4), 2, 'a gap is not filled with anything');
    assert.equal(next(0, 2), 2, 'a repeated chunk changes nothing');
    lone.raft.step(installSnapshot(1, id(1, 9), 2, 4));
    assert.deepEqual(install(lone), state);
  });

  it('Section 7, InstallSnapshot receiver 4: answers say "installed" only once it is durable', () => {
    const lone = new LoneRaft();
    lone.raft.step(installSnapshot(1, id(1, 9), 0, 4));
    const before = [...sent(lone), ...all(lone.ready().messages, 'SNAPSHOT_ACK')];
    assert.ok(before.every((message) => message.type !== 'SNAPSHOT_ACK' || !message.installed));
    lone.raft.step({ type: 'INSTALLED', index: logIndex(9) });
    assert.equal(one(sent(lone), 'SNAPSHOT_ACK')?.installed, true);
  });

  it('Section 7, InstallSnapshot receiver 5: a newer snapshot takes the place of one half received', () => {
    const lone = new LoneRaft();
    answerTo(lone, installSnapshot(1, id(1, 5), 0, 2));
    const rest = one(answerTo(lone, installSnapshot(1, id(1, 7), 2, 4)), 'SNAPSHOT_ACK');
    assert.equal(rest?.nextOffset, 0, 'the rest of another snapshot is not the rest of this one');
    const newer = new Uint8Array([7, 7]);
    lone.raft.step(installSnapshot(1, id(1, 9), 0, 2, newer));
    assert.deepEqual(install(lone), newer);
    assert.equal(lone.raft.view().commitIndex, 9);
  });

  it('Section 7, InstallSnapshot receiver 6: a log that has the last included entry keeps it and what follows', () => {
    const lone = new LoneRaft({ terms: [1, 1, 1] });
    lone.raft.step(installSnapshot(2, id(1, 2), 0, 4));
    assert.equal(install(lone), undefined, 'nothing to install');
    const { lastIndex, commitIndex, firstIndex } = lone.raft.view();
    assert.deepEqual([firstIndex, lastIndex, commitIndex], [1, 3, 2]);
  });

  it('Section 7, InstallSnapshot receiver 7: every other log is discarded, longer or shorter', () => {
    for (const terms of [[1], [1, 1, 1, 1, 1]]) {
      const lone = new LoneRaft({ terms });
      lone.raft.step(installSnapshot(3, id(2, 3), 0, 4));
      assert.deepEqual(install(lone), state);
      const { firstIndex, lastIndex, commitIndex } = lone.raft.view();
      assert.deepEqual([firstIndex, lastIndex, commitIndex], [4, 3, 3]);
    }
  });

  it('Section 7, InstallSnapshot receiver 8: state and configuration are those of the snapshot', () => {
    const lone = new LoneRaft();
    lone.raft.step(installSnapshot(1, id(1, 9), 0, 4));
    assert.deepEqual(install(lone), state);
    assert.deepEqual(lone.raft.view().membership, membership);
    assert.equal(lone.raft.view().appliedIndex, 9);
  });
});

const request = (kind: Request['kind'], requestId: number, inTerm: number): Request => ({
  type: 'REQUEST',
  from: 'n2',
  to: 'n1',
  term: term(inTerm),
  requestId,
  kind,
  data: new Uint8Array(1),
});

describe('Raft paper, section 8, client interaction', () => {
  it('Section 8: who does not lead names the leader to who asks it, and sends on what its own clients ask', () => {
    const lone = new LoneRaft();
    answerTo(lone, heartbeat('n3', 1));
    const reply = one(answerTo(lone, request('command', 1, 1)), 'REPLY');
    assert.deepEqual(reply?.outcome, { kind: 'refused', code: 'NOT_LEADER', leader: 'n3' });
    lone.raft.propose(2, new Uint8Array(1));
    assert.equal(one(sent(lone), 'REQUEST')?.to, 'n3');
  });

  it('Section 8: a command that comes twice is in the log once, and answered alike', () => {
    const lone = new LoneRaft();
    lone.elect();
    const answers = [1, 2].map(() => one(answerTo(lone, request('command', 7, 1)), 'REPLY')?.outcome);
    assert.deepEqual(answers[0], answers[1]);
    assert.equal(lone.raft.view().lastIndex, 2);
  });

  it('Section 8: a leader begins its term with a blank no-op entry', () => {
    const lone = new LoneRaft({ terms: [1] });
    lone.elect();
    assert.deepEqual(
      lone.ready().save?.entries.map(({ kind, term: inTerm, index }) => [kind, inTerm, index]),
      [['noop', 2, 2]],
    );
  });

  it('Section 8: no read is answered before the no-op is committed and applied', () => {
    const lone = new LoneRaft();
    lone.elect();
    sent(lone);
    lone.raft.read(1);
    lone.pass(10);
    sent(lone);
    lone.ack('n2', 0, 2);
    assert.deepEqual(lone.saved().reads, []);
    lone.ack('n2', 1, 2);
    sent(lone);
    lone.raft.advance(logIndex(1));
    lone.saved();
    lone.ack('n2', 1, 3);
    assert.deepEqual(lone.saved().reads, [{ requestId: 1, index: 1 }]);
  });

  it('Section 8: a read is answered only after a majority answered a heartbeat sent since it came', () => {
    const lone = new LoneRaft();
    lone.elect();
    sent(lone);
    lone.ack('n2', 1, 1);
    sent(lone);
    lone.raft.advance(logIndex(1));
    lone.raft.read(1);
    const round = all(sent(lone), 'PING')[0]?.seq ?? 0;
    lone.ack('n3', 1, round - 1);
    assert.deepEqual(lone.saved().reads, [], 'an answer to an earlier heartbeat');
    lone.ack('n3', 1, round);
    assert.deepEqual(lone.saved().reads, [{ requestId: 1, index: 1 }]);
  });
});
