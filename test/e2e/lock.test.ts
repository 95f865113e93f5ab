import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from '../../agent/demo/processes.ts';
import { done, notYet, until } from '../../agent/demo/until.ts';
import { LoneAgent, program, run } from './agent-process.ts';

describe('programs that run one at a time', function () {
  this.timeout(60_000);
  const lone = new LoneAgent();
  const started: ChildProcess[] = [];
  before(async () => {
    lone.write(await lone.config());
    await lone.start();
  });
  after(async () => {
    for (const child of started) child.kill('SIGKILL');
    await lone.remove();
  });

  const holdfast = (...args: readonly string[]): ChildProcess => {
    const [node, file] = program;
    const env = { ...process.env, HOLDFAST_ENDPOINT: `unix:${lone.socket}` };
    const child = spawn(node, [file, ...args], { stdio: ['ignore', 'ignore', 'pipe'], env });
    started.push(child);
    return child;
  };
  const file = (name: string): string => join(lone.dir, name);
  const appears = (path: string): Promise<string> =>
    until(`${path} is written`, 20_000, async () => {
      const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
      return text === '' ? notYet('nothing') : done(text);
    });
  /** Says what it was given, and stays. */
  const stay = (name: string): readonly string[] => [
    'sh',
    '-c',
    `echo "$$ $HOLDFAST_FENCING_TOKEN $HOLDFAST_FENCE" > ${file(name)}; exec sleep 60`,
  ];
  const said = async (name: string): Promise<{ pid: number; token: number; fence: string }> => {
    const [pid, token, fence = ''] = (await appears(file(name))).split(' ');
    return { pid: Number(pid), token: Number(token), fence };
  };

  it('C10: the change of a paused holder is refused, and its program is ended when it wakes', async () => {
    const first = holdfast('lock', 'press', '--ttl', '1', '--', ...stay('first'));
    const held = await said('first');
    assert.equal((await lone.cli(['kv', 'put', 'speed', '1', '--fence', held.fence])).code, 0);
    const second = holdfast('lock', 'press', '--ttl', '1', '--', ...stay('second'));
    const busy = await run(['lock', 'press', '--wait', '0.3', '--', 'true'], { env: { HOLDFAST_ENDPOINT: `unix:${lone.socket}` } });
    assert.equal(busy.code, 4);
    assert.match(busy.stderr, /NOT_FREE/);
    first.kill('SIGSTOP');
    const next = await said('second');
    assert.ok(next.token > held.token);
    assert.ok(isAlive(held.pid), 'nobody could end the program of a paused holder: that is what the fence is for');
    const late = await lone.cli(['kv', 'put', 'speed', 'late', '--fence', held.fence]);
    assert.equal(late.code, 4);
    assert.match(late.stderr, /GUARD_FAILED: \/guards\/0: key lock\/press\/\d+ does not exist/);
    assert.equal((await lone.cli(['kv', 'put', 'speed', '2', '--fence', next.fence])).code, 0);
    const ended = once(first, 'exit');
    first.kill('SIGCONT');
    assert.deepEqual(await ended, [4, null]);
    assert.ok(!isAlive(held.pid));
    second.kill('SIGTERM');
    assert.deepEqual(await once(second, 'exit'), [143, null], 'SIGTERM is meant for the program, and its end is ours');
    assert.equal((await lone.cli(['kv', 'get', 'speed'])).stdout, '2\n');
    assert.deepEqual(JSON.parse((await lone.cli(['kv', 'list', 'lock/', '--json'])).stdout).items, []);
  });

  it('C10: one after the other, and each exit code is that of its program', async () => {
    writeFileSync(file('count'), '0\n');
    const add = `n=$(cat ${file('count')}); sleep 0.1; echo $((n + 1)) > ${file('count')}; exit 7`;
    const all = Array.from({ length: 5 }, () => once(holdfast('lock', 'count', '--', 'sh', '-c', add), 'exit'));
    for (const ended of all) assert.deepEqual(await ended, [7, null]);
    assert.equal(readFileSync(file('count'), 'utf8'), '5\n');
  });

  it('C10: when the elected one dies, another is elected, with a greater token; its program died with it', async () => {
    const first = holdfast('elect', 'gateway', '--ttl', '1', '--', ...stay('elected-1'));
    const held = await said('elected-1');
    holdfast('elect', 'gateway', '--ttl', '1', '--', ...stay('elected-2'));
    first.kill('SIGKILL');
    const next = await said('elected-2');
    assert.ok(next.token > held.token);
    await until('the program of the dead one is gone', 10_000, async () => (isAlive(held.pid) ? notYet('it runs') : done(true)));
  });
});
