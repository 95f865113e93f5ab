import assert from 'node:assert/strict';
import { committedPlan } from '../../../agent/control/committed-plan.ts';
import { toProblem } from '../../../agent/engine-planner.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { encodeEnvelope } from '../../../agent/state/commands.ts';
import { limits } from '../../../consensus/core/types.ts';
import type { Plan } from '../../../schemas/generated/types.ts';
import { checkDocument } from '../../../schemas/validate.ts';
import { box, spec } from '../site-double.ts';

/** A site of nine boxes and as many workloads as a site may have. */
function large(memoryMiB: number): Plan {
  const nodes = Array.from({ length: 9 }, (_, index) => box(`press-shop-box-${index}`, { memoryMiB }));
  const specs = Array.from({ length: 1024 }, (_, index) =>
    spec(`vibration-analyser-${index}`, {
      kind: index % 2 === 0 ? 'service' : 'job',
      resources: { memoryMiB: 64, cpuSecondsPerRun: 0.001 },
    }),
  );
  const input = {
    nodes,
    specs,
    current: [],
    held: new Set<string>(),
    uplink: { latencyMs: 20, mbps: 100 },
    unreachableArtefacts: new Set<string>(),
  };
  const problem = toProblem(input);
  return solve({ ...problem, limits: { ...problem.limits, steps: 2000 } });
}

describe('the plan in the log', () => {
  it('P16: fits into an entry, however much has no place and why', () => {
    const plan = large(2000);
    assert.ok(plan.unplaced.length > 100);
    const commit = (one: Plan): number =>
      encodeEnvelope({
        command: {
          type: 'planCommit',
          by: 'local',
          authorityEpoch: 1,
          basisRevision: 1,
          provisional: true,
          assignments: one.assignments,
          plan: one,
        },
      }).length;
    assert.ok(commit(plan) > limits.entryBytesMax, 'as it is, it could never be decided');
    const committed = committedPlan(plan);
    assert.ok(commit(committed) < limits.entryBytesMax - 32_768, 'with room for the record of the decision');
    assert.deepEqual(committed.assignments, plan.assignments);
    assert.deepEqual(
      committed.unplaced.map(({ summary }) => summary),
      plan.unplaced.map(({ summary }) => summary),
    );
    assert.deepEqual(committed.unplaced[0], plan.unplaced[0]);
    assert.equal(checkDocument('Plan', committed).ok, true);
  });

  it('P16: is whole where it fits', () => {
    const input = {
      nodes: [box('a')],
      specs: [spec('web')],
      current: [],
      held: new Set<string>(),
      uplink: { latencyMs: 20, mbps: 100 },
      unreachableArtefacts: new Set<string>(),
    };
    const plan = solve(toProblem(input));
    assert.equal(committedPlan(plan), plan);
  });
});
