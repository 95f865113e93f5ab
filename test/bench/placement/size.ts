/**
 * How time and memory grow with the size of a problem, and whether planning keeps an agent from answering. The budget grows with the
 * size as well: what is measured is what planning needs, not what it was given.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Planner } from '../../../agent/placement/planner.ts';
import { printFigure } from '../figure.ts';
import type { SetOptions } from './main.ts';
import { multiClassProblem } from './multi-class.ts';

const shapes = [
  [10, 4],
  [30, 8],
  [100, 12],
  [300, 30],
  [1000, 100],
  [2000, 200],
  [5000, 500],
  [10_000, 1000],
  [20_000, 2000],
] as const;
const quickWorkloads = 1000;
/** Times the budget for this many replicas' worth of boxes to look at. */
const pairsPerBudget = 400_000;

interface SizeRun {
  readonly cpu: number;
  readonly first: number | null;
  readonly check: number;
  readonly rssMiB: number;
  readonly replicas: number;
  readonly feasible: boolean;
  readonly unplaced: number;
  readonly value: number;
  readonly bound: number;
  readonly hash: string;
  readonly note: string;
}

export async function benchSize({ budget, quick, only, json }: SetOptions): Promise<void> {
  for (const [workloads, nodes] of shapes) {
    if ((quick && workloads > quickWorkloads) || !String(workloads).startsWith(only)) continue;
    const seconds = budget * Math.max(1, Math.ceil((workloads * nodes) / pairsPerBudget));
    const size = `${workloads}x${nodes}`;
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [
        join(import.meta.dirname, 'size-run.ts'),
        String(workloads),
        String(nodes),
        String(seconds),
      ]);
      const { cpu, first, check, rssMiB, replicas, feasible, unplaced, value, bound, hash, note }: SizeRun = JSON.parse(stdout);
      printFigure(
        {
          figure: 'placement.first_plan_seconds',
          subject: 'holdfast',
          value: first,
          unit: 's CPU',
          params: {
            set: 'size',
            instance: size,
            size,
            replicas,
            budget: seconds,
            cpu: Number(cpu.toFixed(2)),
            check: Number(check.toFixed(2)),
            rssMiB,
            feasible: feasible ? 'yes' : 'no',
            unplaced,
            value,
            bound,
            hash,
          },
          note,
        },
        json,
      );
    } catch (error) {
      const note = error instanceof Error ? error.message.slice(0, 200) : String(error);
      printFigure(
        { figure: 'placement.first_plan_seconds', subject: 'holdfast', value: null, unit: 's CPU', params: { set: 'size', size }, note },
        json,
      );
    }
  }
  await loopDelay(quick ? 500 : 5000 * budget, json);
}

/** Milliseconds after which a search is told to stop: while it reads, lists, prices, begins, and searches. */
const stopAfter = [20, 60, 120, 200, 300, 400, 500, 600, 800, 1000, 1500, 2500];

interface LoopDelay {
  readonly max: number;
  readonly p99: number;
}

/** Times the delay is measured. */
const loopRuns = 5;

/** Milliseconds by which the event loop of this thread came round late while something went on. */
async function delayDuring(doing: () => Promise<unknown>): Promise<LoopDelay> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await doing();
  // What kept the loop is only counted when it comes round again.
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.disable();
  return { max: delay.max / 1e6, p99: delay.percentile(99) / 1e6 };
}

/** What the machine alone does to a loop: this is no planning's doing. */
async function besideBusyThread(): Promise<void> {
  const busy = new Worker('for (let made = []; ; made.length > 1e5 ? (made = []) : 0) made.push({ size: made.length });', { eval: true });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await busy.terminate();
}

/** Delay of the event loop that hands a problem of 2000 workloads to the planning thread and takes the plan back; and of being told to stop. */
async function loopDelay(milliseconds: number, json: boolean): Promise<void> {
  const { problem } = multiClassProblem({ workloads: 2000, nodes: 200, seed: 1 });
  const planner = new Planner();
  const limited = { ...problem, limits: { ...problem.limits, milliseconds } };
  const asking: LoopDelay[] = [];
  const idle: LoopDelay[] = [];
  for (let run = 0; run < loopRuns; run += 1) {
    asking.push(await delayDuring(() => planner.solve(limited)));
    idle.push(await delayDuring(besideBusyThread));
  }
  const print = (figure: string, value: number, note: string, samples: readonly number[] = []): void =>
    printFigure(
      {
        figure,
        subject: 'holdfast',
        value,
        unit: 'ms',
        params: { set: 'size', size: '2000x200', budget: milliseconds / 1000 },
        samples,
        note,
      },
      json,
    );
  const worst = ({ max }: LoopDelay): number => max;
  print('placement.loop_delay_max', Math.max(...asking.map(worst)), 'of the thread that asks, while another plans', asking.map(worst));
  print(
    'placement.loop_delay_max_idle',
    Math.max(...idle.map(worst)),
    'of one with nothing to do, while another computes',
    idle.map(worst),
  );
  print('placement.loop_delay_p99', Math.max(...asking.map(({ p99 }) => p99)), 'of the thread that asks, while another plans');
  const tiny = { ...problem, workloads: problem.workloads.slice(0, 1), nodes: problem.nodes.slice(0, 1), links: [] };
  const answered: number[] = [];
  const freed: number[] = [];
  for (const after of stopAfter) {
    const abort = new AbortController();
    const asked = planner.solve({ ...problem, limits: { ...problem.limits, milliseconds: 60_000 } }, { signal: abort.signal });
    await new Promise((resolve) => setTimeout(resolve, after));
    const begun = performance.now();
    abort.abort();
    await asked.catch(() => undefined);
    answered.push(performance.now() - begun);
    await planner.solve(tiny);
    freed.push(performance.now() - begun);
  }
  print('placement.cancel', Math.max(...answered), 'worst, from abort until the one who asked is answered', answered);
  print(
    'placement.cancel_ms',
    Math.max(...freed),
    `worst, until the thread has planned another problem, of one workload; after ${stopAfter} ms`,
    freed,
  );
  await planner.stop();
}
