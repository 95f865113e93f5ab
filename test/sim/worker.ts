/** Runs seeds that its parent names, one after the other. */
import { parentPort } from 'node:worker_threads';
import { type SimulationOptions, simulate } from './simulation.ts';

parentPort?.on('message', (options: SimulationOptions) => parentPort?.postMessage(simulate(options)));
