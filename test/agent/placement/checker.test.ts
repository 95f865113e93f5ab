import assert from 'node:assert/strict';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { solve } from '../../../agent/placement/solve.ts';
import type { PlacedReplica, PlacementProblem, Plan } from '../../../schemas/generated/types.ts';
import { makeNode, makeProblem, makeWorkload } from './problems.ts';

const nodes = [
  makeNode('a', { domain: 'east' }),
  makeNode('b', { domain: 'east', tags: ['gpu'] }),
  makeNode('c', { domain: 'west', maxWorkloads: 2 }),
  makeNode('off', { health: { usable: false, risk: 1 } }),
  makeNode('shut', { domain: 'north', health: { usable: true, risk: 0, cordoned: true } }),
];
const problem: PlacementProblem = makeProblem(
  nodes,
  [
    makeWorkload('pair', { replicas: 2, spread: 'domain', demand: { memoryMiB: 400 } }),
    makeWorkload('near', { inputs: [{ source: 's', mbPerCall: 1, maxHops: 0, hard: true }], requires: { tags: [], extras: [] } }),
    makeWorkload('tagged', { requires: { tags: ['gpu'], extras: [] }, antiAffinity: ['large'] }),
    makeWorkload('large', { demand: { memoryMiB: 700 }, classes: ['hot'] }),
    makeWorkload('kept'),
  ],
  {
    links: [{ a: 'a', b: 'c', latencyMs: 1, mbps: 10 }],
    sources: [{ id: 's', nodes: ['a'], rateMBps: 1 }],
    fixed: [{ workload: 'kept', replica: 0, node: 'c', class: 'cold' }],
  },
);

/** The good plan with one replica put elsewhere. */
function broken(plan: Plan, workload: string, change: Partial<PlacedReplica>, replica = 0): readonly string[] {
  return checkPlan(problem, {
    ...plan,
    assignments: plan.assignments.map((placed) =>
      placed.workload === workload && placed.replica === replica ? { ...placed, ...change } : placed,
    ),
  });
}

describe('the independent checker', () => {
  const plan = solve(problem);

  it('passes the engine’s plan with everything placed', () => {
    assert.deepEqual(plan.unplaced, []);
    assert.deepEqual(checkPlan(problem, plan), []);
  });

  it('refuses every kind of broken plan, by name', () => {
    const pair = plan.assignments.filter(({ workload }) => workload === 'pair');
    const other = pair.find(({ replica }) => replica === 1)?.node ?? '';
    assert.match(broken(plan, 'near', { node: 'b' }).join(), /near\/0 at b: source s cannot be reached/);
    assert.match(broken(plan, 'near', { node: 'c' }).join(), /source s is 1 hops away, 0 are allowed/);
    assert.match(broken(plan, 'tagged', { node: 'a' }).join(), /tag gpu is missing/);
    assert.match(broken(plan, 'large', { class: 'cold' }).join(), /class cold is not allowed/);
    assert.match(broken(plan, 'large', { node: 'off' }).join(), /not usable/);
    assert.match(broken(plan, 'large', { node: 'shut' }).join(), /cordoned/);
    assert.match(broken(plan, 'large', { node: 'nowhere' }).join(), /not a box of the problem/);
    assert.match(broken(plan, 'large', { node: 'b' }).join(), /must not share b/);
    assert.match(broken(plan, 'kept', { node: 'a' }).join(), /must stay at c/);
    assert.match(broken(plan, 'pair', { node: other }).join(), /are on one box/);
    assert.match(
      broken(plan, 'pair', { node: other === 'c' ? 'c' : other === 'a' ? 'b' : 'a' }).join(),
      other === 'c' ? /on one box/ : /in one failure domain, east/,
    );
    assert.match(checkPlan(problem, { ...plan, assignments: plan.assignments.slice(1) }).join(), /occurs 0 times/);
    assert.match(
      checkPlan(problem, { ...plan, assignments: [...plan.assignments, ...plan.assignments.slice(0, 1)] }).join(),
      /occurs 2 times/,
    );
    assert.match(
      checkPlan(problem, { ...plan, objective: { ...plan.objective, total: plan.objective.total + 0.000001 } }).join(),
      /the terms sum to/,
    );
  });

  it('refuses a box asked for more than it has', () => {
    const tight = makeProblem(
      [makeNode('a')],
      [makeWorkload('x', { demand: { memoryMiB: 600 } }), makeWorkload('y', { demand: { memoryMiB: 600 } })],
    );
    const good = solve(tight);
    assert.deepEqual(checkPlan(tight, good), []);
    const both = good.assignments.map((placed) => ({ ...placed, class: 'hot' as const }));
    assert.match(checkPlan(tight, { ...good, assignments: both }).join(), /a is asked for 1200 memoryMiB and has 1024/);
  });
});
