/** Entry of the thread that plans a problem file, so that the main one hears Ctrl-C meanwhile. Bundled as dist/plan-worker.mjs. */
import { parentPort, workerData } from 'node:worker_threads';
import { CliError } from './http-client.ts';
import { planProblem } from './plan.ts';
import type { Commission, Told } from './plan-thread.ts';

const { problem, options, stop, tells } = workerData as Commission;
const flag = new Int32Array(stop);
const tell = (told: Told): void => parentPort?.postMessage(told);
const onProgress = {
  say: (progress: NonNullable<Told['progress']>): void => tell({ progress }),
  doing: (what: string): void => tell({ doing: what }),
  end: (): void => undefined,
};

try {
  const report = planProblem(problem, options, tells ? onProgress : undefined, () => Atomics.load(flag, 0) === 1);
  tell({ report });
} catch (error) {
  if (!(error instanceof CliError)) throw error;
  tell({ failed: { exit: error.exitCode, code: error.code, message: error.message } });
}
