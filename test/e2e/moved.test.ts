import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { done, notYet, until } from '../../agent/demo/until.ts';
import type { AgentConfig, MembersDocument, StatusDocument } from '../../schemas/generated/types.ts';
import { freePort } from '../agent/status/served.ts';
import { AgentSite } from './agent-site.ts';

type Name = 'box-a' | 'box-b' | 'box-c';

describe('a box that comes back with another address', function () {
  this.timeout(120_000);
  const site = new AgentSite<Name>(['box-a', 'box-b', 'box-c']);
  let moved = '';

  const knownAddress = async (asked: Name, name: Name): Promise<string | null | undefined> => {
    const { stdout } = await site.agent(asked).cli(['member', 'list', '--json']);
    return (JSON.parse(stdout) as MembersDocument).members.find((member) => member.name === name)?.address;
  };
  const leader = async (): Promise<Name | null> => {
    const { stdout } = await site.agent('box-a').cli(['status', '--json']);
    return (JSON.parse(stdout) as StatusDocument).consensus.leader as Name | null;
  };
  /** Only its own configuration says another address, and others for the other boxes if they are given. */
  function configure(name: Name, address: string, others: Partial<Record<Name, string>> = {}): void {
    const config = site.config(name);
    const members = config.site.members.map((member) => ({
      ...member,
      address: member.name === name ? address : (others[member.name as Name] ?? member.address),
    })) as AgentConfig['site']['members'];
    site.agent(name).write({ ...config, site: { ...config.site, members }, listen: address });
  }
  const fresh = async (): Promise<string> => `/ip4/127.0.0.1/tcp/${await freePort()}`;
  const learned = (asked: Name, name: Name, address: string) =>
    until(`${asked} knows where ${name} is`, 20_000, async () => {
      const known = await knownAddress(asked, name);
      return known === address ? done(true) : notYet(String(known));
    });

  before(() => site.start());
  after(() => site.remove());

  it('K11: the site learns where it is, on every box, and keeps that for the next start', async () => {
    moved = await fresh();
    await site.agent('box-c').stop('SIGKILL');
    configure('box-c', moved);
    await site.agent('box-c').start();
    for (const asked of ['box-a', 'box-b', 'box-c'] as const) await learned(asked, 'box-c', moved);
    const kept = readFileSync(join(site.agent('box-a').dataDir, 'members.json'), 'utf8');
    assert.ok(kept.includes(moved), kept);
  });

  it('K11: boxes that were started again dial it by what the site learned, though no configuration of theirs says so', async () => {
    for (const name of ['box-a', 'box-b', 'box-c'] as const) await site.agent(name).stop('SIGKILL');
    // It finds nobody by itself: where it believes the others to be nobody listens.
    configure('box-c', moved, { 'box-a': await fresh(), 'box-b': await fresh() });
    await Promise.all((['box-a', 'box-b', 'box-c'] as const).map((name) => site.agent(name).start()));
    assert.equal((await site.agent('box-c').cli(['kv', 'put', 'there', 'again'])).code, 0);
    assert.equal(await knownAddress('box-b', 'box-c'), moved);
  });

  it('K11: a leader that comes back elsewhere is learned too, whoever leads then', async () => {
    const name = (await leader()) ?? 'box-a';
    const address = await fresh();
    await site.agent(name).stop('SIGKILL');
    configure(name, address);
    await site.agent(name).start();
    const witness = name === 'box-b' ? 'box-c' : 'box-b';
    await learned(witness, name, address);
    await learned(name, name, address);
  });
});
