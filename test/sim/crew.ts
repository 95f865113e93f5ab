/** Several seeds at a time, each in a thread of its own. */
import { Worker } from 'node:worker_threads';
import type { SimulationOptions, SimulationResult } from './simulation.ts';

/**
 * @param next the run to make next; undefined: none any more.
 * @param done told of each run, in the order they end. Resolves when all have ended. Rejects when a run throws.
 */
export async function runAll(
  jobs: number,
  next: () => SimulationOptions | undefined,
  done: (result: SimulationResult) => void,
): Promise<void> {
  await Promise.all(Array.from({ length: jobs }, () => member(next, done)));
}

function member(next: () => SimulationOptions | undefined, done: (result: SimulationResult) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url));
    const goOn = (): void => {
      const options = next();
      if (options !== undefined) worker.postMessage(options);
      else void worker.terminate().then(() => resolve(), reject);
    };
    worker.on('error', reject);
    worker.on('message', (result: SimulationResult) => {
      done(result);
      goOn();
    });
    goOn();
  });
}
