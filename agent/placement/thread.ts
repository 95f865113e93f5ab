/** What the placement thread does with a request: plans, checks, answers; gives up at once where nobody waits. */
import type { PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { checkPlan } from './checker.ts';
import { explain } from './explain.ts';
import { atOnce, pack, unpack } from './parcel.ts';
import { PlacementError } from './placement-error.ts';
import type { Replanned, ReplanOptions } from './replan.ts';
import type { SolveOptions } from './solve.ts';
import { specsToProblem } from './spec-to-problem.ts';
import type { PlannerRequest, Sent, WorkerAnswer } from './worker-messages.ts';

/** Who plans. */
export interface Engine {
  readonly solve: (problem: PlacementProblem, options: SolveOptions) => Plan;
  readonly replan: (problem: PlacementProblem, free: ReadonlySet<string> | undefined, options: ReplanOptions) => Replanned;
}

/** What comes in, and what goes out: nobody waits for this thread, so all in one go. */
export function answerSent(sent: Sent, engine: Engine, now: () => number): Sent {
  return { ...atOnce(pack(answer(atOnce(unpack(sent)) as PlannerRequest, engine, now))), id: sent.id };
}

/**
 * Never throws: what goes wrong is an answer. No plan leaves without the independent checker having passed it, whoever made it.
 * @param now milliseconds that have passed, from any beginning.
 */
export function answer(request: PlannerRequest, engine: Engine, now: () => number): WorkerAnswer {
  const { id } = request;
  try {
    const begun = now();
    const { asked } = request;
    const problem = 'problem' in asked ? asked.problem : specsToProblem(asked.known, asked.options);
    if (request.kind === 'problem') return { kind: 'problem', id, problem };
    if (request.kind === 'explain') return { kind: 'explanation', id, explanation: explain(problem, request.plan, request.workload) };
    const options = stopWith(request.stop, problem, now);
    const replanned =
      request.kind === 'replan' ? engine.replan(problem, request.free, { ...options, partOnly: request.partOnly }) : undefined;
    const made = replanned?.plan ?? engine.solve(problem, options);
    // Over the whole problem: what a partial plan left in place is held against it too.
    const wrong = checkPlan(problem, made, options.checkpoint);
    if (wrong.length > 0) return { kind: 'failed', id, code: 'BAD_PLAN', message: `Cannot use the plan: ${wrong.slice(0, 5).join('; ')}` };
    const plan = { ...made, trace: { ...made.trace, elapsedMs: Math.round(now() - begun) } };
    return replanned === undefined ? { kind: 'plan', id, plan } : { kind: 'replanned', id, ...replanned, plan };
  } catch (error) {
    if (error instanceof NobodyWaits) return { kind: 'failed', id, code: 'ABORTED', message: 'Cannot plan: nobody waits for it any more' };
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', id, code: error instanceof PlacementError ? error.code : 'WORKER_FAILED', message };
  }
}

/** Thrown where work is given up that nobody waits for. */
class NobodyWaits extends Error {}

function stopWith(flag: SharedArrayBuffer, { limits }: PlacementProblem, now: () => number): SolveOptions {
  const begun = now();
  const stop = new Int32Array(flag);
  const deadline = begun + (limits.milliseconds ?? Number.POSITIVE_INFINITY);
  return {
    checkpoint: () => {
      if (Atomics.load(stop, 0) === 1) throw new NobodyWaits();
    },
    interrupted: () => now() >= deadline,
    ...(limits.milliseconds === undefined ? {} : { progress: () => (now() - begun) / (deadline - begun) }),
  };
}
