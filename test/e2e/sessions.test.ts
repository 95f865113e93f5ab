import assert from 'node:assert/strict';
import type { Box } from '../../agent/demo/box.ts';
import { ask, getStatus, putValue } from '../../agent/demo/client.ts';
import { DemoSite } from '../../agent/demo/site.ts';
import { done, notYet, until } from '../../agent/demo/until.ts';
import { program } from './agent-process.ts';

interface Handle {
  readonly session: number;
  readonly ownerEpoch: number;
}

describe('sessions on a site of real agents', function () {
  this.timeout(60_000);
  let site: DemoSite;
  let boxes: readonly Box[];
  before(async () => {
    site = await DemoSite.prepare({ program });
    boxes = site.boxes;
    for (const box of boxes) box.start();
    // Its upper site is not there: what that makes it write is written before the tests.
    await until('the site decides alone', 30_000, async () => {
      const answers = await Promise.all(boxes.map((box) => getStatus(box)));
      return answers.every(({ authority }) => authority.mode === 'autonomous') ? done(true) : notYet('not yet');
    });
  });
  after(async () => {
    await site.stop();
    site.remove();
  });

  const call = async (
    box: Box,
    method: string,
    path: string,
    body?: object,
  ): Promise<{ status: number; body: Record<string, unknown> }> => {
    const { status, body: text } = await ask(box, method, path, body === undefined ? undefined : JSON.stringify(body));
    return { status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
  };
  const open = async (box: Box, ttlMs: number): Promise<Handle> =>
    (await call(box, 'POST', '/v1/sessions', { ttlMs })).body as unknown as Handle;
  const touch = async (box: Box, { session, ownerEpoch }: Handle): Promise<number> =>
    (await call(box, 'POST', `/v1/sessions/${session}/touch`, { ownerEpoch })).status;
  /** What a box has applied, without asking the others. */
  const has = async (box: Box, key: string): Promise<boolean> => (await ask(box, 'GET', `/v1/kv/${key}?stale=true`)).status === 200;

  it('K4 K5: touched at a follower it lives beyond its time without a log entry; untouched its key goes on every member', async () => {
    const leader = (await getStatus(boxes[0] as Box)).consensus.leader;
    const follower = boxes.find(({ name }) => name !== leader) as Box;
    const handle = await open(follower, 1000);
    const put = await call(follower, 'PUT', '/v1/kv/alive', {
      value: 'x',
      session: { session: handle.session, ownerEpoch: handle.ownerEpoch },
    });
    assert.equal(put.status, 200);
    const before = (await getStatus(follower)).consensus.lastIndex;
    const end = performance.now() + 3000;
    while (performance.now() < end) {
      assert.equal(await touch(follower, handle), 204);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    assert.ok(await has(follower, 'alive'));
    assert.equal((await getStatus(follower)).consensus.lastIndex, before, 'nothing was written to keep it alive');
    for (const box of boxes)
      await until(`${box.name} has let the key go`, 10_000, async () => ((await has(box, 'alive')) ? notYet('still there') : done(true)));
    const gone = await call(follower, 'POST', `/v1/sessions/${handle.session}/touch`, { ownerEpoch: handle.ownerEpoch });
    assert.deepEqual([gone.status, gone.body['code']], [404, 'SESSION_EXPIRED']);
  });

  it('K6: a client whose box dies goes on at another one with its keys, and its old connection is refused', async () => {
    const [a, b, c] = boxes as [Box, Box, Box];
    const handle = await open(a, 5000);
    const key = (await call(a, 'PUT', '/v1/kv/queue%2F', { value: 'me', session: claimOf(handle), sequential: true })).body[
      'key'
    ] as string;
    assert.match(key, /^queue\/[0-9]{16}$/);
    await a.killAgent();
    await putValue(b, 'somebody', 'leads again');
    const moved = (await call(b, 'POST', `/v1/sessions/${handle.session}/revalidate`)).body as unknown as Handle;
    assert.ok(moved.ownerEpoch > handle.ownerEpoch);
    assert.equal(await touch(b, moved), 204);
    assert.ok(await has(c, encodeURIComponent(key)));
    const stale = await call(b, 'PUT', '/v1/kv/queue%2Fx', { value: 'stale', session: claimOf(handle) });
    assert.deepEqual([stale.status, stale.body['code']], [409, 'SESSION_MOVED']);
    a.start();
    await until('the old box is back and knows', 30_000, async () => {
      const answer = await call(a, 'POST', `/v1/sessions/${handle.session}/touch`, { ownerEpoch: handle.ownerEpoch });
      return answer.body['code'] === 'SESSION_MOVED' ? done(true) : notYet(JSON.stringify(answer));
    });
    assert.equal((await call(c, 'DELETE', `/v1/sessions/${handle.session}`)).status, 200);
    await until('its key is gone', 10_000, async () => ((await has(a, encodeURIComponent(key))) ? notYet('there') : done(true)));
  });
});

const claimOf = ({ session, ownerEpoch }: Handle): Handle => ({ session, ownerEpoch });
