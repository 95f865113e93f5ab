/** Entry of the placement thread: keeps the search off the thread that answers heartbeats. Bundled as dist/placement-worker.mjs. */
import { parentPort } from 'node:worker_threads';
import { replan } from './replan.ts';
import { solve } from './solve.ts';
import { answer } from './thread.ts';
import type { PlannerRequest } from './worker-messages.ts';

parentPort?.on('message', (request: PlannerRequest) =>
  parentPort?.postMessage(answer(request, { solve, replan }, () => performance.now())),
);
