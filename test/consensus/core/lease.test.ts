import assert from 'node:assert/strict';
import { later, Rounds, SentAcks } from '../../../consensus/core/lease.ts';
import { tick } from '../../../consensus/core/types.ts';

describe('lease', () => {
  it("runs from the sending of the ACK that the leader names, and from nothing for another process's ACK", () => {
    const acks = new SentAcks(1000);
    const first = acks.record(tick(5));
    const second = acks.record(tick(15));
    assert.equal(acks.sentAt(first), 5);
    assert.equal(acks.sentAt(second), 15);
    assert.equal(acks.sentAt(first), undefined, 'older ACKs are forgotten');
    assert.equal(acks.sentAt(999), undefined);
    acks.forget();
    assert.equal(acks.sentAt(second), undefined, 'a new term starts anew');
  });

  it('names only ACKs seen before the round that a majority answered began', () => {
    const rounds = new Rounds();
    const seen = new Map([['n2', 0]]);
    const copy = () => new Map(seen);
    rounds.begin(tick(10), copy);
    seen.set('n2', 71); // The answer to round 1: it may have left after somebody else was elected.
    assert.ok(rounds.update(1));
    assert.equal(rounds.leaseFrom, 10);
    assert.equal(rounds.ackSeqMajority('n2'), 0);
    rounds.begin(tick(20), copy);
    seen.set('n2', 72);
    assert.equal(rounds.ackSeqMajority('n2'), 0, 'round 2 is not answered yet');
    assert.ok(rounds.update(2));
    assert.equal(rounds.leaseFrom, 20);
    assert.equal(rounds.ackSeqMajority('n2'), 71);
  });

  it('does not move without a majority, and takes the oldest of the rounds of one tick', () => {
    const rounds = new Rounds();
    rounds.begin(tick(10), () => new Map([['n2', 1]]));
    rounds.begin(tick(10), () => new Map([['n2', 2]]));
    assert.ok(!rounds.update(0));
    assert.equal(rounds.leaseFrom, undefined);
    assert.ok(rounds.update(2));
    assert.equal(rounds.ackSeqMajority('n2'), 1);
    assert.equal(later(undefined, rounds.leaseFrom), 10);
    assert.equal(later(tick(11), rounds.leaseFrom), 11);
  });
});
