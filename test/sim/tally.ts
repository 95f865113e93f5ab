/** What many runs did together. */
import type { SimulationResult } from './simulation.ts';

export interface Summary {
  readonly seeds: number;
  readonly failed: readonly number[];
  /** Time with faults only. */
  readonly simulatedHours: number;
  readonly simulatedSecondsPerSecond: number;
  readonly committed: number;
  readonly acknowledged: number;
  readonly elections: number;
  readonly memberships: number;
  readonly snapshots: number;
  readonly messages: number;
  readonly rests: number;
  readonly updates: number;
  readonly older: number;
  /** Of the clients that hold sessions: sessions that ran out, changes sent again, holders of the lock, changes told to watchers. */
  readonly sessions: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
}

const sessionNames = ['expired', 'repeated', 'holders', 'told'] as const;
const sumNames = ['committed', 'acknowledged', 'elections', 'memberships', 'snapshots', 'messages', 'rests', 'updates', 'older'] as const;

export class Tally {
  readonly #began = performance.now();
  readonly #faults = new Map<string, number>();
  readonly #failed: number[] = [];
  readonly #sessions = new Map<string, number>();
  #seeds = 0;
  #faultyMs = 0;
  readonly #sums = {
    committed: 0,
    acknowledged: 0,
    elections: 0,
    memberships: 0,
    snapshots: 0,
    messages: 0,
    rests: 0,
    updates: 0,
    older: 0,
  };

  add(result: SimulationResult): void {
    this.#seeds += 1;
    this.#faultyMs += result.faultyMs;
    if (!result.ok) this.#failed.push(result.seed);
    for (const [kind, count] of Object.entries(result.faults)) this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + count);
    for (const name of sessionNames) this.#sessions.set(name, (this.#sessions.get(name) ?? 0) + result.sessions[name]);
    for (const name of sumNames) this.#sums[name] += result[name];
  }

  get summary(): Summary {
    const seconds = Math.max(0.001, (performance.now() - this.#began) / 1000);
    return {
      seeds: this.#seeds,
      failed: [...this.#failed].sort((a, b) => a - b),
      simulatedHours: round(this.#faultyMs / 3_600_000),
      simulatedSecondsPerSecond: round(this.#faultyMs / 1000 / seconds),
      ...this.#sums,
      sessions: Object.fromEntries(this.#sessions),
      faults: Object.fromEntries([...this.#faults].sort()),
    };
  }
}

const round = (value: number): number => Math.round(value * 100) / 100;

export function describeSummary({ seeds, failed, simulatedHours, simulatedSecondsPerSecond, faults, sessions, ...sums }: Summary): string {
  const counts = Object.entries({ ...sums, ...sessions, ...faults }).map(([name, count]) => `${name} ${count}`);
  return [
    `${seeds} seeds, ${failed.length} failed${failed.length === 0 ? '' : `: ${failed.slice(0, 20).join(' ')}`}`,
    `${simulatedHours} hours under faults, ${simulatedSecondsPerSecond} simulated seconds a second`,
    counts.join(', '),
  ].join('\n');
}
