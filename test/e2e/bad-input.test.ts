import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { LoneAgent, run } from './agent-process.ts';

describe('an agent given bad input', function () {
  this.timeout(60_000);
  let agent: LoneAgent;
  beforeEach(() => {
    agent = new LoneAgent();
  });
  afterEach(() => agent.remove());

  /** It ends by itself with this code, names the matter in one line, and shows no stack trace. */
  async function refused(code: number, ...words: readonly string[]): Promise<void> {
    const result = await run(agent.args);
    assert.equal(result.code, code, result.stderr);
    for (const word of words) assert.ok(result.stderr.includes(word), `${word} in: ${result.stderr}`);
    assert.doesNotMatch(result.stderr, /^\s+at /m);
  }

  it('names an unknown configuration key and its place', async () => {
    agent.write({ ...(await agent.config()), colour: 'red' });
    await refused(2, 'CONFIG_INVALID', '/colour', 'not a known key');
  });

  it('names a wrong value and what is allowed', async () => {
    agent.write({ ...(await agent.config()), status: { host: '0.0.0.0' } });
    await refused(2, 'CONFIG_INVALID', '/status/host', '127.0.0.1');
  });

  it('refuses times that cannot go together', async () => {
    agent.write({ ...(await agent.config()), timing: { pingMs: 200, electionMs: 300 } });
    await refused(2, 'CONFIG_INVALID', '/timing/electionMs');
    agent.write({ ...(await agent.config()), timing: { pingMs: 100, electionMs: 2000, leaseMs: 2000 } });
    await refused(2, 'CONFIG_INVALID', '/timing/leaseMs');
  });

  it('refuses a site between two tiers, which it could not serve', async () => {
    const config = await agent.config();
    const peers = ['12D3KooWDHgHsRKwLwG2hU2fFHWzLwUkQyTVdQWwvGbnoLQqMyfV', '12D3KooWBhVnVfVoRKvq1JQ74cJPXLAry7BnZBBuaPyautfpqJjK'];
    const [upperPeer, childPeer] = peers;
    const upper = { site: 'region', members: [{ name: 'region-1', peerId: upperPeer, address: '/ip4/127.0.0.1/tcp/1' }] };
    agent.write({ ...config, upper, children: [{ site: 'child', members: [{ name: 'box-x', peerId: childPeer }] }] });
    await refused(2, 'CONFIG_INVALID', '/upper and /children');
  });

  it('says that the configuration file is not there', async () => {
    await refused(2, 'CONFIG_INVALID', 'ENOENT', '--config');
  });

  it('says that its port is in use', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    agent.write(await agent.config({}, port));
    await refused(5, 'PORT_IN_USE', String(port));
    await new Promise((resolve) => server.close(resolve));
  });

  it('refuses the data directory of another box and of another cluster, and a second agent', async () => {
    const config = await agent.config();
    agent.write(config);
    await agent.start();
    await refused(4, 'DATA_DIR_IN_USE', agent.dataDir);
    assert.equal(await agent.stop(), 0);
    const [member] = config.site.members;
    assert.ok(member);
    agent.write({ ...config, node: { name: 'other' }, site: { ...config.site, members: [{ ...member, name: 'other' }] } });
    await refused(4, 'DATA_DIR_OTHER_NODE', 'solo', 'other');
    agent.write({ ...config, site: { ...config.site, clusterId: 'another-cluster' } });
    await refused(4, 'DATA_DIR_OTHER_CLUSTER', 'solo-cluster', 'another-cluster');
  });

  it('K9: keeps every acknowledged value over SIGKILL and a clock set back', async () => {
    agent.write(await agent.config());
    await agent.start();
    for (let i = 0; i < 5; i += 1) assert.equal((await agent.cli(['kv', 'put', `k${i}`, `v${i}`])).code, 0);
    await agent.stop('SIGKILL');
    const library = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';
    const faked =
      statSync(library, { throwIfNoEntry: false }) === undefined
        ? {}
        : { LD_PRELOAD: library, FAKETIME: '-400d', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
    await agent.start(faked);
    for (let i = 0; i < 5; i += 1) {
      const read = await agent.cli(['kv', 'get', `k${i}`]);
      assert.equal(read.stdout.trim(), `v${i}`, read.stderr);
    }
  });

  it('K13: will not start on a log damaged in the middle, and says what to do', async () => {
    agent.write(await agent.config());
    await agent.start();
    for (let i = 0; i < 20; i += 1) assert.equal((await agent.cli(['kv', 'put', `k${i}`, 'x'.repeat(100)])).code, 0);
    assert.equal(await agent.stop(), 0);
    const log = join(agent.dataDir, 'log');
    const segment = readdirSync(log)
      .filter((name) => name.includes('segment') || name.endsWith('.seg') || name.endsWith('.log'))
      .sort()[0];
    assert.ok(segment, readdirSync(log).join(' '));
    const file = join(log, segment);
    const bytes = readFileSync(file);
    const at = bytes.indexOf('k3');
    assert.ok(at > 0, 'the fourth value is in the first segment');
    bytes[at] = (bytes[at] ?? 0) ^ 0x40;
    writeFileSync(file, bytes);
    await refused(1, 'LOG_CORRUPT', segment);
    truncateSync(file, 100);
    await refused(1, 'LOG_CORRUPT', segment);
  });

  it('P1: refuses a workload file with wrong types and with duplicates, and changes nothing', async () => {
    agent.write(await agent.config());
    await agent.start();
    const file = join(agent.dir, 'w.json');
    const workload = { name: 'web', kind: 'service', command: ['sleep', '100'], resources: { memoryMiB: 8 } };
    writeFileSync(file, JSON.stringify({ version: 1, workloads: [{ ...workload, resources: { memoryMiB: 'much' } }] }));
    const wrong = await agent.cli(['apply', '-f', file]);
    assert.equal(wrong.code, 2, wrong.stderr);
    assert.match(wrong.stderr, /workloads\/0\/resources\/memoryMiB/);
    writeFileSync(file, JSON.stringify({ version: 1, workloads: [workload, workload] }));
    const twice = await agent.cli(['apply', '-f', file]);
    assert.equal(twice.code, 2, twice.stderr);
    assert.match(twice.stderr, /web/);
    const list = JSON.parse((await agent.cli(['workload', 'list', '--json'])).stdout) as { workloads: unknown[] };
    assert.deepEqual(list.workloads, []);
  });

  it('P1: names the binding constraint and the shortfall of an impossible requirement', async () => {
    agent.write(await agent.config({ capacity: { memoryMiB: 64, cpuCores: 1 } }));
    await agent.start();
    const file = join(agent.dir, 'w.json');
    writeFileSync(
      file,
      JSON.stringify({
        version: 1,
        workloads: [{ name: 'big', kind: 'service', command: ['sleep', '100'], resources: { memoryMiB: 1000 } }],
      }),
    );
    const plan = await agent.cli(['plan', '-f', file, '--json']);
    assert.match(plan.stdout, /MEMORY_SHORT/, plan.stderr);
    assert.match(plan.stdout, /1000/);
  });
});
