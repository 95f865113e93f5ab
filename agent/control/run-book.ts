/** What is known of how often workloads run, from what their boxes observed; it outlives a move to another box. */
import type { InstanceStatus, MeasuredRun, ReportedNode, WorkloadSpec } from '../../schemas/generated/types.ts';

/** What planning takes in place of the specification's guess. */
export interface LearnedRuns {
  /** Of one replica. */
  readonly perHour: number;
  readonly durationSeconds: number;
  /** Starts as measured, by box. */
  readonly measured: readonly MeasuredRun[];
}

/** Fewer runs are an anecdote. */
export const runsToLearn = 20;

type ByClass = Partial<Record<InstanceStatus['class'], number>>;

export class RunBook {
  readonly #learned = new Map<string, { readonly perHour: number; readonly durationSeconds: number }>();
  readonly #starts = new Map<string, Map<string, ByClass>>();

  /** Takes in what boxes say, and forgets workloads that are no more. Cheap enough for every look at the facts. */
  learn(nodes: readonly ReportedNode[], specs: readonly WorkloadSpec[]): void {
    const jobs = new Set(specs.filter(({ kind }) => kind === 'job').map(({ name }) => name));
    const seen = new Map<string, { perHour: number; durationSeconds: number; count: number }>();
    for (const { topology, instances = [] } of nodes) {
      for (const { workload, observed } of instances) {
        if (observed === undefined || observed.runs < runsToLearn || !jobs.has(workload)) continue;
        const sum = seen.get(workload) ?? { perHour: 0, durationSeconds: 0, count: 0 };
        sum.perHour += observed.perHour;
        sum.durationSeconds += observed.durationSeconds;
        sum.count += 1;
        seen.set(workload, sum);
        const boxes = this.#starts.get(workload) ?? new Map<string, ByClass>();
        boxes.set(topology.node, { ...boxes.get(topology.node), ...observed.startSeconds });
        this.#starts.set(workload, boxes);
      }
    }
    for (const [workload, { perHour, durationSeconds, count }] of seen)
      this.#learned.set(workload, { perHour: perHour / count, durationSeconds: durationSeconds / count });
    for (const known of [this.#learned, this.#starts]) for (const name of known.keys()) if (!jobs.has(name)) known.delete(name);
  }

  learned(): ReadonlyMap<string, LearnedRuns> {
    return new Map(
      [...this.#learned].map(([workload, runs]) => [
        workload,
        {
          ...runs,
          measured: [...(this.#starts.get(workload) ?? [])].map(([node, byClass]) => ({ node, startSecondsByClass: { ...byClass } })),
        },
      ]),
    );
  }
}

/** Runs per hour a plan would reckon with; services, which run all the time, are left out. */
export function ratesOf(specs: readonly WorkloadSpec[], learned: ReadonlyMap<string, LearnedRuns>): ReadonlyMap<string, number> {
  return new Map(
    specs.flatMap(({ name, kind, perHour, idleGapSeconds, durationSeconds = 1 }) =>
      kind === 'job'
        ? [
            [
              name,
              learned.get(name)?.perHour ??
                perHour ??
                (idleGapSeconds === undefined ? 1 : 3600 / Math.max(0.001, idleGapSeconds + durationSeconds)),
            ] as const,
          ]
        : [],
    ),
  );
}
