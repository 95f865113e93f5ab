/** The searches beside a plan, for choices, drops and the smallest box: together they have a limit, of time or of work. */
import type { SideSearch } from '../placement/smallest-box.ts';
import { solve } from '../placement/solve.ts';

export interface Aside {
  readonly solve: SideSearch;
  /** True when no further search is to begin. */
  readonly over: () => boolean;
  /** Something was left out for that. */
  readonly endedEarly: () => boolean;
}

/** Steps of one small search. */
const sideSteps = 20_000;
/** Share of the time left that one search of the whole may take: a dozen get about as much each. */
const slice = 1 / 8;
/** Share of the time that is not worth another search. */
const rest = 0.05;
/** Work in all where no clock is to be looked at: about as many microseconds, whatever the machine. */
const workMax = 10_000_000;
/** What listing one box for one replica, one step, and reading one replica come to. */
const work = { listing: 3, step: 4, reading: 20 } as const;

/**
 * @param milliseconds from now; by work when absent, and then the same each time.
 * @param share of the work, 0 to 1.
 * @param stopped true ends the search that goes on, and there is no other.
 */
export function asideFor(milliseconds: number | undefined, share: number, stopped: () => boolean = () => false): Aside {
  const limited = milliseconds === undefined ? byWork(workMax * share, stopped) : byTime(milliseconds, stopped);
  let endedEarly = false;
  const over = (): boolean => {
    endedEarly ||= stopped() || limited.over();
    return endedEarly;
  };
  return { solve: limited.solve, over, endedEarly: () => endedEarly };
}

function byWork(most: number, stopped: () => boolean): Pick<Aside, 'solve' | 'over'> {
  let done = 0;
  return {
    over: () => done >= most,
    solve: (problem, options = {}) => {
      const all = problem.workloads.reduce((sum, { replicas }) => sum + replicas, 0);
      const boxes = [...(options.places?.values() ?? [])].reduce((count, among) => Math.max(count, among.size), 0);
      const steps = Math.min(problem.limits.steps, sideSteps);
      const listed = (all - problem.fixed.length) * (boxes === 0 ? problem.nodes.length : boxes);
      done += work.listing * listed + work.step * steps + work.reading * all;
      return solve({ ...problem, limits: { ...problem.limits, steps } }, { ...options, interrupted: stopped });
    },
  };
}

function byTime(milliseconds: number, stopped: () => boolean): Pick<Aside, 'solve' | 'over'> {
  const end = performance.now() + milliseconds;
  return {
    over: () => end - performance.now() < rest * milliseconds,
    solve: (problem, options = {}) => {
      const begun = performance.now();
      const small = { ...problem, limits: { ...problem.limits, steps: Math.min(problem.limits.steps, sideSteps) } };
      if (options.places !== undefined) return solve(small, { ...options, interrupted: () => stopped() || performance.now() >= end });
      const time = Math.max(1, slice * (end - begun));
      const progress = (): number => (performance.now() - begun) / time;
      return solve(problem, { ...options, interrupted: () => stopped() || progress() >= 1, progress });
    },
  };
}
