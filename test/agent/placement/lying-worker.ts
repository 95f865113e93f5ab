/** A placement thread with a broken engine: puts every replica on the first box. */
import { parentPort } from 'node:worker_threads';
import { replan } from '../../../agent/placement/replan.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { answerSent } from '../../../agent/placement/thread.ts';
import type { Sent } from '../../../agent/placement/worker-messages.ts';
import type { PlacementProblem, Plan } from '../../../schemas/generated/types.ts';

function lie(problem: PlacementProblem): Plan {
  const plan = solve(problem);
  return { ...plan, assignments: plan.assignments.map((placed) => ({ ...placed, node: problem.nodes[0]?.id ?? '' })) };
}

parentPort?.on('message', (sent: Sent) => parentPort?.postMessage(answerSent(sent, { solve: lie, replan }, () => performance.now())));
