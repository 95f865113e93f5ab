/** Several seeds at a time, each in a thread of its own. */
import { Worker } from 'node:worker_threads';

/**
 * @param program what each thread runs: it is sent options, and answers with a result.
 * @param next the run to make next; undefined: none any more.
 * @param done told of each run, in the order they end. Resolves when all have ended. Rejects when a run throws.
 */
export async function runAll<Options, Result>(
  program: URL,
  jobs: number,
  next: () => Options | undefined,
  done: (result: Result) => void,
): Promise<void> {
  await Promise.all(Array.from({ length: jobs }, () => member(program, next, done)));
}

function member<Options, Result>(program: URL, next: () => Options | undefined, done: (result: Result) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(program);
    const goOn = (): void => {
      const options = next();
      if (options !== undefined) worker.postMessage(options);
      else void worker.terminate().then(() => resolve(), reject);
    };
    worker.on('error', reject);
    worker.on('message', (result: Result) => {
      done(result);
      goOn();
    });
    goOn();
  });
}
