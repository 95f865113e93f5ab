import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { goldenPlans } from './golden-plans.ts';

const file = new URL('golden-plans.json', import.meta.url);

/** Other versions of Node on this machine. */
function otherNodes(): readonly { readonly program: string; readonly version: string }[] {
  const programs = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'node'));
  const found = new Map<string, string>();
  for (const program of programs.filter((path) => existsSync(path))) {
    const version = execFileSync(program, ['--version'], { encoding: 'utf8' }).trim();
    if (version !== process.version && !found.has(version)) found.set(version, program);
  }
  return [...found].map(([version, program]) => ({ version, program }));
}

describe('plans by steps', () => {
  let plans: Record<string, string>;
  before(function () {
    this.timeout(60_000);
    plans = goldenPlans();
    if (process.env['REWRITE'] === '1') writeFileSync(file, `${JSON.stringify(plans, null, 2)}\n`);
  });

  it('P6: seed and steps give the plan that is recorded, on any machine', () => {
    const recorded = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
    assert.deepEqual(plans, recorded, 'where the search was changed on purpose: REWRITE=1 mocha test/agent/placement/golden.test.ts');
  });

  it('P6: another version of Node makes the same plans', async function () {
    this.timeout(120_000);
    const others = otherNodes();
    if (others.length === 0) this.skip();
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-golden-'));
    try {
      const outfile = join(directory, 'golden-plans.mjs');
      const entry = fileURLToPath(new URL('golden-plans.ts', import.meta.url));
      await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error' });
      for (const { program, version } of others)
        assert.deepEqual(JSON.parse(execFileSync(program, [outfile], { encoding: 'utf8' })), plans, `Node ${version} at ${program}`);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
