import assert from 'node:assert/strict';
import { Replica } from './replica.ts';

const code = (outcome: ReturnType<Replica['do']>): string => (outcome.ok ? 'ok' : outcome.code);
const facts = (name: string) => ({ peerId: `key-${name}`, address: `/ip4/10.0.0.1/tcp/${name.length}` });

describe('who belongs to the site, as the state has it', () => {
  it('K11 K13: a founder that healed, of whom the state knows no key, can be given another role, and keep it', () => {
    const site = new Replica();
    for (const name of ['box-a', 'box-b']) {
      site.do({ type: 'memberSeen', name, incarnation: 1 });
      assert.equal(code(site.do({ type: 'memberHeal', name, incarnation: 7, role: 'voter' })), 'ok');
      assert.equal(code(site.do({ type: 'memberRenewed', name, incarnation: 7 })), 'ok');
      assert.equal(code(site.do({ type: 'memberHealed', name, incarnation: 7 })), 'ok');
    }
    assert.equal(
      code(site.do({ type: 'memberSet', name: 'box-a', role: 'learner', ...facts('box-a') })),
      'ok',
      'its key comes with the wish',
    );
    assert.equal(code(site.do({ type: 'memberSet', name: 'box-b', role: 'learner' })), 'ok', 'two without a key are not the same box');
    assert.equal(site.state.members().get('box-a')?.peerId, 'key-box-a');
    assert.equal(code(site.do({ type: 'memberSet', name: 'box-a', role: 'voter', ...facts('box-x') })), 'NAME_TAKEN');
    assert.equal(
      code(site.do({ type: 'memberSet', name: 'box-b', role: 'voter', ...facts('box-a') })),
      'NAME_TAKEN',
      'a key of somebody else',
    );
  });

  it('K11: the address of a member follows it, and nothing else of what it is to be; of one that left nothing comes back', () => {
    const site = new Replica();
    const moved = (name: string, address: string, movedAs: number, peerId = `key-${name}`) =>
      code(site.do({ type: 'memberSet', name, role: 'voter', peerId, address, movedAs }));
    assert.equal(moved('box-a', '/ip4/10.0.0.9/tcp/1', 1), 'MEMBER_INVALID', 'nobody of this name is listened to');
    site.do({ type: 'memberSeen', name: 'box-a', incarnation: 1 });
    assert.equal(moved('box-a', '/ip4/10.0.0.9/tcp/1', 2), 'MEMBER_INVALID', 'it is known by another incarnation');
    assert.equal(moved('box-a', '', 1), 'MEMBER_INVALID');
    assert.equal(moved('box-a', '/ip4/10.0.0.9/tcp/1', 1), 'ok');
    assert.deepEqual(
      { ...site.state.members().get('box-a'), revision: 0 },
      { peerId: 'key-box-a', address: '/ip4/10.0.0.9/tcp/1', role: 'voter', revision: 0 },
      'a founder has a row from then on',
    );
    assert.equal(moved('box-a', '/ip4/10.0.0.8/tcp/1', 1, 'key-box-x'), 'NAME_TAKEN');
    site.do({ type: 'memberSet', name: 'box-a', role: 'learner' });
    const { revision } = site.state.members().get('box-a') ?? {};
    assert.equal(moved('box-a', '/ip4/10.0.0.9/tcp/1', 1), 'ok');
    assert.equal(site.state.members().get('box-a')?.revision, revision, 'nothing changed');
    assert.equal(moved('box-a', '/ip4/10.0.0.7/tcp/1', 1), 'ok');
    assert.equal(site.state.members().get('box-a')?.role, 'learner', 'what it is to be was decided meanwhile');
    site.do({ type: 'memberSet', name: 'box-a', role: 'none' });
    assert.equal(moved('box-a', '/ip4/10.0.0.6/tcp/1', 1), 'MEMBER_INVALID', 'it is to leave');
    site.do({ type: 'memberGone', name: 'box-a' });
    assert.equal(moved('box-a', '/ip4/10.0.0.6/tcp/1', 1), 'MEMBER_INVALID', 'it left');
    assert.equal(site.state.members().has('box-a'), false);
  });
});
