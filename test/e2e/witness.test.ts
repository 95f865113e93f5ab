import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { done, notYet, until } from '../../agent/demo/until.ts';
import type { StatusDocument } from '../../schemas/generated/types.ts';
import type { LoneAgent } from './agent-process.ts';
import { AgentSite } from './agent-site.ts';

const names = ['box-a', 'box-b', 'tie'] as const;
type Name = (typeof names)[number];

describe('a site of two boxes and a witness', function () {
  this.timeout(120_000);
  const site = new AgentSite(names);
  const agent = (name: Name): LoneAgent => site.agent(name);
  const status = async (name: Name): Promise<StatusDocument> =>
    JSON.parse((await agent(name).cli(['status', '--json'])).stdout) as StatusDocument;
  const put = (name: Name, value: string) => agent(name).cli(['kv', 'put', 'recipe', value]);
  const get = async (name: Name): Promise<string> => (await agent(name).cli(['kv', 'get', 'recipe'])).stdout.trim();

  before(async () => {
    await site.start({ witness: 'tie' });
  });
  after(async () => {
    await site.remove();
  });

  const leader = (among: readonly Name[]): Promise<Name> =>
    until('a leader', 20_000, async () => {
      for (const name of among) if ((await status(name)).consensus.role === 'leader') return done(name);
      return notYet('nobody leads');
    });

  it('K17: either box dies and the other goes on with the witness, and says that there is one copy', async () => {
    assert.equal((await put('box-a', '0')).code, 0);
    for (const [round, dying] of (['box-a', 'box-b'] as const).entries()) {
      const staying = dying === 'box-a' ? 'box-b' : 'box-a';
      await agent(dying).stop('SIGKILL');
      await leader([staying]);
      const written = await put(staying, String(round + 1));
      assert.equal(written.code, 0, written.stderr);
      await until('one copy', 20_000, async () => {
        const { copies, witnesses } = (await status(staying)).consensus;
        return copies === 1 && witnesses?.includes('tie') ? done(true) : notYet(`${copies} copies`);
      });
      assert.match((await agent(staying).cli(['status'])).stdout, /ONE COPY/);
      await agent(dying).start();
      await until('two copies', 20_000, async () => {
        const leading = await status(await leader(['box-a', 'box-b']));
        return leading.consensus.copies === 2 ? done(true) : notYet(`${leading.consensus.copies} copies`);
      });
      assert.equal(await get(dying), String(round + 1));
    }
  });

  it('K19: status says who is next, and why; the witness never is', async () => {
    const leads = await leader(['box-a', 'box-b']);
    const next = leads === 'box-a' ? 'box-b' : 'box-a';
    for (const name of ['box-a', 'box-b', 'tie'] as const) {
      await until(`${name} knows its leader`, 20_000, async () => {
        const { leader: known, succession } = (await status(name)).consensus;
        const { stdout } = await agent(name).cli(['status']);
        const isSaid = stdout.includes(`next       ${next} (by name, when the leader is lost`);
        return known === leads && succession.join() === next && isSaid ? done(true) : notYet(stdout);
      });
    }
  });

  it('K17: the witness keeps no value, answers no request for one, and is given no work', async () => {
    const refused = await agent('tie').cli(['kv', 'get', 'recipe', '--json']);
    assert.equal(refused.code, 5);
    assert.match(refused.stdout, /"WITNESS"/);
    const plan = JSON.parse((await agent(await leader(['box-a', 'box-b'])).cli(['member', 'list', '--json'])).stdout) as {
      members: { name: string; witness: boolean }[];
    };
    assert.deepEqual(
      plan.members.filter(({ witness }) => witness).map(({ name }) => name),
      ['tie'],
    );
  });

  it('K17: what only one box and the witness have is not lost by the other one leading', async () => {
    const first = await leader(['box-a', 'box-b']);
    const second = first === 'box-a' ? 'box-b' : 'box-a';
    await agent(second).stop('SIGKILL');
    assert.equal((await put(first, 'only here')).code, 0);
    await agent(first).stop('SIGKILL');
    await agent(second).start({}, true);
    const refused = await agent(second).cli(['kv', 'get', 'recipe', '--json']);
    assert.notEqual(refused.code, 0, 'it lacks what the witness acknowledged');
    assert.notEqual((await status(second)).consensus.role, 'leader');
    await agent(first).start();
    assert.equal(await get(second), 'only here');
  });

  it('K13 K17: a witness that lost its vote begins anew, and counts again', async () => {
    await Promise.all(names.map((name) => agent(name).stop('SIGKILL')));
    rmSync(join(agent('tie').dataDir, 'log', 'vote'));
    await Promise.all(names.map((name) => agent(name).start({}, name === 'tie')));
    await until('it is a witness again', 20_000, async () => {
      const { healing, voters, leader: leads } = (await status('tie')).consensus;
      return healing === undefined && leads !== null && voters.includes('tie') ? done(true) : notYet(JSON.stringify({ healing, voters }));
    });
    assert.ok(readdirSync(agent('tie').dataDir).includes('damaged-1'));
    await agent('box-a').stop('SIGKILL');
    assert.equal((await put('box-b', 'after')).code, 0);
  });

  it('K17: a witness that leaves and is added as a box with the data forgets what it kept, and has the data before it votes', async () => {
    await agent('box-a').start();
    const removed = await agent('box-b').cli(['member', 'remove', 'tie', '--json']);
    assert.equal(removed.code, 0, removed.stderr);
    await agent('tie').stop('SIGKILL');
    const config = site.config('tie');
    const members = config.site.members.map(({ witness: _, ...member }) => member);
    agent('tie').write({ ...config, site: { ...config.site, members, join: true } });
    await agent('tie').start({}, true);
    const { peerId, address } = members.find(({ name }) => name === 'tie') as (typeof members)[number];
    const added = await agent('box-b').cli(['member', 'add', 'tie', '--peer-id', peerId, '--address', address, '--json']);
    assert.equal(added.code, 0, added.stderr);
    await until('it votes with the data', 30_000, async () => {
      const { healing, voters, witnesses = [] } = (await status('tie')).consensus;
      return healing === undefined && voters.includes('tie') && !witnesses.includes('tie')
        ? done(true)
        : notYet(JSON.stringify({ healing, voters, witnesses }));
    });
    assert.ok(readdirSync(agent('tie').dataDir).includes('damaged-2'));
    await agent('box-a').stop('SIGKILL');
    assert.equal((await put('box-b', 'kept by two')).code, 0);
    assert.equal(await get('tie'), 'kept by two');
  });
});
