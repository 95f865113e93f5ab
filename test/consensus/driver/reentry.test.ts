import assert from 'node:assert/strict';
import type { Message } from '../../../consensus/core/messages.ts';
import { logIndex, term } from '../../../consensus/core/types.ts';
import { mayPass } from '../../../consensus/driver/reentry.ts';

describe('the way back of a member that forgot everything', () => {
  const point = { term: term(5), index: logIndex(40) };
  const passes = (type: Message['type'], at: number) => mayPass(point, { type, from: 'a', to: 'b', term: term(at) } as Message);

  it('K13: it follows leaders of the term it was let in by, or later ones, and nobody of an earlier one', () => {
    for (const type of ['PING', 'APPEND', 'SNAPSHOT', 'ACK', 'SNAPSHOT_ACK', 'REPLY'] as const)
      assert.deepEqual([passes(type, 4), passes(type, 5), passes(type, 6)], [false, true, true], type);
  });

  it('K13: it takes no part in an election of any term', () => {
    for (const type of ['PREVOTE', 'PREVOTE_REPLY', 'VOTE', 'VOTE_REPLY', 'TIMEOUT_NOW'] as const)
      assert.deepEqual([passes(type, 4), passes(type, 5), passes(type, 9)], [false, false, false], type);
  });
});
