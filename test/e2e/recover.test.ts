import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { done, notYet, until } from '../../agent/demo/until.ts';
import type { StatusDocument } from '../../schemas/generated/types.ts';
import { type LoneAgent, run } from './agent-process.ts';
import { AgentSite } from './agent-site.ts';

const names = ['box-a', 'box-b'] as const;
type Name = (typeof names)[number];

describe('a site whose majority is gone for good', function () {
  this.timeout(120_000);
  const site = new AgentSite(names);
  const agent = (name: Name): LoneAgent => site.agent(name);
  const status = async (name: Name): Promise<StatusDocument> =>
    JSON.parse((await agent(name).cli(['status', '--json'])).stdout) as StatusDocument;
  const recover = (...more: readonly string[]) => run(['recover', '--config', agent('box-a').configFile, ...more]);

  before(async () => {
    await site.start();
    assert.equal((await agent('box-b').cli(['kv', 'put', 'recipe', 'v1'])).code, 0);
  });
  after(async () => {
    await site.remove();
  });

  it('K13 K18: recover is refused while the agent runs, and changes nothing without the words that accept the loss', async () => {
    const running = await recover('--yes-i-accept-loss', '--json');
    assert.equal(running.code, 4, running.stdout);
    assert.match(running.stderr, /DATA_DIR_IN_USE/);
    await agent('box-b').stop('SIGKILL');
    await agent('box-a').stop('SIGKILL');
    const asked = await recover();
    assert.equal(asked.code, 4);
    assert.match(asked.stdout, /lost {5}whatever box-b decided after entry \d+/);
    assert.match(asked.stderr, /LOSS_NOT_ACCEPTED.*--yes-i-accept-loss/);
    await agent('box-a').start({}, true);
    assert.deepEqual((await status('box-a')).consensus.voters, [...names], 'nothing was changed');
    await agent('box-a').stop();
  });

  it('K13 K18: the box that is left is the site, with what it has; the former memory of another one is fenced', async () => {
    const recovered = await recover('--yes-i-accept-loss');
    assert.equal(recovered.code, 0, recovered.stderr);
    assert.match(recovered.stdout, /box-a is the whole site shop from now on, in epoch 1/);
    await agent('box-a').start();
    assert.equal((await agent('box-a').cli(['kv', 'get', 'recipe'])).stdout.trim(), 'v1');
    assert.equal((await agent('box-a').cli(['kv', 'put', 'recipe', 'v2'])).code, 0);
    assert.deepEqual((await status('box-a')).consensus.voters, ['box-a']);
    const again = await recover('--json');
    assert.match(again.stderr, /DATA_DIR_IN_USE/);

    await agent('box-b').start({}, true);
    const member = site.config('box-b').site.members.find(({ name }) => name === 'box-b');
    assert.ok(member);
    const add = ['member', 'add', 'box-b', '--peer-id', member.peerId, '--address', member.address, '--wait', '0'];
    await until('its name is free', 20_000, async () => {
      const { code, stderr } = await agent('box-a').cli(add);
      return code === 0 ? done(true) : notYet(stderr);
    });
    await until('it is refused', 20_000, async () => {
      const { refused } = await status('box-a');
      return refused.hellos > 0 ? done(true) : notYet('nobody was refused');
    });
    assert.equal((await status('box-b')).consensus.leader, null);
  });

  it('K13 K18: emptied, it joins the recovered site by itself, and votes', async () => {
    const { dataDir } = agent('box-b');
    await agent('box-b').stop();
    for (const entry of readdirSync(dataDir)) if (entry !== 'identity.key') rmSync(join(dataDir, entry), { recursive: true });
    await agent('box-b').start({}, true);
    await until('it votes', 30_000, async () => {
      if ((await agent('box-b').cli(['status', '--json'])).code !== 0) return notYet('it begins anew');
      const { consensus } = await status('box-b');
      return consensus.voters.includes('box-b') && consensus.leader !== null && consensus.healing === undefined
        ? done(true)
        : notYet(JSON.stringify(consensus));
    });
    assert.equal((await agent('box-b').cli(['kv', 'get', 'recipe'])).stdout.trim(), 'v2');
  });
});
