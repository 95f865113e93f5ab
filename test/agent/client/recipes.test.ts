import assert from 'node:assert/strict';
import { clearBarrier, enterBarrier } from '../../../agent/client/barrier.ts';
import { HeldSession } from '../../../agent/client/held-session.ts';
import { LeaderLatch } from '../../../agent/client/leader-latch.ts';
import { HeldLock } from '../../../agent/client/lock.ts';
import type { Item } from '../../../agent/client/port.ts';
import { predecessorOf } from '../../../agent/client/queue.ts';
import { asSiteError } from '../../../agent/client/site-error.ts';
import { PlayedSite } from './played-site.ts';
import { settle, VirtualTime } from './virtual-time.ts';

const ttlMs = 10_000;

describe('recipes on virtual time', () => {
  let time: VirtualTime;
  let site: PlayedSite;
  beforeEach(() => {
    time = new VirtualTime();
    site = new PlayedSite(time);
  });

  const open = (clock = time.process()): Promise<HeldSession> => HeldSession.open([site.client()], { ttlMs, clock });

  it('K4: a session lives for as long as its holder runs, and is given up before it ends', async () => {
    const clock = time.process();
    const session = await open(clock);
    await time.move(600_000);
    assert.ok(!session.lost.aborted);
    site.away.add('a');
    await time.move(ttlMs * 0.3);
    assert.ok(!session.lost.aborted, 'it may still be reached again');
    await time.move(ttlMs * 0.45);
    assert.equal(asSiteError(session.lost.reason).code, 'SESSION_SILENT');
    assert.equal(site.replica.state.sessions().length, 1, 'the site has not ended it yet');
  });

  it('K6: a session goes on through another box when its own does not answer', async () => {
    const session = await HeldSession.open([site.client('a'), site.client('b')], { ttlMs, clock: time.process() });
    const lock = await HeldLock.acquire(session, 'press');
    site.away.add('a');
    await time.move(60_000);
    assert.ok(!session.lost.aborted);
    assert.equal(site.replica.state.session(session.session)?.owner, 'b');
    await lock.change([{ type: 'put', key: 'speed', value: '3' }]);
    assert.equal(site.replica.state.kv('speed')?.value, '3');
  });

  it('K6: a session opens through the first box that answers, and says which none did', async () => {
    const ways = [site.client('a'), site.client('b')];
    site.away.add('a');
    const session = await HeldSession.open(ways, { ttlMs, clock: time.process() });
    assert.equal(site.replica.state.session(session.session)?.owner, 'b');
    await time.move(60_000);
    assert.ok(!session.lost.aborted, 'and goes on there');
    site.away.add('b');
    await assert.rejects(HeldSession.open(ways, { ttlMs, clock: time.process() }), { code: 'UNREACHABLE' });
    await assert.rejects(HeldSession.open([], { ttlMs, clock: time.process() }), { code: 'ENDPOINT_INVALID' });
  });

  it('C10: the fenced change of a holder that was paused for 60 s is refused, and it learns that its lock is gone', async () => {
    const paused = time.process();
    const first = await HeldLock.acquire(await open(paused), 'press');
    await first.change([{ type: 'put', key: 'speed', value: 'first' }]);
    const waiting = HeldLock.acquire(await open(), 'press');
    await time.move(30_000);
    assert.equal(site.watches, 1, 'the second one waits');
    paused.paused = true;
    await time.move(60_000);
    const second = await waiting;
    assert.ok(second.token > first.token);
    await second.change([{ type: 'put', key: 'speed', value: 'second' }]);
    // It runs again, and sends before it looks at its clock: no attempt of it may come through.
    const late = site.client().transact({ guards: [first.fence], operations: [{ type: 'put', key: 'speed', value: 'late' }] });
    await assert.rejects(late, { code: 'GUARD_FAILED', definite: true });
    paused.resume();
    await settle();
    assert.ok(first.lost.aborted);
    await assert.rejects(first.change([{ type: 'put', key: 'speed', value: 'late' }]), { definite: true });
    assert.equal(site.replica.state.kv('speed')?.value, 'second');
    assert.ok(!second.lost.aborted);
  });

  it('C10: when the leader goes, the next one alone is woken, whoever else waits', async () => {
    const sessions = await Promise.all(Array.from({ length: 20 }, () => open()));
    const latches: LeaderLatch[] = [];
    for (const [i, session] of sessions.entries()) latches.push(await LeaderLatch.join(session, 'mill', `client ${i}`));
    const leading: number[] = [];
    for (const [i, latch] of latches.entries())
      void latch.leads().then(
        () => leading.push(i),
        () => undefined,
      );
    await settle();
    assert.deepEqual(leading, [0]);
    assert.equal(site.watches, 19);
    const lists = site.lists;
    await latches[0]?.resign();
    await settle();
    assert.deepEqual(leading, [0, 1]);
    assert.equal(site.lists, lists + 1, 'one looked again');
    assert.deepEqual(await LeaderLatch.leader(site.client(), 'mill'), { value: 'client 1', token: latches[1]?.token });
    await sessions[5]?.close();
    await settle();
    assert.deepEqual(leading, [0, 1], 'who waited behind it now waits for the one before');
    assert.equal(site.lists, lists + 3, 'one more, besides the question above');
    for (const i of [1, 2, 3, 4]) {
      await sessions[i]?.close();
      await settle();
    }
    assert.deepEqual(leading, [0, 1, 2, 3, 4, 6]);
  });

  it('a client that gives up waiting leaves no place behind', async () => {
    const first = await HeldLock.acquire(await open(), 'press');
    const end = new AbortController();
    const waiting = HeldLock.acquire(await open(), 'press', '', end.signal);
    await settle();
    end.abort();
    await assert.rejects(waiting, { code: 'ABORTED' });
    assert.deepEqual(site.replica.keys('lock/'), [first.key]);
    await first.release();
    assert.deepEqual(site.replica.keys('lock/'), []);
  });

  it('a place somebody deleted is not waited for', async () => {
    const first = await HeldLock.acquire(await open(), 'press');
    const waiting = HeldLock.acquire(await open(), 'press');
    await settle();
    const own = site.replica.keys('lock/')[1] as string;
    site.do({ type: 'kvDelete', key: own });
    await first.release();
    await assert.rejects(waiting, { code: 'PLACE_LOST' });
  });

  it('a barrier opens when all are there at one time, and stays open', async () => {
    const through: number[] = [];
    const come = async (session: HeldSession, i: number): Promise<void> => {
      await enterBarrier(session, 'shift', 3);
      through.push(i);
    };
    const early = await open();
    const lost = come(early, 0).catch(({ code }: { code: string }) => code);
    const rest = [come(await open(), 1), come(await open(), 2)];
    await early.close();
    assert.equal(await lost, 'CLOSED');
    const third = await open();
    await time.move(1000);
    assert.deepEqual(through, [], 'three came, but not three are there');
    rest.push(come(third, 3));
    await settle();
    await Promise.all(rest);
    assert.deepEqual([...through].sort(), [1, 2, 3]);
    await come(await open(), 4);
    await clearBarrier(site.client(), 'shift');
    assert.deepEqual(site.replica.keys('barrier/'), []);
  });

  it('C10: a name below another one is a queue of its own', async () => {
    const below = await LeaderLatch.join(await open(), 'mill/0', 'below');
    const above = await LeaderLatch.join(await open(), 'mill', 'above');
    let leads = false;
    void above.leads().then(() => {
      leads = true;
    });
    await settle();
    assert.ok(leads);
    assert.equal((await LeaderLatch.leader(site.client(), 'mill'))?.value, 'above');
    assert.equal((await LeaderLatch.leader(site.client(), 'mill/0'))?.value, 'below');
    await below.resign();
    assert.equal(await LeaderLatch.leader(site.client(), 'mill/0'), undefined);
  });

  it('who is before whom is told by the keys alone', () => {
    const items = (...keys: string[]): Item[] => keys.map((key) => ({ key, value: '', revision: 1 }));
    assert.equal(predecessorOf(items('q/1', 'q/2', 'q/4'), 'q/4'), 'q/2');
    assert.equal(predecessorOf(items('q/4', 'q/2', 'q/1'), 'q/1'), null);
    assert.equal(predecessorOf(items('q/1'), 'q/4'), undefined);
  });
});

describe('changes of a held session, on virtual time', () => {
  let time: VirtualTime;
  let site: PlayedSite;
  let session: HeldSession;
  beforeEach(async () => {
    time = new VirtualTime();
    site = new PlayedSite(time);
    session = await HeldSession.open([site.client()], { ttlMs, clock: time.process() });
  });

  const ticket = () => session.once(() => ({ operations: [{ type: 'put', key: 'ticket/', value: '', sequential: true }] }));
  const within = async <T>(ms: number, promise: Promise<T>): Promise<T> => {
    promise.catch(() => undefined);
    await time.move(ms);
    return promise;
  };

  it('K8: a change whose answers are lost is sent again until it is known, and is done once', async () => {
    site.mishaps.push('answer-lost', 'unsent', 'busy', 'answer-lost');
    const { results } = await within(2000, ticket());
    assert.deepEqual(site.replica.keys('ticket/'), [results[0]?.key]);
    assert.equal(site.mishaps.length, 0);
  });

  it('K8: many at one time are each done once, and no more are taken than are remembered', async () => {
    for (let i = 0; i < 300; i += 1) site.mishaps.push((['answer-lost', 'unsent', 'busy'] as const)[i % 3] ?? 'busy');
    const all = Promise.all(Array.from({ length: 64 }, ticket));
    await assert.rejects(ticket(), { code: 'WINDOW_FULL', definite: true });
    const keys = (await within(6000, all)).map(({ results }) => results[0]?.key);
    assert.deepEqual([...keys].sort(), site.replica.keys('ticket/'));
    assert.equal(new Set(keys).size, 64);
  });

  it('K8: a refusal that is remembered is definite, whatever became of the attempts before', async () => {
    site.mishaps.push('answer-lost');
    const refused = session.once(() => ({ guards: [{ key: 'x', revision: 7 }], operations: [{ type: 'put', key: 'x', value: '' }] }));
    await assert.rejects(within(1000, refused), { code: 'GUARD_FAILED', definite: true });
  });

  it('K8: what another box refuses to take in says nothing of the attempts before', async () => {
    site.mishaps.push('answer-lost', 'not-here');
    await assert.rejects(within(1000, ticket()), { code: 'WRITE_REFUSED', definite: false });
    assert.equal(site.replica.keys('ticket/').length, 1, 'the first attempt came through');
    site.mishaps.push('not-here');
    await assert.rejects(within(1000, ticket()), { code: 'WRITE_REFUSED', definite: true });
  });

  it('K6: a session passes over a box that keeps no data', async () => {
    site.witnesses.add('b');
    const ways = [site.client('b'), site.client('a')];
    session = await HeldSession.open(ways, { ttlMs, clock: time.process() });
    site.away.add('a');
    await time.move(ttlMs * 0.4);
    site.away.clear();
    await time.move(ttlMs * 0.4);
    site.mishaps.push('answer-lost');
    await within(2000, ticket());
    await time.move(60_000);
    assert.ok(!session.lost.aborted);
  });

  it('K8: given up while an attempt may have come through, it is indefinite; otherwise it is definite', async () => {
    site.mishaps.push('answer-lost');
    const open = ticket();
    await settle();
    site.away.add('a');
    await assert.rejects(within(ttlMs, open), { code: 'SESSION_SILENT', definite: false });
    assert.ok(session.lost.aborted);
    site.away.clear();
    session = await HeldSession.open([site.client()], { ttlMs, clock: time.process() });
    site.away.add('a');
    await assert.rejects(within(ttlMs, ticket()), { code: 'SESSION_SILENT', definite: true });
  });
});
