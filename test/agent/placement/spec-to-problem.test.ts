import assert from 'node:assert/strict';
import { solve } from '../../../agent/placement/solve.ts';
import { specsToProblem } from '../../../agent/placement/spec-to-problem.ts';
import type { ReportedNode, TopologyDocument, WorkloadSpec } from '../../../schemas/generated/types.ts';
import { checkDocument } from '../../../schemas/validate.ts';
import { placesOf } from './problems.ts';

const sha256 = 'b'.repeat(64);

function report(node: string, parts: Partial<TopologyDocument> = {}, staged: string[] = []): ReportedNode {
  const capacity = { memoryMiB: 1024, cpuCores: 4, diskMiB: 1000, cacheMiB: 256, vramMiB: 0 };
  const topology: TopologyDocument = {
    version: 1,
    node,
    site: 'mill',
    run: 1,
    seq: 1,
    level: 0,
    domain: node,
    tags: [],
    extras: [],
    capacity,
    devices: [],
    links: [],
    ...parts,
  };
  return { topology, usable: true, reason: null, risk: 0, staged, healthAgeSeconds: 1 };
}

const service: WorkloadSpec = {
  name: 'web',
  kind: 'service',
  command: ['node'],
  resources: { memoryMiB: 64, cpuSecondsPerRun: 0.5 },
  artefacts: [{ name: 'web.mjs', sha256, bytes: 3_000_000 }],
  replicas: 2,
};
const job: WorkloadSpec = {
  name: 'stats',
  kind: 'job',
  command: ['node'],
  resources: { memoryMiB: 64 },
  perHour: 120,
  inputs: [{ source: 'press/vibration', maxHops: 1 }],
};

describe('from workload files to a problem', () => {
  const nodes = [
    report('box-b'),
    report('box-a', { devices: [{ id: 'press', kind: null, delivers: [{ source: 'press/vibration', rateMBps: 1 }] }] }, [sha256]),
    report('plant', { site: 'plant', level: 1 }),
  ];

  it('fills in defaults, joins the boxes, and satisfies the schema', () => {
    const problem = specsToProblem({ specs: [service, job], nodes, current: [] });
    assert.deepEqual(checkDocument('PlacementProblem', problem), { ok: true, value: problem });
    const web = problem.workloads.find(({ id }) => id === 'web');
    assert.deepEqual(
      [web?.classes, web?.perHour, web?.durationSeconds, web?.demand.cpuSeconds, web?.demand.imageMiB],
      [['hot'], 3600, 1, 0.5, 3],
    );
    assert.deepEqual(problem.workloads.find(({ id }) => id === 'stats')?.classes, ['warm', 'cold']);
    assert.deepEqual(
      problem.links.map(({ a, b, latencyMs }) => `${a}-${b} ${latencyMs}`),
      ['box-a-box-b 0.5', 'box-a-plant 20', 'box-b-plant 20'],
    );
    assert.deepEqual(problem.sources, [{ id: 'press/vibration', nodes: ['box-a'], rateMBps: 1 }]);
  });

  it('a service that says how many requests it gets still uses its CPU seconds per second', () => {
    const web = specsToProblem({ specs: [{ ...service, perHour: 60 }], nodes, current: [] }).workloads[0];
    assert.equal(((web?.perHour ?? 0) * (web?.demand.cpuSeconds ?? 0)) / 3600, 0.5);
    assert.equal(((web?.perHour ?? 0) * (web?.durationSeconds ?? 0)) / 3600, 1);
  });

  it('P1: an artefact that nobody can send limits the work to where it is staged', () => {
    const problem = specsToProblem({ specs: [service], nodes, current: [], unreachableArtefacts: new Set([sha256]) });
    const plan = solve(problem);
    assert.deepEqual(placesOf(plan), { 'web/0': 'box-a:hot' });
    assert.deepEqual(plan.unplaced[0]?.reasons.find(({ node }) => node === 'box-b')?.misfits[0], { code: 'NOT_STAGED', names: [sha256] });
  });

  it('held replicas stay where they are, even on boxes that are not known, and count for spreading', () => {
    const current = [
      { workload: 'web', replica: 0, node: 'box-a', class: 'hot' as const },
      { workload: 'stats', replica: 0, node: 'gone', class: 'cold' as const },
    ];
    const plan = solve(specsToProblem({ specs: [service, job], nodes, current, held: new Set(['web/0', 'stats/0']) }));
    const places = placesOf(plan);
    assert.deepEqual([places['web/0'], places['stats/0']], ['box-a:hot', 'gone:cold']);
    assert.notEqual(places['web/1'], 'box-a:hot');
    assert.deepEqual(plan.moves, []);
  });
});
