/** What planner and worker thread say to each other. */
import type { PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import type { Explanation } from './explain.ts';
import type { Parcel } from './parcel.ts';
import type { Replanned } from './replan.ts';
import type { Planned, ProblemOptions } from './spec-to-problem.ts';

/** What is planned: a problem, or what is known of a site. The problem is then made in the thread, and the plan checked there. */
export type Asked = { readonly problem: PlacementProblem } | { readonly known: Planned; readonly options: ProblemOptions };

/** A request or its answer on its way; the number says which, before anything is unpacked. */
export interface Sent extends Parcel {
  readonly id: number;
}

export type PlannerRequest =
  | {
      readonly kind: 'solve';
      readonly id: number;
      readonly asked: Asked;
      /** Becomes 1 when nobody waits any more. */
      readonly stop: SharedArrayBuffer;
    }
  | {
      readonly kind: 'replan';
      readonly id: number;
      readonly asked: Asked;
      /** Replicas to be looked at; undefined for all. */
      readonly free: ReadonlySet<string> | undefined;
      readonly partOnly: boolean;
      readonly stop: SharedArrayBuffer;
    }
  | { readonly kind: 'problem'; readonly id: number; readonly asked: Asked }
  | { readonly kind: 'explain'; readonly id: number; readonly asked: Asked; readonly plan: Plan; readonly workload: string };

export type WorkerAnswer =
  | { readonly kind: 'plan'; readonly id: number; readonly plan: Plan }
  | ({ readonly kind: 'replanned'; readonly id: number } & Replanned)
  | { readonly kind: 'problem'; readonly id: number; readonly problem: PlacementProblem }
  | { readonly kind: 'explanation'; readonly id: number; readonly explanation: Explanation }
  | {
      readonly kind: 'failed';
      readonly id: number;
      readonly code: 'ABORTED' | 'BAD_PROBLEM' | 'BAD_PLAN' | 'WORKER_FAILED';
      readonly message: string;
    };
