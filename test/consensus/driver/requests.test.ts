import assert from 'node:assert/strict';
import type { Ready } from '../../../consensus/core/ready.ts';
import { type Entry, logIndex, term } from '../../../consensus/core/types.ts';
import { type RequestOptions, Requests } from '../../../consensus/driver/requests.ts';

const command = { kind: 'command', data: new Uint8Array([1]) } as const;
const ready = (part: Partial<Ready>): Ready => ({ refused: [], accepted: [], reads: [], verdicts: [], ...part }) as never;

/** A member that passes its requests on, and the attempts it made. */
function member() {
  const requests = new Requests('n2', 1);
  const attempts: number[] = [];
  const attempt = (id: number) => attempts.push(id);
  const core = { propose: attempt, read: attempt, changeMembership: attempt, revalidate: () => undefined };
  let nowMs = 0;
  const dispatch = (leader: string | undefined, inTerm: number, afterMs = 100): void => {
    nowMs += afterMs;
    requests.dispatch(core, leader, term(inTerm), nowMs);
  };
  const applied = (index: number, requestId: number): void => {
    const entry: Entry = { index: logIndex(index), term: term(1), kind: 'command', origin: { node: 'n2', requestId }, data: command.data };
    requests.applied(entry, `applied ${index}`, nowMs);
  };
  return { requests, attempts, dispatch, applied, submit: (options: RequestOptions = {}) => requests.submit(command, nowMs, options) };
}

describe('requests passed on', () => {
  it('K12: are tried again with the next leader when the last one did not take them: then they never happen', async () => {
    const { requests, attempts, dispatch, applied, submit } = member();
    const outcome = submit();
    dispatch('n1', 1);
    requests.newTerm(term(2), 100);
    dispatch('n3', 2);
    assert.equal(attempts.length, 2);
    assert.notEqual(attempts[0], attempts[1], 'an answer to the first is nobody’s now');
    applied(7, attempts[1] as number);
    assert.equal(await outcome, 'applied 7');
  });

  it('K12: are offered to a new leader at once, and to the one that refused them after a pause', () => {
    const { requests, attempts, dispatch, submit } = member();
    void submit();
    dispatch('n1', 1);
    const refused = (attempt: number | undefined) => ({ requestId: attempt as number, code: 'STEPPING_DOWN', leader: undefined }) as const;
    requests.take(ready({ refused: [refused(attempts[0])] }), logIndex(0), 100);
    dispatch('n1', 1, 1);
    assert.equal(attempts.length, 1);
    dispatch('n3', 2, 1);
    assert.equal(attempts.length, 2);
    requests.take(ready({ refused: [refused(attempts[1])] }), logIndex(0), 102);
    dispatch('n3', 2, 1);
    assert.equal(attempts.length, 2);
    dispatch('n3', 2, 100);
    assert.equal(attempts.length, 3);
  });

  it('K5 K7: are handed to the leadership they are meant for again, and to no other', async () => {
    for (const [leader, inTerm] of [
      ['n1', 1],
      ['n1', 2],
      ['n2', 2],
      [undefined, 1],
    ] as const) {
      const { requests, attempts, dispatch, submit } = member();
      const refused = assert.rejects(submit({ inTerm: term(1) }), { code: 'NOT_LEADER', definite: true, leader });
      dispatch('n2', 1);
      requests.take(ready({ refused: [{ requestId: attempts[0] as number, code: 'STEPPING_DOWN', leader: 'n2' }] }), logIndex(0), 100);
      dispatch('n2', 1);
      assert.equal(attempts.length, 2, 'it leads on');
      requests.take(ready({ refused: [{ requestId: attempts[1] as number, code: 'STEPPING_DOWN', leader: 'n2' }] }), logIndex(0), 200);
      dispatch(leader, inTerm, 0);
      await refused;
      assert.equal(attempts.length, 2);
    }
  });

  it('K8: are not tried again when the last leader took them: they were applied before its successor began', async () => {
    const { requests, attempts, dispatch, applied, submit } = member();
    const outcome = submit();
    dispatch('n1', 1);
    applied(5, attempts[0] as number);
    requests.newTerm(term(2), 100);
    dispatch('n3', 2);
    assert.equal(attempts.length, 1);
    assert.equal(await outcome, 'applied 5');
  });

  const accepted = (requestId: number | undefined, index: number): Ready =>
    ready({ accepted: [{ requestId: requestId as number, index: logIndex(index), term: term(1) }] });

  it('K8: are tried again when another entry took the place they were promised', async () => {
    const { requests, attempts, dispatch, applied, submit } = member();
    const outcome = submit();
    dispatch('n1', 1);
    requests.take(accepted(attempts[0], 9), logIndex(3), 0);
    dispatch('n3', 2);
    assert.equal(attempts.length, 1, 'not before its place is taken');
    requests.applied({ index: logIndex(9), term: term(2), kind: 'noop', origin: undefined, data: new Uint8Array(0) }, undefined, 100);
    dispatch('n3', 2);
    applied(10, attempts[1] as number);
    assert.equal(await outcome, 'applied 10');
  });

  it('K8: are tried again when the next leader’s log ends before their place, though nothing else may ever come there', async () => {
    const { requests, attempts, dispatch, applied, submit } = member();
    const outcome = submit();
    dispatch('n1', 1);
    requests.take(accepted(attempts[0], 9), logIndex(3), 0);
    requests.newTerm(term(2), 100); // Its no-op has place 4.
    dispatch('n3', 2);
    applied(5, attempts[1] as number);
    assert.equal(await outcome, 'applied 5');
  });

  it('K8: are tried again when their place was passed before the word of it came, unless a snapshot passed it', async () => {
    for (const isJumped of [false, true]) {
      const { requests, attempts, dispatch, applied, submit } = member();
      const outcome = submit();
      dispatch('n1', 1);
      if (isJumped) requests.installed(logIndex(12));
      requests.take(accepted(attempts[0], 9), logIndex(12), 0);
      dispatch('n3', 2);
      if (isJumped) await assert.rejects(outcome, { code: 'OUTCOME_UNKNOWN', definite: false });
      else {
        applied(13, attempts[1] as number);
        assert.equal(await outcome, 'applied 13');
      }
    }
  });

  it('K8: are repeated, as the same attempt, when the connection to the leader is a new one', async () => {
    const { requests, attempts, dispatch, applied, submit } = member();
    const [outcome, other] = [submit(), submit()];
    dispatch('n1', 1);
    requests.take(accepted(attempts[1], 9), logIndex(3), 0);
    requests.linkUp('n2');
    dispatch('n1', 1);
    assert.equal(attempts.length, 2, 'not for anybody else’s connection');
    requests.linkUp('n1');
    requests.linkUp('n3');
    dispatch('n1', 1);
    assert.deepEqual(attempts.slice(2), [attempts[0]], 'what was answered needs no repeating, whoever else comes back at the same time');
    requests.linkUp('n1');
    dispatch('n1', 2);
    assert.equal(attempts.length, 3, 'in another term it would be another request');
    applied(8, attempts[0] as number);
    applied(9, attempts[1] as number);
    assert.deepEqual(await Promise.all([outcome, other]), ['applied 8', 'applied 9']);
  });

  it('K8: have an unknown outcome when a snapshot may hold them', async () => {
    const { requests, attempts, dispatch, submit } = member();
    const outcome = submit();
    dispatch('n1', 1);
    requests.installed(logIndex(50));
    requests.newTerm(term(2), 100);
    await assert.rejects(outcome, { code: 'OUTCOME_UNKNOWN', definite: false });
    dispatch('n3', 2);
    assert.equal(attempts.length, 1, 'it may have happened: it is not done twice');
  });
});
