/** A placement thread with a broken engine: puts every replica on the first box. */
import { parentPort } from 'node:worker_threads';
import { solve } from '../../../agent/placement/solve.ts';
import type { PlannerRequest } from '../../../agent/placement/worker-messages.ts';

parentPort?.on('message', (request: PlannerRequest) => {
  if (request.kind !== 'solve') throw new Error(`This thread only plans problems, not ${request.kind}`);
  const { id, problem } = request;
  const plan = solve(problem);
  parentPort?.postMessage({
    kind: 'plan',
    id,
    plan: { ...plan, assignments: plan.assignments.map((placed) => ({ ...placed, node: problem.nodes[0]?.id ?? '' })) },
  });
});
