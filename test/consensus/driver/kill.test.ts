import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster, type Member } from './cluster.ts';
import { put } from './kv-machine.ts';

/** Runs the site until it acknowledged enough, kills it without warning, returns what it acknowledged. */
async function runAndKill(directory: string, prefix: string, enough: number): Promise<string[]> {
  const script = join(import.meta.dirname, 'site-process.ts');
  const child = spawn(process.execPath, [script, directory, prefix], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    output += text;
    if (output.length > enough * 10) child.kill('SIGKILL');
  });
  const signal = await new Promise((resolve) => child.on('close', (_code, by) => resolve(by)));
  assert.equal(signal, 'SIGKILL', 'it ran until it was killed');
  return output.split('\n').slice(0, -1);
}

describe('a site that is killed', function () {
  this.timeout(120_000);

  it('K9: has every acknowledged change on every member when it starts again, three times over', async () => {
    const directory = await fs.mkdtemp(join(tmpdir(), 'holdfast-kill-'));
    const acknowledged: string[] = [];
    for (let life = 0; life < 3; life++) acknowledged.push(...(await runAndKill(directory, `life${life}`, 700 + life * 400)));
    const cluster = await Cluster.start(3, { log: { segmentBytes: 32 * 1024 } }, directory);
    for (const { id, node, machine } of cluster.all) {
      await node.read();
      const missing = acknowledged.filter((key) => machine.get(key) === undefined);
      assert.deepEqual(missing, [], `${id} lost ${missing.length} of ${acknowledged.length}`);
    }
    assert.ok(acknowledged.length > 2000, `${acknowledged.length} acknowledged`);
    cluster.assertHealthy();
    await cluster.stop();
  });

  it('K13: rebuilds a damaged state from a log that was never cut, and says what to do when it was cut', async () => {
    let cluster = await Cluster.start(1);
    const only = await cluster.leader();
    for (let i = 0; i < 20; i++) await only.node.propose(put(`k${i}`, 'v'));
    await cluster.stop({ keep: true });
    const { directory } = cluster;
    const state = join(directory, 'n1', 'state');
    const damage = async () => {
      const [generation] = (await fs.readdir(state)).filter((name) => name.startsWith('level-'));
      await fs.rm(join(state, generation as string, 'CURRENT'));
    };

    await damage();
    cluster = await Cluster.start(1, { compactEntries: 20, flushMs: 5, log: { segmentBytes: 4096 } }, directory);
    const rebuilt: Member = await cluster.leader();
    await rebuilt.node.read();
    assert.ok(rebuilt.events.some(({ type }) => type === 'state-rebuilt'));
    assert.equal(rebuilt.machine.get('k19'), 'v');
    for (let i = 0; !rebuilt.events.some(({ type }) => type === 'log-compacted'); i++) await rebuilt.node.propose(put(`m${i}`, 'v'));
    await cluster.stop({ keep: true });

    await damage();
    await assert.rejects(Cluster.start(1, {}, directory), (error: { code: string; remedy: string }) => {
      assert.equal(error.code, 'STATE_DAMAGED');
      assert.match(error.remedy, /rejoin/);
      return true;
    });
    await fs.rm(directory, { recursive: true, force: true });
  });
});
