/** Entry of the placement thread: keeps the search off the thread that answers heartbeats. Bundled as dist/placement-worker.mjs. */
import { parentPort } from 'node:worker_threads';
import { explain } from './explain.ts';
import { PlacementError } from './placement-error.ts';
import { solve } from './solve.ts';
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
    const plan = solve(problem, {
      interrupted: () => Atomics.load(stop, 0) === 1 || performance.now() >= deadline,
      ...(problem.limits.milliseconds === undefined ? {} : { progress: () => (performance.now() - begun) / (deadline - begun) }),
    });
    return { kind: 'plan', id, plan: { ...plan, trace: { ...plan.trace, elapsedMs: Math.round(performance.now() - begun) } } };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', id, code: error instanceof PlacementError ? error.code : 'WORKER_FAILED', message };
  }
}

parentPort?.on('message', (request: PlannerRequest) => parentPort?.postMessage(answer(request)));
