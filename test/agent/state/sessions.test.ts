import assert from 'node:assert/strict';
import { codeOf, Replica } from './replica.ts';

describe('sessions in the state', () => {
  it('K5: all keys of a session go at the log index that ends it, and no others', () => {
    const replica = new Replica();
    const one = replica.open();
    const two = replica.open();
    for (const key of ['x', 'y']) replica.do({ type: 'kvPut', key: `one/${key}`, value: '', session: one });
    replica.do({ type: 'kvPut', key: 'two/x', value: '', session: two });
    replica.do({ type: 'kvPut', key: 'stays', value: '' });
    assert.equal(replica.state.sessions().find(({ session }) => session === one.session)?.keys, 2);
    const copy = replica.copied();
    for (const each of [replica, copy]) {
      assert.equal(codeOf(each.do({ type: 'sessionsExpire', sessions: [one.session, 999] })), 'ok');
      assert.deepEqual(each.keys(), ['stays', 'two/x'], 'also after a snapshot');
    }
    assert.deepEqual([...replica.state.rows()], [...copy.state.rows()]);
    assert.equal(codeOf(replica.do({ type: 'kvPut', key: 'late', value: '', session: one })), 'SESSION_EXPIRED');
    assert.equal(codeOf(replica.do({ type: 'sessionMove', session: one.session, owner: 'b' })), 'SESSION_EXPIRED');
    assert.equal(codeOf(replica.do({ type: 'sessionClose', session: two.session })), 'ok');
    assert.deepEqual(replica.keys(), ['stays']);
  });

  it('K6: a client that moves keeps its keys, and what comes over the old connection is refused', () => {
    const replica = new Replica();
    const claim = replica.open('a');
    replica.do({ type: 'kvPut', key: 'lock', value: 'mine', session: claim });
    const moved = replica.do({ type: 'sessionMove', session: claim.session, owner: 'b' });
    assert.deepEqual(replica.keys(), ['lock']);
    assert.deepEqual(replica.state.session(claim.session), {
      ttlMs: 5000,
      owner: 'b',
      ownerEpoch: moved.revision,
      openedAt: claim.session,
    });
    assert.equal(codeOf(replica.do({ type: 'kvPut', key: 'lock', value: 'stale', session: claim })), 'SESSION_MOVED');
    assert.equal(replica.state.kv('lock')?.value, 'mine');
    const fresh = { session: claim.session, ownerEpoch: moved.revision };
    assert.equal(codeOf(replica.do({ type: 'kvPut', key: 'lock', value: 'again', session: fresh })), 'ok');
    replica.do({ type: 'sessionMove', session: claim.session, owner: 'b' });
    assert.equal(replica.state.session(claim.session)?.ownerEpoch, moved.revision, 'the same owner keeps its epoch');
  });

  it('K5: a key keeps the session it was made in, and a key that stays is bound by none', () => {
    const replica = new Replica();
    const claim = replica.open();
    replica.do({ type: 'kvPut', key: 'stays', value: '1' });
    replica.do({ type: 'kvPut', key: 'stays', value: '2', session: claim });
    replica.do({ type: 'kvPut', key: 'goes', value: '1', session: claim });
    replica.do({ type: 'kvPut', key: 'goes', value: '2' });
    assert.equal(replica.state.kv('goes')?.session, claim.session);
    replica.do({ type: 'sessionClose', session: claim.session });
    assert.deepEqual(replica.keys(), ['stays']);
  });

  it('K5: a key that was deleted and made anew without a session outlives the session', () => {
    const replica = new Replica();
    const claim = replica.open();
    replica.do({ type: 'kvPut', key: 'k', value: '1', session: claim });
    replica.do({ type: 'kvDelete', key: 'k' });
    replica.do({ type: 'kvPut', key: 'k', value: '2' });
    replica.do({ type: 'sessionClose', session: claim.session });
    assert.deepEqual(replica.keys(), ['k']);
  });

  it('C10: sequential keys come in the order they were made, and the smallest that lives is the oldest', () => {
    const replica = new Replica();
    const clients = Array.from({ length: 12 }, () => replica.open());
    const keys = clients.map((session) => {
      const outcome = replica.do({ type: 'kvPut', key: 'watcher/', value: String(session.session), session, sequential: true });
      assert.ok(outcome.ok && outcome.key !== undefined);
      return outcome.key;
    });
    assert.deepEqual(replica.keys('watcher/'), keys);
    for (const [i, { session }] of clients.entries()) {
      assert.equal(replica.keys('watcher/')[0], keys[i], 'whoever came next leads');
      replica.do({ type: 'sessionClose', session });
    }
    assert.deepEqual(replica.keys('watcher/'), []);
  });

  it('K5: refuses lives that are too short or too long, and more sessions than a site may hold', () => {
    const replica = new Replica();
    assert.equal(codeOf(replica.do({ type: 'sessionOpen', ttlMs: 999, owner: 'a' })), 'TTL_INVALID');
    assert.equal(codeOf(replica.do({ type: 'sessionOpen', ttlMs: 24 * 3600 * 1000 + 1, owner: 'a' })), 'TTL_INVALID');
    for (let i = 0; i < 20_000; i += 1) replica.open();
    assert.equal(codeOf(replica.do({ type: 'sessionOpen', ttlMs: 5000, owner: 'a' })), 'STATE_FULL');
  });

  it('K5: log entries of another shape are refused, not thrown', () => {
    const replica = new Replica();
    for (const command of [
      { type: 'kvPut', key: 'k', value: '', session: 7 },
      { type: 'kvPut', key: 'k', value: '', session: { session: 1 } },
      { type: 'kvPut', key: 'k', value: '', sequential: 'yes' },
      { type: 'sessionsExpire', sessions: [-1] },
      { type: 'sessionOpen', ttlMs: 'long', owner: 'a' },
    ])
      assert.equal(codeOf(replica.do(command as never)), 'BAD_COMMAND');
  });
});
