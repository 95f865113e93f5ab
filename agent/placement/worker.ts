/** Entry of the placement thread: keeps the search off the thread that answers heartbeats. Bundled as dist/placement-worker.mjs. */
import { parentPort } from 'node:worker_threads';
import { replan } from './replan.ts';
import { solve } from './solve.ts';
import { answerSent } from './thread.ts';
import type { Sent } from './worker-messages.ts';

parentPort?.on('message', (sent: Sent) => parentPort?.postMessage(answerSent(sent, { solve, replan }, () => performance.now())));
