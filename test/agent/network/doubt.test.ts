import assert from 'node:assert/strict';
import type { Network } from '../../../agent/network/host.ts';
import type { Message } from '../../../consensus/core/messages.ts';
import { logIndex, term } from '../../../consensus/core/types.ts';
import { ping } from './ping.ts';
import { Site, until } from './site-fixture.ts';

const address = { from: 'n2', to: 'n1', term: term(1) } as const;
const voteReply: Message = { type: 'VOTE_REPLY', ...address, granted: true };
const vote: Message = {
  type: 'VOTE',
  from: 'n1',
  to: 'n2',
  term: term(2),
  lastTerm: term(0),
  lastIndex: logIndex(0),
  reason: 'timeout',
  complete: true,
};
const request: Message = { type: 'REQUEST', from: 'n1', to: 'n2', term: term(1), requestId: 1, kind: 'read', data: new Uint8Array(0) };
/** What the boxes of the fixture are, and what one of them was before. */
const [incarnation, former] = [1, 99];

describe('members and their starts', () => {
  let site: Site;
  let n1: Network;
  let n2: Network;
  let heard: { n1: string[]; n2: string[] };
  let links: string[];

  beforeEach(async () => {
    site = await Site.make(['n1', 'n2']);
    [n1, n2] = [site.build('n1'), site.build('n2')];
    heard = { n1: [], n2: [] };
    links = [];
    n1.consensus.onMessage(({ type }) => heard.n1.push(type));
    n2.consensus.onMessage(({ type }) => heard.n2.push(type));
    n1.consensus.onLink((peer, state) => links.push(`${peer} ${state}`));
    for (const { consensus } of [n1, n2]) consensus.setPromised(() => ({ term: term(1), votedFor: undefined, index: logIndex(10) }));
  });
  afterEach(() => site.close());

  it('K13: who acknowledged more since it greeted is not taken for one that was put back, whatever is written down of it', async () => {
    await Promise.all([n1.start(), n2.start()]);
    await until(() => links.includes('n2 up'), 'the link');
    n1.consensus.standing.promised('n2', 500);
    n1.consensus.setStarts(new Map([['n2', { incarnation, run: 1, start: 1 }]]));
    n2.consensus.send([ping('n2', 'n1', 1)]);
    await until(() => heard.n1.length === 1, 'a message over the same link');
    assert.deepEqual(links, ['n2 up']);
    assert.equal(n1.counters().hellosRefused, 0);
  });

  it('K13: a leader that came back as another incarnation than is known here is heard as a leader, and believed once it is written down', async () => {
    n1.consensus.setStarts(new Map([['n2', { incarnation: former, run: 7, start: 7 }]]));
    await Promise.all([n1.start(), n2.start()]);
    await until(() => {
      n2.consensus.send([voteReply, ping('n2', 'n1', 1)]);
      n1.consensus.send([vote, request]);
      return heard.n1.length >= 3 && heard.n2.length >= 3;
    }, 'messages both ways');
    assert.deepEqual([...new Set(heard.n1)], ['PING'], 'no vote of a memory that may be gone');
    heard.n2 = [];
    n1.consensus.send([vote, request]);
    await until(() => heard.n2.length > 0, 'a request');
    assert.ok(!heard.n2.includes('VOTE'), 'and it is not asked for one');
    assert.deepEqual(links, []);
    assert.equal(n1.consensus.refusalOf('n2', 1)?.code, 'INCARNATION_STALE', 'it is told when it asks');

    n1.consensus.setStarts(new Map([['n2', { incarnation, run: 1, start: 1 }]]));
    await until(() => links.includes('n2 up'), 'the link');
    n2.consensus.send([voteReply]);
    await until(() => heard.n1.includes('VOTE_REPLY'), 'its vote');
    assert.equal(n1.consensus.refusalOf('n2', 1), undefined);
  });

  it('K13: who turns out to be another incarnation while it is connected is not believed from then on', async () => {
    await Promise.all([n1.start(), n2.start()]);
    await until(() => links.includes('n2 up'), 'the link');
    n1.consensus.setStarts(new Map([['n2', { incarnation: former }]]));
    await until(() => {
      n2.consensus.send([voteReply, ping('n2', 'n1', 1)]);
      return heard.n1.length >= 3;
    }, 'what it says as a leader');
    assert.ok(!heard.n1.includes('VOTE_REPLY'));
  });
});
