/** Entry of the placement thread: keeps the search off the thread that answers heartbeats. Bundled as dist/placement-worker.mjs. */
import { parentPort } from 'node:worker_threads';
import type { PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { checkPlan } from './checker.ts';
import { explain } from './explain.ts';
import { PlacementError } from './placement-error.ts';
import { replan } from './replan.ts';
import { type SolveOptions, solve } from './solve.ts';
import { specsToProblem } from './spec-to-problem.ts';
import type { PlannerRequest, WorkerAnswer } from './worker-messages.ts';

function answer(request: PlannerRequest): WorkerAnswer {
  const { id } = request;
  try {
    if (request.kind === 'explain')
      return { kind: 'explanation', id, explanation: explain(request.problem, request.plan, request.workload) };
    const begun = performance.now();
    const timed = (plan: Plan): Plan => ({ ...plan, trace: { ...plan.trace, elapsedMs: Math.round(performance.now() - begun) } });
    if (request.kind === 'solve')
      return { kind: 'plan', id, plan: timed(solve(request.problem, stopWith(request.stop, request.problem, begun))) };
    const problem = specsToProblem(request.known, request.options);
    const replanned = replan(problem, request.free, { ...stopWith(request.stop, problem, begun), partOnly: request.partOnly });
    // Over the whole problem: what a partial plan left in place is held against it too.
    const wrong = checkPlan(problem, replanned.plan);
    if (wrong.length > 0) return { kind: 'failed', id, code: 'BAD_PLAN', message: `Cannot use the plan: ${wrong.slice(0, 5).join('; ')}` };
    return { kind: 'replanned', id, ...replanned, plan: timed(replanned.plan) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', id, code: error instanceof PlacementError ? error.code : 'WORKER_FAILED', message };
  }
}

function stopWith(flag: SharedArrayBuffer, { limits }: PlacementProblem, begun: number): SolveOptions {
  const stop = new Int32Array(flag);
  const deadline = begun + (limits.milliseconds ?? Number.POSITIVE_INFINITY);
  return {
    interrupted: () => Atomics.load(stop, 0) === 1 || performance.now() >= deadline,
    ...(limits.milliseconds === undefined ? {} : { progress: () => (performance.now() - begun) / (deadline - begun) }),
  };
}

parentPort?.on('message', (request: PlannerRequest) => parentPort?.postMessage(answer(request)));
