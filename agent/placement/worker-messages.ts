/** What planner and worker thread say to each other. */
import type { PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import type { Explanation } from './explain.ts';
import type { Replanned } from './replan.ts';
import type { Planned, ProblemOptions } from './spec-to-problem.ts';

export type PlannerRequest =
  | {
      readonly kind: 'solve';
      readonly id: number;
      readonly problem: PlacementProblem;
      /** Becomes 1 when nobody waits any more. */
      readonly stop: SharedArrayBuffer;
    }
  | {
      readonly kind: 'replan';
      readonly id: number;
      /** What is known of the site: the problem is made in the thread, and the plan checked there. */
      readonly known: Planned;
      readonly options: ProblemOptions;
      /** Replicas to be looked at; undefined for all. */
      readonly free: ReadonlySet<string> | undefined;
      readonly partOnly: boolean;
      readonly stop: SharedArrayBuffer;
    }
  | { readonly kind: 'explain'; readonly id: number; readonly problem: PlacementProblem; readonly plan: Plan; readonly workload: string };

export type WorkerAnswer =
  | { readonly kind: 'plan'; readonly id: number; readonly plan: Plan }
  | ({ readonly kind: 'replanned'; readonly id: number } & Replanned)
  | { readonly kind: 'explanation'; readonly id: number; readonly explanation: Explanation }
  | {
      readonly kind: 'failed';
      readonly id: number;
      readonly code: 'ABORTED' | 'BAD_PROBLEM' | 'BAD_PLAN' | 'WORKER_FAILED';
      readonly message: string;
    };
