/** Runs seeds that its parent names, one after the other. */
import { parentPort } from 'node:worker_threads';
import { simulateWhole, type WholeOptions } from './whole-simulation.ts';

parentPort?.on('message', (options: WholeOptions) => {
  void simulateWhole(options).then((result) => parentPort?.postMessage(result));
});
