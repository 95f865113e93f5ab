import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { done, notYet, until } from '../../agent/demo/until.ts';
import type { MembersDocument, StatusDocument } from '../../schemas/generated/types.ts';
import { freePort } from '../agent/status/served.ts';
import { LoneAgent } from './agent-process.ts';

interface Box {
  readonly name: string;
  readonly agent: LoneAgent;
  readonly peerId: string;
  readonly address: string;
}

describe('a site that grows, replaces a dead box and lets its founder go', function () {
  this.timeout(120_000);
  const boxes = new Map<string, Box>();
  const box = (name: string): Box => boxes.get(name) as Box;

  /** Writes the configuration of a box that founds the site, or joins through the founder. */
  async function prepare(name: string): Promise<Box> {
    const agent = new LoneAgent();
    const port = await freePort();
    const alone = await agent.config({}, port);
    const [self] = alone.site.members;
    assert.ok(self);
    const made = { name, agent, peerId: self.peerId, address: self.address };
    const members = [...boxes.values(), made].map(({ name: known, peerId, address }) => ({ name: known, peerId, address }));
    agent.write({
      ...alone,
      node: { name },
      site: { name: 'mill', clusterId: 'mill-cluster', members, join: boxes.size > 0 },
    });
    boxes.set(name, made);
    return made;
  }

  const joined = async (name: string): Promise<Box> => {
    const made = await prepare(name);
    await made.agent.start({}, true);
    return made;
  };
  const add = ({ name, peerId, address }: Box, ...more: readonly string[]) =>
    ['member', 'add', name, '--peer-id', peerId, '--address', address, ...more, '--json'] as const;
  const membersOf = (text: string) => (JSON.parse(text) as MembersDocument).members.map(({ name, role }) => `${name} ${role}`);

  before(async () => {
    const founder = await prepare('box-a');
    await founder.agent.start();
    assert.equal((await founder.agent.cli(['kv', 'put', 'recipe', 'v1'])).code, 0);
  });
  after(async () => {
    for (const { agent } of boxes.values()) await agent.remove();
  });

  it('K11: boxes that are added join, get the log, and vote', async () => {
    const { agent } = box('box-a');
    for (const name of ['box-b', 'box-c']) {
      const { code, stdout, stderr } = await agent.cli(add(await joined(name)));
      assert.equal(code, 0, stderr);
      assert.ok(membersOf(stdout).includes(`${name} voter`), stdout);
    }
    const { stdout } = await box('box-c').agent.cli(['kv', 'get', 'recipe', '--json']);
    assert.equal((JSON.parse(stdout) as { value: string }).value, 'v1');
  });

  it('K11: a dead box is replaced in one step, and writes go on', async () => {
    await box('box-b').agent.stop('SIGKILL');
    const fresh = await joined('box-d');
    const { code, stdout, stderr } = await box('box-a').agent.cli(add(fresh, '--replaces', 'box-b'));
    assert.equal(code, 0, stderr);
    assert.deepEqual(membersOf(stdout), ['box-a voter', 'box-c voter', 'box-d voter']);
    assert.equal((await box('box-d').agent.cli(['kv', 'put', 'recipe', 'v2'])).code, 0);
  });

  it('K13: a box that lost its memory but kept its key is not listened to, begins anew by itself, and votes again', async () => {
    const { agent } = box('box-d');
    const helper = box('box-a').agent;
    await agent.stop('SIGKILL');
    for (const entry of readdirSync(agent.dataDir))
      if (entry !== 'identity.key') rmSync(join(agent.dataDir, entry), { recursive: true, force: true });
    await agent.start({}, true);
    await until('it is refused', 20_000, async () => {
      const { refused } = JSON.parse((await helper.cli(['status', '--json'])).stdout) as { refused: { hellos: number } };
      return refused.hellos > 0 ? done(true) : notYet('nobody was refused');
    });
    await until('it votes again', 20_000, async () => {
      const { code, stdout } = await agent.cli(['status', '--json']);
      if (code !== 0) return notYet('it begins anew');
      const { consensus } = JSON.parse(stdout) as StatusDocument;
      const well = consensus.healing === undefined && consensus.leader !== null && consensus.voters.includes('box-d');
      return well ? done(true) : notYet(JSON.stringify(consensus));
    });
    const { stdout } = await agent.cli(['kv', 'get', 'recipe', '--json']);
    assert.equal((JSON.parse(stdout) as { value: string }).value, 'v2');
  });

  it('K11: the founder leaves, though it leads, and the others go on; it is a stranger to them then', async () => {
    const { code, stderr } = await box('box-c').agent.cli(['member', 'remove', 'box-a', '--json']);
    assert.equal(code, 0, stderr);
    const put = await box('box-c').agent.cli(['kv', 'put', 'recipe', 'v3']);
    assert.equal(put.code, 0, put.stderr);
    await until('box-a is refused', 20_000, async () => {
      const { stdout } = await box('box-c').agent.cli(['status', '--json']);
      const { refused, members } = JSON.parse(stdout) as { refused: { strangers: number }; members: { name: string }[] };
      const gone = !members.some(({ name }) => name === 'box-a');
      return gone && refused.strangers > 0 ? done(true) : notYet(stdout.slice(0, 200));
    });
    await box('box-a').agent.stop();
    await box('box-d').agent.stop('SIGKILL');
    await box('box-d').agent.start();
    const { stdout } = await box('box-d').agent.cli(['kv', 'get', 'recipe', '--json']);
    assert.equal((JSON.parse(stdout) as { value: string }).value, 'v3', 'a restarted box knows its site from its own disk');
  });

  it('K11: what makes no sense is refused, with the remedy', async () => {
    const { agent } = box('box-c');
    const codes = [
      ['member', 'remove', 'box-x'],
      ['member', 'add', 'box-x'],
      ['member', 'add', 'box-c', '--peer-id', box('box-a').peerId],
    ].map(async (args) => {
      const { code, stdout } = await agent.cli([...args, '--json']);
      return `${code} ${(JSON.parse(stdout) as { error: { code: string } }).error.code}`;
    });
    assert.deepEqual(await Promise.all(codes), ['3 NOT_FOUND', '4 MEMBER_INVALID', '4 NAME_TAKEN']);
  });
});
