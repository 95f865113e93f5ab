/** Finds a shorter and quieter run that breaks the same rule: what is left out is not needed for it. */
import { type FaultKind, faultKinds } from './faults.ts';
import { type SimulationOptions, type SimulationResult, simulate } from './simulation.ts';

export interface Minimised {
  readonly options: SimulationOptions;
  readonly result: SimulationResult;
  /** Runs it took. */
  readonly runs: number;
}

const defaultFaultTicks = 3600;

/** @param failing a run that breaks a rule. @param run how a run is made. */
export function minimise(failing: SimulationOptions, run: (options: SimulationOptions) => SimulationResult = simulate): Minimised {
  let best = { options: failing, result: run(failing) };
  let runs = 1;
  const { checker } = best.result;
  const attempt = (options: SimulationOptions): boolean => {
    runs += 1;
    const result = run(options);
    if (result.ok || result.checker !== checker) return false;
    best = { options, result };
    return true;
  };
  const shorten = (): void => {
    // Not monotonous: another moment of calm may mend what was broken. So: halves first, then a little at a time.
    for (let ticks = best.options.faultTicks ?? defaultFaultTicks, step = ticks >> 1; step >= 8; step >>= 1)
      while (ticks - step > 0 && attempt({ ...best.options, faultTicks: ticks - step })) ticks -= step;
  };
  shorten();
  for (const kind of faultKinds) {
    const without = new Set<FaultKind>([...(best.options.without ?? []), kind]);
    attempt({ ...best.options, without });
  }
  shorten();
  return { ...best, runs };
}

/** The arguments that run it again. */
export function replayArguments({ seed, temper, faultTicks, without }: SimulationOptions): string {
  const parts = [`--seed ${seed}`];
  if (temper !== undefined) parts.push(`--temper ${temper}`);
  if (faultTicks !== undefined) parts.push(`--ticks ${faultTicks}`);
  if (without !== undefined && without.size > 0) parts.push(`--without ${[...without].join(',')}`);
  return parts.join(' ');
}
