/** When a member whose last batch was dropped knows that it lacks nothing any more. */
import assert from 'node:assert/strict';
import type { Ack, Ping } from '../../../consensus/core/messages.ts';
import { logIndex } from '../../../consensus/core/types.ts';
import { appendEntries, heartbeat, id } from '../../paper/rpc.ts';
import { LoneRaft } from './lone-raft.ts';

/** Entries 1 and 2 are left; something up to entry 42 may have been acknowledged. */
const vague = { terms: [1, 1], term: 1, uncertain: id(1, 42) } as const;

const ping = (lastIndex: number, ackSeqSeen: number): Ping => ({ ...heartbeat('n2', 1), ackSeqSeen, lastIndex: logIndex(lastIndex) });

/** Takes the PING, and gives the number of the answer. */
function answered(lone: LoneRaft, message: Ping): number {
  lone.raft.step(message);
  const { messages } = lone.saved();
  return messages.find((sent): sent is Ack => sent.type === 'ACK')?.ackSeq ?? 0;
}

describe('an uncertain tail', () => {
  it('K13: is settled by a PING that was sent after the start, once all of the leader’s log is here', () => {
    const lone = new LoneRaft(vague);
    const first = answered(lone, ping(3, 0));
    lone.raft.step(appendEntries('n2', 1, id(1, 2), [1]));
    lone.saved();
    answered(lone, ping(4, first));
    assert.ok(lone.raft.view().uncertain, 'entry 4 of the leader is not here');
    lone.raft.step(appendEntries('n2', 1, id(1, 3), [1]));
    const { save } = lone.ready();
    lone.raft.step(ping(4, first));
    assert.ok(lone.raft.view().uncertain, 'and not durable');
    lone.raft.step({ type: 'SAVED', token: save?.token ?? 0 });
    lone.raft.step(ping(4, first));
    assert.ok(!lone.raft.view().uncertain);
    assert.deepEqual(
      lone.ready().events.filter(({ type }) => type === 'tail-certain'),
      [{ type: 'tail-certain' }],
    );
  });

  it('K13: is not settled by a PING of before: the leader may have more since, acknowledged by this very member', () => {
    const lone = new LoneRaft(vague);
    lone.raft.step(appendEntries('n2', 1, id(1, 1), [1]));
    const first = answered(lone, ping(2, 0));
    for (const unknown of [0, first - 1, first + 1000]) answered(lone, ping(2, unknown));
    assert.ok(lone.raft.view().uncertain);
    answered(lone, ping(0, first));
    assert.ok(lone.raft.view().uncertain, 'a leader of an older release does not say how long its log is');
    answered(lone, ping(2, first));
    assert.ok(!lone.raft.view().uncertain);
  });

  it('K13: is settled under writes that come as often as the PINGs, by what the first PING of the term said', () => {
    const lone = new LoneRaft(vague);
    const first = answered(lone, ping(2, 0));
    let waiting: number | undefined;
    for (let held = 2; lone.raft.view().uncertain; held += 1) {
      assert.ok(held < 4, 'every PING speaks of two entries more than are durable here');
      lone.raft.step(ping(held + 1, first));
      lone.raft.step(appendEntries('n2', 1, id(1, held), [1]));
      const { save } = lone.ready();
      if (waiting !== undefined) lone.raft.step({ type: 'SAVED', token: waiting });
      waiting = save?.token;
    }
  });

  it('K13: is settled by a save that ends after the leader was given up', () => {
    const lone = new LoneRaft(vague);
    const first = answered(lone, ping(3, 0));
    lone.raft.step(ping(3, first));
    lone.raft.step(appendEntries('n2', 1, id(1, 2), [1]));
    const { save } = lone.ready();
    lone.pass(200);
    assert.equal(lone.raft.view().leader, undefined);
    lone.raft.step({ type: 'SAVED', token: save?.token ?? 0 });
    assert.ok(!lone.raft.view().uncertain, 'it holds all that it ever acknowledged, and can win or grant an election');
  });

  it('K13: what the leader of one term said is nothing to measure the leader of the next by', () => {
    const lone = new LoneRaft(vague);
    const first = answered(lone, ping(3, 0));
    answered(lone, ping(3, first));
    const next = answered(lone, { ...heartbeat('n3', 2), lastIndex: logIndex(9) });
    lone.raft.step(appendEntries('n3', 2, id(1, 2), [1]));
    lone.saved();
    assert.ok(lone.raft.view().uncertain, 'three entries, as the old leader had');
    const told = answered(lone, { ...heartbeat('n3', 2), ackSeqSeen: next, lastIndex: logIndex(4) });
    assert.ok(told > 0 && lone.raft.view().uncertain);
    lone.raft.step(appendEntries('n3', 2, id(1, 3), [1]));
    lone.saved();
    assert.ok(!lone.raft.view().uncertain);
  });

  it('K13: is settled by entries that were there before, as soon as the leader shows that they are its own', () => {
    const lone = new LoneRaft({ terms: [1, 1, 1], term: 1, uncertain: id(1, 3) });
    assert.ok(lone.raft.view().uncertain, 'they may be of another log');
    lone.raft.step(appendEntries('n2', 1, id(1, 3), []));
    assert.ok(!lone.raft.view().uncertain);
  });

  it('K13: is none where the state that was applied holds it', () => {
    assert.ok(!new LoneRaft({ terms: [1, 1], term: 1, applied: 2, uncertain: id(1, 2) }).raft.view().uncertain);
    assert.ok(new LoneRaft({ terms: [1, 1], term: 1, applied: 1, uncertain: id(1, 2) }).raft.view().uncertain);
  });
});
