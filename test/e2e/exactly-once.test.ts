import assert from 'node:assert/strict';
import { HeldSession } from '../../agent/client/held-session.ts';
import { HttpSiteClient } from '../../agent/client/http-site-client.ts';
import { asSiteError, isPassing } from '../../agent/client/site-error.ts';
import type { Box } from '../../agent/demo/box.ts';
import { ask, getStatus, putValue } from '../../agent/demo/client.ts';
import { DemoSite } from '../../agent/demo/site.ts';
import { done, notYet, until } from '../../agent/demo/until.ts';
import type { KvTransaction } from '../../schemas/generated/types.ts';
import { program } from './agent-process.ts';

/** Leaves one more key each time it is done. */
const ticket = (prefix: string): KvTransaction => ({ operations: [{ type: 'put', key: prefix, value: '', sequential: true }] });

describe('changes sent again to a site whose leader dies', function () {
  this.timeout(120_000);
  let site: DemoSite;
  let clients: readonly HttpSiteClient[];
  before(async () => {
    site = await DemoSite.prepare({ program, trueClocks: true });
    for (const box of site.boxes) box.start();
    clients = site.boxes.map(({ endpoint }) => new HttpSiteClient({ endpoint, timeoutMs: 3000 }));
    for (const box of site.boxes)
      await until('it is ready', 30_000, async () => ((await getStatus(box)).consensus.ready ? done(true) : notYet('not yet')));
  });
  after(async () => {
    for (const client of clients) client.close();
    await site.stop();
    site.remove();
  });

  const leader = (): Promise<Box> =>
    until('somebody leads', 30_000, async () => {
      for (const box of site.boxes) {
        const status = await getStatus(box).catch(() => undefined);
        if (status?.consensus.role === 'leader' && status.consensus.ready) return done(box);
      }
      return notYet('nobody');
    });
  const tickets = async (prefix: string): Promise<readonly string[]> => {
    const client = clients[site.boxes.indexOf(await leader())] as HttpSiteClient;
    return (await client.list(prefix)).items.map(({ key }) => key);
  };
  /** As a client does that moves: retried until somebody answers. */
  const patiently = <T>(what: string, ask: () => Promise<T>): Promise<T> =>
    until(what, 30_000, async () => {
      try {
        return done(await ask());
      } catch (thrown) {
        if (!isPassing(asSiteError(thrown))) throw thrown;
        return notYet(String(thrown));
      }
    });

  it('K8: every change is done once and answered, while leaders are killed in the middle of them', async () => {
    const sessions = await Promise.all(
      clients.map((_, i) => HeldSession.open([...clients.slice(i), ...clients.slice(0, i)], { ttlMs: 60_000 })),
    );
    const named: (string | undefined)[] = [];
    let isOver = false;
    const writers = sessions.flatMap((session) =>
      Array.from({ length: 4 }, async () => {
        while (!isOver) named.push((await session.once(() => ticket('busy/'))).results[0]?.key);
      }),
    );
    for (let round = 0; round < 3; round += 1) {
      const box = await leader();
      const before = named.length;
      await until('work is under way', 30_000, async () => (named.length > before + 50 ? done(true) : notYet(String(named.length))));
      await box.killAgent();
      const next = await leader();
      assert.notEqual(next, box);
      box.start();
      await until('it is back', 30_000, async () => ((await getStatus(box)).consensus.ready ? done(true) : notYet('not yet')));
    }
    isOver = true;
    await Promise.all(writers);
    assert.deepEqual([...named].sort(), await tickets('busy/'));
    await Promise.all(sessions.map((session) => session.close()));
  });

  it('K8: the outcome is remembered at another box, after a change of leader, and after all boxes were killed', async () => {
    const [first] = clients as readonly [HttpSiteClient, ...HttpSiteClient[]];
    const { session, ownerEpoch } = await patiently('a session', () => first.openSession(600_000));
    const numbered = { session, ownerEpoch, sequence: 1, lowestAwaited: 1 };
    const outcome = await patiently('a ticket', () => first.transact(ticket('once/'), { request: numbered }));
    await (await leader()).killAgent();
    await leader();
    const again = async (client: HttpSiteClient): Promise<unknown> => {
      const moved = await patiently('the session is taken over', () => client.takeSession(session));
      const request = { ...numbered, ownerEpoch: moved.ownerEpoch };
      return patiently('the answer', () => client.transact(ticket('once/'), { request }));
    };
    const alive = clients.filter((_, i) => site.boxes[i]?.pid !== undefined);
    for (const client of alive) assert.deepEqual(await again(client), outcome);
    await Promise.all(site.boxes.map((box) => box.killAgent()));
    for (const box of site.boxes) box.start();
    await leader();
    for (const client of clients) assert.deepEqual(await again(client), outcome);
    assert.equal((await tickets('once/')).length, 1);
    await assert.rejects(first.transact(ticket('once/'), { request: { ...numbered, sequence: 2 } }), {
      code: 'SESSION_MOVED',
      definite: true,
    });
  });

  it('K10: a box that is left alone still says what it knows, and how old that is', async () => {
    const [last, ...others] = site.boxes as [Box, ...Box[]];
    await putValue(last, 'speed', '3');
    const staleRead = async (): Promise<{ value: string; revision: number; stale: { revision: number; ageMs: number | null } }> =>
      JSON.parse((await ask(last, 'GET', '/v1/kv/speed?stale=true')).body);
    const fresh = await staleRead();
    assert.ok(fresh.stale.revision >= fresh.revision);
    await Promise.all(others.map((box) => box.killAgent()));
    const ages: number[] = [];
    await until('the age grows', 30_000, async () => {
      const { value, stale } = await staleRead();
      assert.equal(value, '3');
      ages.push(stale.ageMs ?? Number.POSITIVE_INFINITY);
      return (stale.ageMs ?? 0) > 2000 ? done(true) : notYet(String(stale.ageMs));
    });
    assert.deepEqual(
      [...ages].sort((a, b) => a - b),
      ages,
      'nobody makes it younger',
    );
  });
});
