import assert from 'node:assert/strict';
import { HttpClient } from '../../agent/cli/http-client.ts';
import { HttpSiteClient } from '../../agent/client/http-site-client.ts';
import { done, notYet, until } from '../../agent/demo/until.ts';
import type { StatusDocument } from '../../schemas/generated/types.ts';
import { canFailWrites, type DiskError, failWrites } from '../chaos/disks.ts';
import type { LoneAgent } from './agent-process.ts';
import { AgentSite } from './agent-site.ts';

const names = ['box-a', 'box-b', 'box-c'] as const;
type Name = (typeof names)[number];

describe('a box whose disk refuses writes', function () {
  this.timeout(120_000);
  const site = new AgentSite(names);
  const agent = (name: Name): LoneAgent => site.agent(name);
  const status = (name: Name): Promise<StatusDocument> =>
    new HttpClient(`unix:${agent(name).socket}`, undefined).get('/status') as Promise<StatusDocument>;

  before(async function () {
    // Root alone may trace what it did not start.
    if (!canFailWrites()) this.skip();
    await site.start();
  });
  after(async () => {
    await site.remove();
  });

  for (const error of ['EROFS', 'EIO'] as const satisfies readonly DiskError[])
    it(`K16: ${error}: the leader on it steps down and says so, the site goes on, and it takes part again by itself once it can write`, async () => {
      const led = await until('a leader', 20_000, async () => {
        const { consensus } = await status('box-a');
        return consensus.leader === null ? notYet('none') : done(consensus.leader as Name);
      });
      const others = names.filter((name) => name !== led);
      const client = new HttpSiteClient({ endpoint: `unix:${agent(others[0] as Name).socket}` });
      await client.put(`before ${error}`, '1');
      const mend = await failWrites(agent(led).pid as number, error);
      try {
        // Something to write: a disk that nobody asks for anything refuses nothing.
        const writes = until('a write that the others take', 30_000, async () => {
          await client.put(`meanwhile ${error}`, '2');
          const { consensus } = await status(others[0] as Name);
          return consensus.leader !== null && consensus.leader !== led ? done(true) : notYet(`${consensus.leader} leads`);
        });
        const said = await until('it says so', 30_000, async () => {
          const { storage, consensus } = await status(led);
          return storage.state === 'failed' && consensus.role !== 'leader' ? done(storage) : notYet(`${storage.state}, ${consensus.role}`);
        });
        assert.match(said.detail ?? '', new RegExp(error));
        assert.match(said.detail ?? '', /tries again by itself|goes on by itself/);
        await writes;
      } finally {
        await mend();
      }
      await client.put(`after ${error}`, '3');
      client.close();
      await until('it takes part again', 30_000, async () => {
        const [own, other] = await Promise.all([status(led), status(others[0] as Name)]);
        const isWell = own.storage.state === 'ok' && own.consensus.ready && own.consensus.durableIndex >= other.consensus.commitIndex;
        return isWell
          ? done(true)
          : notYet(`${own.storage.state}, durable ${own.consensus.durableIndex} of ${other.consensus.commitIndex}`);
      });
      const lists = await Promise.all(names.map(async (name) => (await agent(name).cli(['kv', 'list', '--json'])).stdout));
      assert.equal(lists[1], lists[0]);
      assert.equal(lists[2], lists[0]);
      assert.ok(lists[0]?.includes(`after ${error}`), lists[0]);
    });
});
