/** Who plans in the benchmarks, and how what came out is measured: everybody by the same figure of merit and the same checker. */
import type { Candidate } from '../../../agent/placement/candidate.ts';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { evaluate } from '../../../agent/placement/evaluate.ts';
import { planHash } from '../../../agent/placement/plan-document.ts';
import { type SolveOptions, solve } from '../../../agent/placement/solve.ts';
import type { PlacedReplica, PlacementProblem, Plan } from '../../../schemas/generated/types.ts';

export interface Taken {
  readonly assignments: readonly PlacedReplica[];
  /** No plan is cheaper, by what the subject itself says; 0 when it says nothing. */
  readonly bound?: number;
  /** Why there is no plan, or what should be known about it. */
  readonly note?: string;
}

export interface Subject {
  readonly name: string;
  /** @param over tells when the CPU time is used up. @param onIncumbent told the value of each better plan, in seconds per hour. */
  readonly plan: (
    problem: PlacementProblem,
    over: () => boolean,
    used: () => number,
    onIncumbent: (value: number) => void,
    seconds: number,
  ) => Taken | Promise<Taken>;
}

export interface Outcome {
  readonly subject: string;
  readonly feasible: boolean;
  /** Seconds per hour. */
  readonly value: number;
  readonly bound: number;
  /** CPU seconds of the thread that planned. */
  readonly cpu: number;
  /** CPU seconds and value of each better plan while it was planned. */
  readonly incumbents: readonly { readonly cpu: number; readonly value: number }[];
  readonly unplaced: number;
  readonly hash: string;
  readonly note: string;
}

export const holdfast: Subject = {
  name: 'holdfast',
  plan: (problem, over, used, onIncumbent, seconds) => {
    const options: SolveOptions = {
      interrupted: over,
      progress: () => used() / seconds,
      onBetter: onIncumbent,
      onProgress: ({ incumbent, unplaced }) => unplaced === 0 && onIncumbent(incumbent),
    };
    const { assignments, bound } = solve(problem, options);
    return { assignments, bound };
  },
};

/** CPU seconds of this thread since it was made. */
export function cpuClock(): () => number {
  const begun = process.threadCpuUsage();
  return () => {
    const { user, system } = process.threadCpuUsage(begun);
    return (user + system) / 1e6;
  };
}

/** The same problem, searched from another beginning. */
export const seeded = (problem: PlacementProblem, seed: number): PlacementProblem =>
  seed === 0 ? problem : { ...problem, limits: { ...problem.limits, seed: problem.limits.seed + seed } };

export async function measure(subject: Subject, problem: PlacementProblem, seconds: number): Promise<Outcome> {
  const used = cpuClock();
  const incumbents: { cpu: number; value: number }[] = [];
  const taken = await subject.plan(
    problem,
    () => used() >= seconds,
    used,
    (value) => incumbents.push({ cpu: used(), value }),
    seconds,
  );
  const cpu = used();
  const judged = judge(problem, taken.assignments);
  return { subject: subject.name, cpu, incumbents, bound: taken.bound ?? 0, ...judged, note: taken.note ?? judged.note };
}

/** Value and validity of assignments, whoever made them. */
export function judge(
  problem: PlacementProblem,
  assignments: readonly PlacedReplica[],
): { readonly feasible: boolean; readonly value: number; readonly unplaced: number; readonly hash: string; readonly note: string } {
  const placed = new Set(assignments.map(({ workload, replica }) => `${workload}/${replica}`));
  const unplaced = problem.workloads.flatMap(({ id, replicas }) =>
    Array.from({ length: replicas }, (_, replica) => ({ workload: id, replica, summary: '', reasons: [] })).filter(
      ({ workload, replica }) => !placed.has(`${workload}/${replica}`),
    ),
  );
  const sorted = [...assignments].sort((a, b) => (a.workload < b.workload ? -1 : a.workload > b.workload ? 1 : a.replica - b.replica));
  const objective = evaluate(problem, { assignments: sorted });
  const plan: Plan = {
    version: 1,
    assignments: sorted,
    objective,
    bound: 0,
    provenBy: 'none',
    unplaced,
    alternatives: [],
    explanation: { pros: [], cons: [] },
    moves: [],
    hash: planHash(sorted),
    trace: { seed: 0, steps: 0, interrupted: false, madeBy: 'search', starts: [] },
  };
  const wrong = checkPlan(problem, plan);
  return {
    feasible: wrong.length === 0 && unplaced.length === 0,
    value: objective.total,
    unplaced: unplaced.length,
    hash: plan.hash,
    note: [...(unplaced.length > 0 ? [`${unplaced.length} without a place`] : []), ...wrong.slice(0, 2)].join('; '),
  };
}

export function takenFrom(candidate: Candidate | undefined): Taken {
  if (candidate === undefined) return { assignments: [] };
  const { slots, site, fixed } = candidate.instance;
  const idOf = (workload: number): string => site.workloads[workload]?.id ?? '';
  return {
    assignments: [
      ...fixed.map(({ workload, replica, nodeName, class: workClass }) => ({
        workload: idOf(workload),
        replica,
        node: nodeName,
        class: workClass,
      })),
      ...slots.flatMap(({ workload, replica }, slot) => {
        const column = candidate.column(slot);
        const node = column && site.nodes[column.node];
        return column === undefined || node === undefined
          ? []
          : [{ workload: idOf(workload), replica, node: node.id, class: column.class }];
      }),
    ],
  };
}
