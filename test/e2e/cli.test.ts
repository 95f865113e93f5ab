import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { done, notYet, until } from '../../agent/demo/until.ts';
import type { DecisionsDocument, PlacementProblem, WorkloadsDocument } from '../../schemas/generated/types.ts';
import { LoneAgent, program, run } from './agent-process.ts';

/** Names of the commands a help page lists. */
function commandsIn(help: string): string[] {
  const section = help.split('\nCommands:\n')[1] ?? '';
  return [...section.matchAll(/^ {2}([a-z]+)/gm)].map((match) => match[1] as string).filter((name) => name !== 'help');
}

/** The site as a problem: what would become of it is tried without touching it. */
async function triesOut(lone: LoneAgent): Promise<void> {
  const problem = await lone.cli(['placement', 'problem']);
  assert.equal(problem.code, 0, problem.stderr);
  assert.equal((JSON.parse(problem.stdout) as PlacementProblem).weights.hops, 3, 'as in the configuration');
  const site = join(lone.dir, 'site.json');
  writeFileSync(site, problem.stdout);
  const same = await lone.cli(['plan', '-f', site, '--steps', '1000', '--compare', 'current']);
  assert.equal(same.code, 0, same.stderr);
  assert.match(same.stdout, /talker\/0 .* solo +hot/);
  const twice = await lone.cli(['plan', '-f', site, '--steps', '1000', '--what-if', 'scale:talker=2']);
  assert.equal(twice.code, 4, 'P17: one box has no place for another replica');
  assert.match(twice.stdout, /talker\/1/);
}

/** A box that is given nothing new keeps what it has, and takes the rest when it may again. */
async function cordonAndBack(lone: LoneAgent, file: string): Promise<void> {
  assert.equal((await lone.cli(['node', 'cordon', 'nobody'])).code, 3);
  const ordered = await lone.cli(['node', 'cordon', 'solo', '--reason', 'its fan']);
  assert.equal(ordered.code, 0, ordered.stderr);
  assert.match((await lone.cli(['node', 'cordoned'])).stdout, /^solo +[0-9]+ +1 +its fan$/m);
  const late = `${file}.late.yaml`;
  writeFileSync(late, readFileSync(file, 'utf8').replaceAll('talker', 'latecomer'));
  assert.equal((await lone.cli(['apply', '-f', late])).code, 0);
  const placed = async (): Promise<readonly string[]> => {
    const { workloads } = JSON.parse((await lone.cli(['workload', 'list', '--json'])).stdout) as WorkloadsDocument;
    return workloads.filter(({ replicas }) => replicas.length > 0).map(({ name }) => name);
  };
  await until('it is decided', 10_000, async () => {
    const { decisions } = JSON.parse((await lone.cli(['placement', 'history', '--json'])).stdout) as DecisionsDocument;
    const decided = decisions.some(({ triggers }) => triggers.some(({ subject }) => subject === 'latecomer'));
    return decided ? done(undefined) : notYet('nothing was decided yet');
  });
  assert.deepEqual(await placed(), ['talker'], 'R2: nothing new lands');
  assert.equal((await lone.cli(['node', 'uncordon', 'solo'])).code, 0);
  await until('it has its place', 10_000, async () => ((await placed()).length === 2 ? done(undefined) : notYet('not placed yet')));
  assert.equal((await lone.cli(['workload', 'delete', 'latecomer'])).code, 0);
}

describe('the command line', function () {
  this.timeout(60_000);

  it('D7: every command explains itself, with examples for those of one line', async () => {
    const top = await run(['--help']);
    assert.equal(top.code, 0);
    assert.match(top.stdout, /Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 refused, 5 unavailable, 6 indefinite/);
    const names = commandsIn(top.stdout);
    assert.ok(names.includes('apply') && names.includes('placement'));
    for (const name of names) {
      const page = await run([name, '--help']);
      assert.equal(page.code, 0, name);
      const inner = commandsIn(page.stdout);
      for (const sub of inner) assert.equal((await run([name, sub, '--help'])).code, 0, `${name} ${sub}`);
      assert.match(page.stdout, /^Usage: holdfast /, name);
    }
  });

  it('D7: wrong usage ends with 2 and says where help is', async () => {
    for (const args of [
      ['nope'],
      ['kv', 'get'],
      ['apply'],
      ['status', '--colour'],
      ['kv', 'put', 'a', 'b', '--expect', 'x'],
      ['logs', 'w', '-n', '-1'],
      ['events', '--after', 'x'],
      ['demo', '--victim', 'nobody'],
    ]) {
      const { code, stderr, stdout } = await run(args);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, /--help/);
      assert.equal(stdout, '');
    }
  });

  it('D7: without an agent it ends with 5 and says what to set', async () => {
    for (const args of [['status'], ['nodes', '--json'], ['kv', 'list'], ['workload', 'list']]) {
      const { code, stderr } = await run([...args, '--endpoint', 'unix:/nowhere/holdfast.sock']);
      assert.equal(code, 5, args.join(' '));
      assert.match(stderr, /No agent answers at unix:\/nowhere\/holdfast\.sock .*--endpoint or HOLDFAST_ENDPOINT/);
      assert.doesNotMatch(stderr, /^\s+at /m);
    }
  });

  it('D7: a data directory that cannot be is refused with 4, by whichever command', async () => {
    const { code, stderr } = await run(['id', '--data-dir', '/dev/null/data']);
    assert.equal(code, 4);
    assert.match(stderr, /^holdfast: DATA_DIR_NOT_WRITABLE: .*\/dev\/null\/data/);
  });

  it('D7: an endpoint that is none is wrong usage', async () => {
    assert.equal((await run(['status', '--endpoint', 'ftp://box'])).code, 2);
  });

  describe('with an agent', () => {
    const lone = new LoneAgent();
    const file = join(lone.dir, 'work.yaml');
    before(async function () {
      this.timeout(40_000);
      lone.write(await lone.config({ weights: { hops: 3 } }));
      await lone.start();
      writeFileSync(
        file,
        `version: 1
workloads:
  - name: talker
    kind: service
    command: [bash, -c, "echo hello; read -rt 1000 <> <(:)"]
    resources: { memoryMiB: 16 }
`,
      );
    });
    after(() => lone.remove());

    it('D7: with --json prints one JSON document and nothing else; without, a page for people', async () => {
      for (const args of [['status'], ['nodes'], ['workload', 'list'], ['kv', 'list']]) {
        const json = await lone.cli([...args, '--json']);
        assert.equal(json.code, 0, args.join(' '));
        assert.ok(typeof JSON.parse(json.stdout) === 'object', args.join(' '));
        const page = await lone.cli(args);
        assert.equal(page.code, 0);
        assert.throws(() => JSON.parse(page.stdout), args.join(' '));
      }
    });

    it('D7: puts, gets, lists and deletes values; what is not there ends with 3, what is refused with 4', async () => {
      assert.equal((await lone.cli(['kv', 'put', 'line/speed', '12'])).code, 0);
      assert.equal((await lone.cli(['kv', 'get', 'line/speed'])).stdout, '12\n');
      assert.match((await lone.cli(['kv', 'list', 'line/'])).stdout, /line\/speed/);
      assert.equal((await lone.cli(['kv', 'delete', 'line/speed'])).code, 0);
      const missing = await lone.cli(['kv', 'get', 'line/speed']);
      assert.equal(missing.code, 3);
      assert.match(missing.stderr, /KEY_NOT_FOUND/);
      const long = await lone.cli(['kv', 'put', 'k'.repeat(600), 'x']);
      assert.equal(long.code, 4);
      assert.match(long.stderr, /KEY_INVALID.*512/);
    });

    it('D7: changes several values together, or none; deletes what is below a prefix', async () => {
      const transaction = join(lone.dir, 'transaction.json');
      const put = (key: string): object => ({ type: 'put', key, value: 'x' });
      writeFileSync(transaction, JSON.stringify({ guards: [{ key: 'txn/a', revision: 0 }], operations: [put('txn/a'), put('txn/b')] }));
      const first = await lone.cli(['kv', 'txn', '-f', transaction, '--json']);
      assert.equal(first.code, 0, first.stderr);
      assert.deepEqual(JSON.parse(first.stdout).results, [{}, {}]);
      const second = await lone.cli(['kv', 'txn', '-f', transaction]);
      assert.equal(second.code, 4);
      assert.match(second.stderr, /GUARD_FAILED: \/guards\/0: key txn\/a is at revision/);
      writeFileSync(transaction, '{"operations":[{"type":"delete"}]}');
      const wrong = await lone.cli(['kv', 'txn', '-f', transaction]);
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, /TRANSACTION_INVALID: .*\/operations\/0\/key is missing/);
      assert.equal((await lone.cli(['kv', 'delete', 'txn/a', '--expect', '1'])).code, 4);
      assert.match((await lone.cli(['kv', 'delete', 'txn/', '--prefix'])).stdout, /^2 values below txn\/ deleted/);
    });

    it('D7 P16: applies, lists, explains and shows the output of a workload', async () => {
      const plan = await lone.cli(['plan', '-f', file]);
      assert.equal(plan.code, 0, plan.stderr);
      assert.match(plan.stdout, /talker/);
      assert.deepEqual(JSON.parse((await lone.cli(['workload', 'list', '--json'])).stdout).workloads, [], 'a plan changes nothing');
      const applied = await lone.cli(['apply', '-f', file]);
      assert.equal(applied.code, 0, applied.stderr);
      await until('it speaks', 20_000, async () => {
        const logs = await lone.cli(['logs', 'talker']);
        return logs.stdout.includes('hello') ? done(true) : notYet(logs.stdout + logs.stderr);
      });
      assert.match((await lone.cli(['workload', 'list'])).stdout, /talker +solo +hot +ready/);
      const explained = await lone.cli(['placement', 'explain', 'talker']);
      assert.match(explained.stdout, /talker\/0: on solo/);
      assert.match((await lone.cli(['placement', 'why', 'talker', 'solo'])).stdout, /talker\/0/);
      assert.equal((await lone.cli(['placement', 'why-not', 'talker', 'nowhere'])).code, 3);
      await triesOut(lone);
      const { decisions } = JSON.parse((await lone.cli(['placement', 'history', '--json'])).stdout) as DecisionsDocument;
      const decision = decisions.find(({ triggers }) => triggers.some(({ kind, subject }) => kind === 'workload' && subject === 'talker'));
      assert.deepEqual(decision?.moves, ['talker/0: nowhere → solo (hot)'], 'P18: why there is a plan');
      assert.match((await lone.cli(['placement', 'history', '-n', '1'])).stdout, /because {2}workload: talker is new/);
      await cordonAndBack(lone, file);
      const unknown = await lone.cli(['placement', 'explain', 'ghost']);
      assert.equal(unknown.code, 3);
      assert.equal((await lone.cli(['apply', '-f', file])).code, 0, 'again, unchanged');
    });

    it('D7: events come as they happen, one JSON object a line, until nobody reads them', async () => {
      assert.equal((await lone.cli(['kv', 'put', 'seen', 'x'])).code, 0);
      const [node, file] = program;
      const child = spawn(node, [file, 'events', '--after', '0', '--endpoint', `unix:${lone.socket}`], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const ended = once(child, 'exit');
      let [said, complained] = ['', ''];
      child.stderr.on('data', (chunk: Buffer) => {
        complained += chunk.toString();
      });
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      try {
        const types = (): readonly unknown[] =>
          said
            .split('\n')
            .slice(0, -1)
            .map((line) => (JSON.parse(line) as { type: unknown }).type);
        await until('the change is told', 10_000, async () => (types().includes('kv.changed') ? done(true) : notYet(said)));
        child.stdout.destroy();
        // The next event finds the pipe closed, as with `holdfast events | head`.
        assert.equal((await lone.cli(['kv', 'put', 'seen', 'y'])).code, 0);
        assert.deepEqual(await ended, [0, null]);
        assert.equal(complained, '');
      } finally {
        child.kill('SIGKILL');
      }
    });

    it('D7: refuses a workload file that cannot be read, and says where it is wrong', async () => {
      const bad = join(lone.dir, 'bad.yaml');
      const cases: readonly [string, RegExp][] = [
        ['version: 1\nworkloads: [', /bad\.yaml/],
        ['version: 1\nworkloads: []\ncolour: red\n', /\/workloads|\/colour/],
        ['a: &a [*a]\n', /bad\.yaml/],
      ];
      for (const [text, words] of cases) {
        writeFileSync(bad, text);
        const { code, stderr } = await lone.cli(['apply', '-f', bad]);
        assert.ok(code === 2 || code === 4, `${code}: ${stderr}`);
        assert.match(stderr, words);
        assert.doesNotMatch(stderr, /^\s+at /m);
      }
      const missing = await lone.cli(['apply', '-f', join(lone.dir, 'none.yaml')]);
      assert.ok(missing.code === 2 || missing.code === 3, `${missing.code}`);
      assert.match(missing.stderr, /none\.yaml/);
    });
  });
});
