import assert from 'node:assert/strict';
import type { Ready } from '../../../consensus/core/ready.ts';
import { type Entry, logIndex, term } from '../../../consensus/core/types.ts';
import { Requests } from '../../../consensus/driver/requests.ts';

const command = { kind: 'command', data: new Uint8Array([1]) } as const;
const ready = (part: Partial<Ready>): Ready => ({ refused: [], accepted: [], reads: [], verdicts: [], ...part }) as never;

/** A member that passes its requests on, and the attempts it made. */
function member() {
  const requests = new Requests('n2', 1);
  const attempts: number[] = [];
  const attempt = (id: number) => attempts.push(id);
  const core = { propose: attempt, read: attempt, changeMembership: attempt, revalidate: () => undefined };
  let nowMs = 0;
  const dispatch = (leader: string, inTerm: number): void => {
    nowMs += 100;
    requests.dispatch(core, leader, term(inTerm), nowMs);
  };
  const applied = (index: number, requestId: number): void => {
    const entry: Entry = { index: logIndex(index), term: term(1), kind: 'command', origin: { node: 'n2', requestId }, data: command.data };
    requests.applied(entry, `applied ${index}`);
  };
  return { requests, attempts, dispatch, applied, submit: () => requests.submit(command, nowMs, {}) };
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

  it('K8: are not tried again when they were accepted: their place in the log decides', async () => {
    const { requests, attempts, dispatch, submit } = member();
    const outcome = submit();
    dispatch('n1', 1);
    requests.take(ready({ accepted: [{ requestId: attempts[0] as number, index: logIndex(9), term: term(1) }] }), logIndex(3), 0);
    requests.newTerm(term(2), 100);
    dispatch('n3', 2);
    assert.equal(attempts.length, 1);
    requests.applied({ index: logIndex(9), term: term(2), kind: 'noop', origin: undefined, data: new Uint8Array(0) }, undefined);
    await assert.rejects(outcome, { code: 'SUPERSEDED', definite: true });
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
