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
});
