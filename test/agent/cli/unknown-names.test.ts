import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { planProblem } from '../../../agent/cli/plan.ts';
import { applyWhatIf, readProblemFile } from '../../../agent/cli/problem-file.ts';
import { checkDocument } from '../../../schemas/validate.ts';
import { makeNode, makeProblem, makeWorkload } from '../placement/problems.ts';

const main = new URL('../../../agent/main.ts', import.meta.url).pathname;
const mill = new URL('../../../packaging/examples/mill.problem.yaml', import.meta.url).pathname;

/** A problem in which every kind of name is wrong once. */
const slips = makeProblem(
  [makeNode('a', { leaving: [{ to: 'zz', seconds: 1 }] }), makeNode('b')],
  [
    makeWorkload('press', {
      antiAffinity: ['presss'],
      affinity: ['pannel'],
      flows: [{ from: 'feeed', mbPerRun: 1 }],
      pin: 'aa',
      requires: { tags: [], extras: [], nodes: ['a', 'bb'] },
      inputs: [
        { source: 'ss', mbPerCall: 1, hard: true },
        { source: 'tt', mbPerCall: 1, hard: false },
      ],
      measured: [{ node: 'cc', memoryMiB: 10 }],
    }),
    makeWorkload('cut', {
      parts: ['x', 'y'].map((id) => ({
        id,
        demand: { memoryMiB: 1, imageMiB: 1, cpuSeconds: 0, diskMiB: 0, vramMiB: 0 },
        durationSeconds: 1,
        inputs: id === 'x' ? [] : [{ source: 'uu', mbPerCall: 1, hard: true }],
        takes: [],
      })),
    }),
  ],
  {
    links: [{ a: 'dd', b: 'ee', latencyMs: 1, mbps: 100 }],
    sources: [{ id: 's', nodes: ['a', 'ff'], rateMBps: 1 }],
    groups: [{ id: 'g', members: ['press', 'gone'], apart: true }],
    current: [
      { workload: 'ghost', replica: 0, node: 'a', class: 'hot' },
      { workload: 'press', replica: 0, node: 'gg', class: 'hot' },
      { workload: 'press', replica: 3, node: 'a', class: 'hot' },
      // Not wrong: it stands cut.
      { workload: 'cut--x', replica: 0, node: 'a', class: 'hot' },
    ],
    fixed: [{ workload: 'ghost', replica: 0, node: 'hh', class: 'hot' }],
  },
);

describe('names in a problem file that nothing bears', () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-names-'));
  const write = (name: string, content: unknown): string => {
    writeFileSync(join(directory, name), JSON.stringify(content));
    return join(directory, name);
  };
  const warningsOf = (path: string): readonly string[] => {
    const lines: string[] = [];
    readProblemFile(path, (line) => void lines.push(line));
    return lines;
  };
  after(() => rmSync(directory, { recursive: true }));

  it('P1 P16: each is told with its place and what follows, sixteen at the most', () => {
    const path = write('slips.json', slips);
    const lines = warningsOf(path);
    assert.equal(lines.length, 17);
    assert.equal(lines.at(-1), `warning: ${path}: and 3 more names that nothing bears`);
    const told = lines.slice(0, -1).map((line) => line.slice(`warning: ${path}: `.length));
    assert.deepEqual(told, [
      '/nodes/0/leaving/0/to names "zz", which is no box: it has no effect',
      '/links/0/a names "dd", which is no box: the link leads nowhere',
      '/links/0/b names "ee", which is no box: the link leads nowhere',
      '/sources/0/nodes/1 names "ff", which is no box: it delivers nothing',
      '/workloads/0/antiAffinity/0 names "presss", which is no workload: it has no effect',
      '/workloads/0/affinity/0 names "pannel", which is no workload: it has no effect',
      '/workloads/0/flows/0/from names "feeed", which is no workload: it has no effect',
      '/workloads/0/pin names "aa", which is no box: no box can take the workload',
      '/workloads/0/requires/nodes/1 names "bb", which is no box: it has no effect',
      '/workloads/0/inputs/0/source names "ss", which is no source: no box can get its data',
      '/workloads/0/inputs/1/source names "tt", which is no source: its data comes from nowhere',
      '/workloads/0/measured/0/node names "cc", which is no box: it has no effect',
      '/workloads/1/parts/1/inputs/0/source names "uu", which is no source: no box can get its data',
      '/groups/0/members/1 names "gone", which is no workload: it has no effect',
      '/current/0/workload names "ghost", which is no workload: it has no effect',
      '/current/1/node names "gg", which is no box: leaving it costs nothing',
    ]);
    const fewer = warningsOf(write('fewer.json', { ...slips, nodes: [makeNode('a'), makeNode('b')], links: [], sources: [] }));
    assert.deepEqual(
      fewer.slice(-3).map((line) => line.split(': ').slice(2).join(': ')),
      [
        '/current/2/replica names "press/3", which is no replica: it has no effect',
        '/fixed/0/workload names "ghost", which is no workload: it has no effect',
        '/fixed/0/node names "hh", which is no box: it stays placed there, and takes nothing of any box',
      ],
    );
  });

  it('P1: a problem without slips is read in silence', () => {
    assert.deepEqual(warningsOf(mill), []);
  });

  it('P1 P19: what a site leaves where it is, on a box it does not hear from, is read and told of', () => {
    const lines: string[] = [];
    const problem = makeProblem([makeNode('a')], [makeWorkload('w', { replicas: 2 })], {
      fixed: [{ workload: 'w', replica: 0, node: 'silent', class: 'hot' }],
    });
    const path = write('fixed.json', problem);
    assert.deepEqual(
      readProblemFile(path, (line) => lines.push(line)),
      problem,
    );
    assert.deepEqual(lines, [
      `warning: ${path}: /fixed/0/node names "silent", which is no box: it stays placed there, and takes nothing of any box`,
    ]);
    const { plan } = planProblem(problem, { file: path, whatIf: [] });
    assert.deepEqual([plan.assignments.map(({ node }) => node).sort(), plan.unplaced], [['a', 'silent'], []]);
  });

  it('P17: of what is added only its own slips are told; what a removal leaves behind is none', () => {
    const lines: string[] = [];
    const warn = (line: string): void => void lines.push(line);
    const problem = makeProblem([makeNode('a'), makeNode('b')], [makeWorkload('w', { pin: 'b', affinity: ['v'] })]);
    applyWhatIf(problem, 'remove:b', warn);
    assert.deepEqual(lines, []);
    const path = write('more.json', { workloads: [makeWorkload('x', { affinity: ['w', 'ww'] })] });
    applyWhatIf(problem, `add:${path}`, warn);
    assert.deepEqual(lines, [`warning: --what-if add:${path}: /workloads/1/affinity/1 names "ww", which is no workload: it has no effect`]);
  });

  it('P16: the warning goes to stderr; what --json prints stays the plan and nothing else', () => {
    const problem = { ...(parse(readFileSync(mill, 'utf8')) as typeof slips) };
    const wrong = { ...problem, workloads: problem.workloads.map((one, i) => (i === 0 ? { ...one, affinity: ['presss'] } : one)) };
    const ran = spawnSync(process.execPath, [main, 'plan', '-f', write('wrong.json', wrong), '--steps', '500', '--json'], {
      encoding: 'utf8',
    });
    assert.equal(ran.status, 0, ran.stderr);
    assert.match(ran.stderr, /^warning: .*\/workloads\/0\/affinity\/0 names "presss", which is no workload: it has no effect$/m);
    assert.ok(checkDocument('Plan', (JSON.parse(ran.stdout) as { plan: unknown }).plan).ok);
  });
});
