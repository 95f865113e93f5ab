/** Plans a problem file in a thread of its own: a search looks at nothing else, and Ctrl-C is to end it with the best plan so far. */
import { Worker } from 'node:worker_threads';
import type { PlacementProblem } from '../../schemas/generated/types.ts';
import type { SolveProgress } from '../placement/solve.ts';
import { CliError } from './http-client.ts';
import type { PlanOptions } from './plan.ts';
import type { Progress } from './progress-line.ts';
import type { PlanReport } from './show-problem.ts';

/** What the thread is to do. */
export interface Commission {
  readonly problem: PlacementProblem;
  readonly options: PlanOptions;
  /** Becomes 1 when the best plan so far will do. */
  readonly stop: SharedArrayBuffer;
  /** Somebody sees how far it is. */
  readonly tells: boolean;
}

/** What the thread says; a report or a failure comes last. */
export interface Told {
  readonly progress?: SolveProgress;
  readonly doing?: string;
  readonly report?: PlanReport;
  readonly failed?: { readonly exit: number; readonly code: string; readonly message: string };
}

/** Ctrl-C ends the search, and what was found by then is returned; a second one ends the process. @throws {CliError} */
export async function planInThread(problem: PlacementProblem, options: PlanOptions, onProgress?: Progress): Promise<PlanReport> {
  const entry = import.meta.url.endsWith('.ts') ? './plan-worker.ts' : './plan-worker.mjs';
  const stop = new SharedArrayBuffer(4);
  const commission: Commission = { problem, options, stop, tells: onProgress !== undefined };
  const onSignal = (): void => {
    Atomics.store(new Int32Array(stop), 0, 1);
    onProgress?.doing('ending with the best plan so far');
  };
  process.once('SIGINT', onSignal);
  const worker = new Worker(new URL(entry, import.meta.url), { workerData: commission });
  try {
    return await new Promise<PlanReport>((resolve, reject) => {
      worker.on('message', ({ progress, doing, report, failed }: Told) => {
        if (progress !== undefined) onProgress?.say(progress);
        if (doing !== undefined) onProgress?.doing(doing);
        if (failed !== undefined) reject(new CliError(failed.exit, failed.code, failed.message));
        if (report !== undefined) resolve(report);
      });
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`The thread that plans ended with ${code} before it had a plan`)));
    });
  } finally {
    process.off('SIGINT', onSignal);
    onProgress?.end();
    await worker.terminate();
  }
}
