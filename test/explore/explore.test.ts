import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bugs } from './bugs.ts';
import type { Exploration } from './explorer.ts';
import { scopes } from './scopes.ts';

const program = fileURLToPath(new URL('main.ts', import.meta.url));

/** In a process of its own: it loads the core with its private fields open. */
function run(...options: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, ...options], { timeout: 120_000 }, (error, stdout, stderr) => {
      // 1 without words: a violation was found, which stands in the output.
      if (error !== null && (error.code !== 1 || stderr !== '')) reject(new Error(`${error.message}\n${stderr}`));
      else resolve(stdout);
    });
  });
}

async function explore(...options: readonly string[]): Promise<readonly Exploration[]> {
  const lines = (await run('--json', ...options)).split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Exploration);
}

const states = Number(process.env.STATES ?? 1_000_000);

describe('exhaustive exploration of three members', function () {
  this.timeout(120_000);

  it(`nothing is broken in ${states} distinct states`, async () => {
    const results = await explore('--states', String(states));
    for (const { violation } of results) assert.equal(violation, undefined, JSON.stringify(violation, null, 2));
    assert.equal(results.length, scopes.length);
    const seen = results.reduce((sum, result) => sum + result.states, 0);
    const rate = Math.round(seen / results.reduce((sum, { seconds }) => sum + seconds, 0));
    console.log(
      `      ${seen} distinct states, ${rate} a second: ${results.map(({ scope, depth }) => `${scope} to depth ${depth}`).join(', ')}`,
    );
    assert.ok(seen >= states || results.every(({ complete }) => complete), `${seen}`);
  });

  it('takes only such states for one that go on alike', async () => {
    const lines = (await run('--audit', '40')).split('\n').filter(Boolean);
    assert.equal(lines.length, scopes.length);
    for (const line of lines) assert.match(line, / [1-9]\d+ steps go on alike$/);
  });

  for (const [name, { rule }] of Object.entries(bugs)) {
    it(`finds a core that is wrong on purpose: ${name}`, async () => {
      const [result] = await explore('--states', '200000', '--bug', name);
      assert.match(result?.violation?.rule ?? 'nothing', rule);
    });
  }
});
