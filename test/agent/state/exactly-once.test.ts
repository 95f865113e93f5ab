import assert from 'node:assert/strict';
import type { SessionRequest } from '../../../agent/state/clients.ts';
import { type Command, stateLimits } from '../../../agent/state/commands.ts';
import type { SessionClaim } from '../../../agent/state/session-table.ts';
import { codeOf, Replica } from './replica.ts';

/** Changes the state each time it is applied. */
const ticket: Command = { type: 'kvPut', key: 'ticket/', value: '', sequential: true };

describe('changes that are sent again', () => {
  const numbered = (claim: SessionClaim, sequence: number, lowestAwaited = 1): { request: SessionRequest } => ({
    request: { ...claim, sequence, lowestAwaited },
  });

  it('K8: a numbered request is done once, whoever keeps the memory: this member, or one that got a snapshot', () => {
    const site = new Replica();
    const claim = site.open();
    const first = site.do(ticket, numbered(claim, 1));
    assert.ok(first.ok);
    assert.deepEqual(site.do(ticket, numbered(claim, 1)), first);
    assert.deepEqual(site.copied().do(ticket, numbered(claim, 1)), first);
    assert.equal(site.keys().length, 1);
    const refused = site.do({ type: 'kvDelete', key: 'nothing' }, numbered(claim, 2));
    assert.equal(codeOf(refused), 'NOT_FOUND');
    site.do({ type: 'kvPut', key: 'nothing', value: 'is there now' });
    assert.deepEqual(site.do({ type: 'kvDelete', key: 'nothing' }, numbered(claim, 2)), refused, 'a refusal is an outcome like others');
  });

  it('K8: what is still awaited is never dropped, and what is not may come too late', () => {
    const site = new Replica();
    const claim = site.open();
    const { resultsPerClientMax: window } = stateLimits;
    const first = Array.from({ length: window }, (_, i) => site.do(ticket, numbered(claim, i + 1)));
    assert.equal(codeOf(site.do(ticket, numbered(claim, window + 1))), 'WINDOW_FULL');
    for (const [i, outcome] of first.entries()) assert.deepEqual(site.do(ticket, numbered(claim, i + 1)), outcome);
    assert.equal(codeOf(site.do(ticket, numbered(claim, window + 1, 3))), 'ok', 'the refused one comes again, with two answers taken');
    assert.equal(codeOf(site.do(ticket, numbered(claim, 2, 1))), 'SEQUENCE_FORGOTTEN', 'an old attempt that was long under way');
    assert.deepEqual(site.do(ticket, numbered(claim, 3, 1)), first[2]);
    assert.equal(site.keys().length, window + 1);
  });

  it('K8: many sessions push nothing of one another out', () => {
    const site = new Replica();
    const claims = Array.from({ length: 5000 }, () => site.open());
    const first = claims.map((claim) => site.do(ticket, numbered(claim, 1)));
    assert.deepEqual(
      claims.map((claim) => site.do(ticket, numbered(claim, 1))),
      first,
    );
    assert.equal(site.keys().length, claims.length);
  });

  it('K8: after the client moved, an attempt left behind does nothing, and the answer is found from the new place', () => {
    const site = new Replica();
    const claim = site.open('a');
    const first = site.do(ticket, numbered(claim, 1));
    const { revision } = site.do({ type: 'sessionMove', session: claim.session, owner: 'b' });
    const moved = { ...claim, ownerEpoch: revision };
    assert.deepEqual(site.do(ticket, numbered(moved, 1)), first);
    assert.equal(codeOf(site.do(ticket, numbered(claim, 2))), 'SESSION_MOVED');
    assert.equal(codeOf(site.do(ticket, numbered(moved, 2))), 'ok', 'a refusal of this kind is not what the request came to');
    assert.equal(site.keys().length, 2);
  });

  it('K8: with the session ends what was remembered of it, and its requests with it', () => {
    const site = new Replica();
    const claim = site.open();
    site.do(ticket, numbered(claim, 1));
    assert.equal(codeOf(site.do({ type: 'sessionClose', session: claim.session }, numbered(claim, 2))), 'ok');
    assert.equal(codeOf(site.do(ticket, numbered(claim, 1))), 'SESSION_EXPIRED');
    assert.deepEqual(
      [...site.state.rows()].map(([key]) => key).filter((key) => key.startsWith('request/')),
      [],
    );
  });

  it('K8: an Idempotency-Key is remembered for as long as there is room, oldest first, on every member alike', () => {
    const site = new Replica();
    const first = site.do(ticket, { idempotencyKey: 'first' });
    const second = site.do(ticket, { idempotencyKey: 'second' });
    for (let i = 2; i < stateLimits.idempotencyKeysMax; i += 1) site.do(ticket, { idempotencyKey: `more-${i}` });
    assert.deepEqual(site.do(ticket, { idempotencyKey: 'first' }), first);
    const copy = site.copied();
    for (const member of [site, copy]) {
      member.do(ticket, { idempotencyKey: 'one too many' });
      assert.deepEqual(member.do(ticket, { idempotencyKey: 'second' }), second);
      assert.notDeepEqual(member.do(ticket, { idempotencyKey: 'first' }), first);
    }
    assert.deepEqual(copy.values(), site.values());
  });
});
