/** Entry of the placement thread: keeps the search off the thread that answers heartbeats. Bundled as dist/placement-worker.mjs. */
import { parentPort } from 'node:worker_threads';
import type { Plan } from '../../schemas/generated/types.ts';
import { explain } from './explain.ts';
import { PlacementError } from './placement-error.ts';
import { replan } from './replan.ts';
import { type SolveOptions, solve } from './solve.ts';
import type { PlannerRequest, WorkerAnswer } from './worker-messages.ts';

function answer(request: PlannerRequest): WorkerAnswer {
  const { id } = request;
  try {
    if (request.kind === 'explain')
      return { kind: 'explanation', id, explanation: explain(request.problem, request.plan, request.workload) };
    const { problem } = request;
    const stop = new Int32Array(request.stop);
    const begun = performance.now();
    const deadline = begun + (problem.limits.milliseconds ?? Number.POSITIVE_INFINITY);
    const options: SolveOptions = {
      interrupted: () => Atomics.load(stop, 0) === 1 || performance.now() >= deadline,
      ...(problem.limits.milliseconds === undefined ? {} : { progress: () => (performance.now() - begun) / (deadline - begun) }),
    };
    const timed = (plan: Plan): Plan => ({ ...plan, trace: { ...plan.trace, elapsedMs: Math.round(performance.now() - begun) } });
    if (request.kind === 'solve') return { kind: 'plan', id, plan: timed(solve(problem, options)) };
    const replanned = replan(problem, request.free, options);
    return { kind: 'replanned', id, ...replanned, plan: timed(replanned.plan) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', id, code: error instanceof PlacementError ? error.code : 'WORKER_FAILED', message };
  }
}

parentPort?.on('message', (request: PlannerRequest) => parentPort?.postMessage(answer(request)));
