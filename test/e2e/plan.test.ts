import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkPlan } from '../../agent/placement/checker.ts';
import type { PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { makeNode, makeProblem, makeWorkload } from '../agent/placement/problems.ts';
import { program, run } from './agent-process.ts';

const mill = new URL('../../packaging/examples/mill.problem.yaml', import.meta.url).pathname;

describe('holdfast plan of a problem file, as a process', function () {
  this.timeout(60_000);
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-plan-process-'));
  after(() => rmSync(directory, { recursive: true }));

  const write = (name: string, problem: PlacementProblem): string => {
    const path = join(directory, name);
    writeFileSync(path, JSON.stringify(problem));
    return path;
  };

  it('P16 D7: plans the mill without an agent, prints it, draws it, and gives JSON', async () => {
    const svg = join(directory, 'mill.svg');
    const { code, stdout, stderr } = await run(['plan', '-f', mill, '--svg', svg]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^REPLICA +CRITICALITY +BOX +DOMAIN +CLASS\n/);
    assert.match(stdout, /^sheet-vision\/0 +0\.9 +winder +cabinet-b +hot$/m);
    assert.match(readFileSync(svg, 'utf8'), /^<svg [\s\S]*<\/svg>\s*$/);
    const asJson = await run(['plan', '-f', mill, '--json', '--steps', '2000']);
    const { plan } = JSON.parse(asJson.stdout) as { readonly plan: Plan };
    assert.deepEqual([asJson.code, plan.unplaced], [0, []]);
  });

  it('P1 D7: ends with 4 when something has no place, and says what to do', async () => {
    const problem = makeProblem([makeNode('a', { capacity: { memoryMiB: 50 } })], [makeWorkload('w', { classes: ['hot'] })]);
    const { code, stdout, stderr } = await run(['plan', '-f', write('small.json', problem)]);
    assert.deepEqual([code, stderr], [4, '']);
    assert.match(stdout, /^ {2}w\/0 fits none of 1 boxes.*50 MiB short/m);
    assert.match(stdout, /^The smallest box found that would make it feasible: memoryMiB 256, cpuCores 0\.5, beside a\.$/m);
  });

  it('D1 D7: a picture that cannot be written is told with what to give, and the command fails', async () => {
    const { code, stdout, stderr } = await run(['plan', '-f', mill, '--budget', '50m', '--svg', join(directory, 'absent', 'mill.svg')]);
    assert.deepEqual([code, stdout], [1, '']);
    // Told before the search: it may take an hour.
    assert.match(stderr, /^holdfast: CANNOT_WRITE: Cannot write .*mill\.svg \(ENOENT\): give --svg a file in a directory that is there/);
  });

  it('P16 D7: a long answer comes whole, however slowly it is read', async () => {
    const boxes = Array.from({ length: 400 }, (_, i) => makeNode(`box-${i}`));
    const work = Array.from({ length: 400 }, (_, i) => makeWorkload(`work-${i}`, { classes: ['hot'] }));
    const problem = makeProblem(boxes, work, { limits: { steps: 1, seed: 1, starts: 1 } });
    // A pipe of the shell, as people use it: one of Node's own takes more before it is read.
    const slowly = `"$0" "$@" | { sleep 2; cat; }`;
    const { stdout } = await promisify(execFile)('sh', ['-c', slowly, ...program, 'plan', '-f', write('large.json', problem), '--json'], {
      maxBuffer: 2 ** 26,
    });
    assert.ok(stdout.length > 65_536, `${stdout.length} bytes`);
    const { plan } = JSON.parse(stdout) as { readonly plan: Plan };
    assert.deepEqual(checkPlan(problem, plan), []);
  });
});
