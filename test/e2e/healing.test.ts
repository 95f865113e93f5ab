import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HttpClient } from '../../agent/cli/http-client.ts';
import { HttpSiteClient } from '../../agent/client/http-site-client.ts';
import { done, notYet, until } from '../../agent/demo/until.ts';
import type { AgentConfig, StatusDocument, WorkloadsDocument } from '../../schemas/generated/types.ts';
import { freePort } from '../agent/status/served.ts';
import { LoneAgent, run } from './agent-process.ts';
import { AgentSite } from './agent-site.ts';

const names = ['box-a', 'box-b', 'box-c'] as const;
type Name = (typeof names)[number];

describe('a box that finds its memory damaged', function () {
  this.timeout(120_000);
  const site = new AgentSite(names);
  const agent = (name: Name): LoneAgent => site.agent(name);
  const acknowledged: string[] = [];

  before(async () => {
    await site.start();
    await write('box-a');
    const clock = {
      name: 'clock',
      kind: 'service',
      command: ['sleep', '600'],
      resources: { memoryMiB: 1 },
      requires: { nodes: ['box-b'] },
    };
    const file = join(agent('box-a').dir, 'clock.json');
    writeFileSync(file, JSON.stringify({ version: 1, workloads: [clock] }));
    assert.equal((await agent('box-a').cli(['apply', '-f', file])).code, 0);
    await until('it runs', 20_000, async () => ((await pid('box-b')) === null ? notYet('no process') : done(true)));
  });
  after(async () => {
    await site.remove();
  });

  /** Keys one after the other: each is a batch of the log. */
  async function write(at: Name): Promise<void> {
    const client = new HttpSiteClient({ endpoint: `unix:${agent(at).socket}` });
    for (let i = 0; i < 40; i += 1) {
      const key = `k${acknowledged.length}`;
      await client.put(key, key);
      acknowledged.push(key);
    }
    client.close();
  }

  const ask = async (name: Name, path: string): Promise<unknown> => new HttpClient(`unix:${agent(name).socket}`, undefined).get(path);
  /** Undefined while no agent answers. */
  const consensus = async (name: Name): Promise<StatusDocument['consensus'] | undefined> =>
    ask(name, '/status').then(
      (status) => (status as StatusDocument).consensus,
      () => undefined,
    );
  /** Its processes, by what its own agent says. */
  async function pid(name: Name): Promise<number | null> {
    const { workloads } = (await ask(name, '/v1/workloads')) as WorkloadsDocument;
    return workloads[0]?.replicas.find(({ node }) => node === name)?.pid ?? null;
  }

  async function healed(name: Name, code: string): Promise<void> {
    const helper = names.find((other) => other !== name) ?? name;
    await until('it votes again', 30_000, async () => {
      const [own, others] = await Promise.all([consensus(name), consensus(helper)]);
      if (own === undefined) return notYet('it starts anew');
      if (own.healing !== undefined) assert.equal(own.healing.code, code);
      const votes = own.voters.includes(name) && others?.voters.includes(name) === true;
      return own.healing === undefined && own.leader !== null && votes ? done(true) : notYet(JSON.stringify(own));
    });
    const aside = readdirSync(agent(name).dataDir).filter((entry) => entry.startsWith('damaged-'));
    assert.ok(aside.length > 0 && aside.length <= 2, aside.join(' '));
    await write(helper);
    for (const box of names) {
      const client = new HttpSiteClient({ endpoint: `unix:${agent(box).socket}` });
      const { items } = await client.list('k');
      client.close();
      assert.deepEqual(items.map(({ key }) => key).sort(), [...acknowledged].sort(), `what ${box} holds`);
    }
  }

  it('K13: one bit of its log, in the middle: it does not vote on it, has it anew from its site, and votes again; its work goes on', async () => {
    const running = await pid('box-b');
    assert.ok(running);
    await agent('box-b').stop('SIGKILL');
    const log = join(agent('box-b').dataDir, 'log');
    // Half of the keys were acknowledged after it.
    const damaged = readdirSync(log).some((name) => {
      const bytes = readFileSync(join(log, name));
      const at = bytes.indexOf('k20');
      if (at < 0) return false;
      bytes[at] = (bytes[at] ?? 0) ^ 4;
      writeFileSync(join(log, name), bytes);
      return true;
    });
    assert.ok(damaged);
    await agent('box-b').start({}, true);
    await healed('box-b', 'LOG_CORRUPT');
    await until('its work is adopted', 20_000, async () =>
      (await pid('box-b')) === running ? done(true) : notYet(`${await pid('box-b')}`),
    );
    process.kill(running, 0);
  });

  it('K13: its vote is gone: what it has of its site then counts in a majority', async () => {
    await agent('box-c').stop('SIGKILL');
    rmSync(join(agent('box-c').dataDir, 'log', 'vote'));
    await agent('box-c').start({}, true);
    await healed('box-c', 'VOTE_DAMAGED');
    await agent('box-a').stop('SIGKILL');
    await write('box-b');
    await agent('box-a').start();
  });

  it('K13: put back from a copy of an earlier day, it is told by its start, and begins anew', async () => {
    const { dataDir } = agent('box-b');
    const copy = `${dataDir}.copy`;
    await agent('box-b').stop();
    cpSync(dataDir, copy, { recursive: true });
    await agent('box-b').start();
    await write('box-a');
    await agent('box-b').stop('SIGKILL');
    rmSync(dataDir, { recursive: true });
    renameSync(copy, dataDir);
    await agent('box-b').start({}, true);
    await healed('box-b', 'ROLLED_BACK');
  });

  it('K13: a copy of a box that runs ends itself and does not start again; the box goes on', async () => {
    const { leader } = (await consensus('box-a')) ?? {};
    const name = leader === 'box-c' ? 'box-b' : 'box-c';
    const original = agent(name);
    const copy = new LoneAgent();
    const config = JSON.parse(readFileSync(original.configFile, 'utf8')) as AgentConfig;
    copy.write({ ...config, listen: `/ip4/127.0.0.1/tcp/${await freePort()}`, dataDir: copy.dataDir, runtimeDir: copy.runtimeDir });
    cpSync(original.dataDir, copy.dataDir, { recursive: true });
    for (const path of ['log', 'state', 'box.json']) assert.ok(existsSync(join(copy.dataDir, path)), path);
    try {
      for (const attempt of ['first', 'second']) {
        const { code, stderr } = await run(copy.args, { timeoutMs: 20_000 });
        assert.equal(code, 4, `${attempt}: ${stderr}`);
        assert.match(stderr, /DATA_DIR_COPIED/);
      }
    } finally {
      await copy.remove();
    }
    await write(name);
  });
});
