import assert from 'node:assert/strict';
import type { Box } from '../../agent/demo/box.ts';
import { ask, getStatus, getValue } from '../../agent/demo/client.ts';
import { DemoSite } from '../../agent/demo/site.ts';
import { done, notYet, until } from '../../agent/demo/until.ts';
import { program } from './agent-process.ts';

describe('a planned hand-over of leadership', function () {
  this.timeout(60_000);
  let site: DemoSite;
  before(async () => {
    site = await DemoSite.prepare({ program });
    for (const box of site.boxes) box.start();
    await until('all answer and follow', 30_000, async () => {
      const answers = await Promise.all(site.boxes.map((box) => getStatus(box)));
      return answers.every(({ consensus }) => consensus.leader !== null) ? done(true) : notYet('no leader');
    });
  });
  after(async () => {
    await site.stop();
    site.remove();
  });

  const leader = (): Promise<Box> =>
    until('somebody leads', 30_000, async () => {
      for (const box of site.boxes) if ((await getStatus(box)).consensus.role === 'leader') return done(box);
      return notYet('nobody');
    });
  const transfer = (box: Box, body: object) => ask(box, 'POST', '/v1/leadership/transfer', JSON.stringify(body));

  it('K8 K12: no write fails or is done twice while leadership goes round, and none that was acknowledged is lost', async () => {
    const written = new Map<string, string>();
    let ended = false;
    const writers = site.boxes.map(async (box, i) => {
      // Each write expects the one before: one that was done twice would be refused the second time.
      let expectRevision = 0;
      for (let n = 0; !ended; n += 1) {
        const { status, body } = await ask(box, 'PUT', `/v1/kv/writer-${i}`, JSON.stringify({ value: String(n), expectRevision }));
        assert.equal(status, 200, body);
        expectRevision = (JSON.parse(body) as { revision: number }).revision;
        written.set(`writer-${i}`, String(n));
      }
    });
    for (let trial = 0; trial < 12; trial += 1) {
      const from = await leader();
      const to = site.boxes[(site.boxes.indexOf(from) + 1) % site.boxes.length] as Box;
      const { status, body } = await transfer(from, { to: to.name });
      assert.equal(status, 200, body);
      assert.deepEqual(JSON.parse(body), { from: from.name, to: to.name });
    }
    ended = true;
    await Promise.all(writers);
    for (const box of site.boxes) for (const [key, value] of written) assert.equal(await getValue(box, key), value);
  });

  it('K12: is refused where it makes no sense, and says why', async () => {
    const leading = await leader();
    const other = site.boxes.find((box) => box !== leading) as Box;
    const codes = await Promise.all(
      [transfer(other, {}), transfer(leading, { to: 'nobody' }), transfer(leading, { to: leading.name }), transfer(leading, { to: 7 })].map(
        async (answer) => (JSON.parse((await answer).body) as { code: string }).code,
      ),
    );
    assert.deepEqual(codes, ['NOT_LEADER', 'NOT_FOUND', 'TRANSFER_REFUSED', 'BODY_INVALID']);
  });
});
