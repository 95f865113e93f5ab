/** How often and how long a job runs on this box, and how long its starts take: what planning learns from. Pure. */
import type { InstanceStatus, ObservedRuns } from '../../schemas/generated/types.ts';

type WorkClass = InstanceStatus['class'];

/** Runs looked back on. Enough that one odd run weighs little, few enough that a new habit shows within a shift. */
const runsMax = 32;

interface Run {
  readonly began: number;
  readonly ended: number;
}

export class RunHistory {
  readonly #runs: Run[] = [];
  readonly #starts = new Map<WorkClass, number[]>();
  #open: number | undefined;

  /**
   * @param nowMs milliseconds since boot.
   * @param startMs what the start took.
   */
  began(nowMs: number, workClass: WorkClass, startMs: number): void {
    this.#open = nowMs;
    const starts = this.#starts.get(workClass) ?? [];
    starts.push(startMs);
    if (starts.length > runsMax) starts.shift();
    this.#starts.set(workClass, starts);
  }

  ended(nowMs: number): void {
    if (this.#open === undefined) return;
    this.#runs.push({ began: this.#open, ended: nowMs });
    this.#open = undefined;
    if (this.#runs.length > runsMax) this.#runs.shift();
  }

  /** A run failed: what follows comes by back-off, not by need, so counting begins anew. */
  failed(): void {
    this.#open = undefined;
    this.#runs.length = 0;
  }

  /** Means over the newest runs; undefined before there are two. */
  observed(): ObservedRuns | undefined {
    const first = this.#runs[0];
    const last = this.#runs.at(-1);
    if (first === undefined || last === undefined || last.began <= first.began) return undefined;
    const gaps = this.#runs.slice(1).map(({ began }, index) => began - (this.#runs[index]?.ended ?? began));
    const lengths = this.#runs.map(({ began, ended }) => ended - began);
    return {
      runs: this.#runs.length,
      perHour: short(((this.#runs.length - 1) * 3_600_000) / (last.began - first.began)),
      idleGapSeconds: short(Math.max(0, mean(gaps)) / 1000),
      durationSeconds: short(mean(lengths) / 1000),
      startSeconds: Object.fromEntries([...this.#starts].map(([workClass, starts]) => [workClass, short(middle(starts) / 1000)])),
    };
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** The median: a start that had to fetch its artefacts first says nothing of the next. */
function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Four digits: more would be noise, and travels with every report. */
function short(value: number): number {
  return Number(value.toPrecision(4));
}
