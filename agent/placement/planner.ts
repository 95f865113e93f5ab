/** Plans in a thread of its own, started when first needed and ended when idle, so that it costs no memory at rest. */
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import type { Explanation } from './explain.ts';
import { pack, unpack } from './parcel.ts';
import type { Replanned } from './replan.ts';
import type { Planned, ProblemOptions } from './spec-to-problem.ts';
import type { Asked, PlannerRequest, Sent, WorkerAnswer } from './worker-messages.ts';

/**
 * ABORTED: the caller's signal. STOPPED: the planner was stopped. BAD_PROBLEM: the problem contradicts itself. BAD_PLAN: the checker
 * refused the engine's plan. TIMEOUT: no answer in time. WORKER_FAILED: the thread ended or broke.
 */
export type PlannerErrorCode = 'ABORTED' | 'STOPPED' | 'BAD_PROBLEM' | 'BAD_PLAN' | 'TIMEOUT' | 'WORKER_FAILED';

export class PlannerError extends Error {
  readonly code: PlannerErrorCode;

  constructor(code: PlannerErrorCode, message: string) {
    super(message);
    this.name = 'PlannerError';
    this.code = code;
  }
}

export interface PlannerOptions {
  /** Entry of the thread. @default ./worker.ts, for running from source */
  readonly workerUrl?: URL;
  /** Milliseconds without work after which the thread is ended. @default 30000 */
  readonly idleMs?: number;
  /** Milliseconds after which a request is given up and the thread ended. @default 120000 */
  readonly timeoutMs?: number;
}

interface Waiting {
  readonly resolve: (answer: WorkerAnswer) => void;
  readonly reject: (error: PlannerError) => void;
}

export class Planner {
  readonly #options: Required<PlannerOptions>;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #nextId = 0;
  #stopped = false;

  constructor(options: PlannerOptions = {}) {
    this.#options = { workerUrl: new URL('./worker.ts', import.meta.url), idleMs: 30_000, timeoutMs: 120_000, ...options };
  }

  /** True while the thread exists. */
  get running(): boolean {
    return this.#worker !== undefined;
  }

  /** A plan that the independent checker has passed, in the thread: for a large site that takes longer than a heartbeat should wait. @throws {PlannerError} */
  async solve(problem: PlacementProblem, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Plan> {
    const answer = await this.#interruptible(
      (stop) => this.#ask({ kind: 'solve', id: this.#takeId(), asked: { problem }, stop }, signal),
      signal,
    );
    if (answer.kind !== 'plan') throw new PlannerError('WORKER_FAILED', `Cannot plan: the thread answered ${answer.kind}`);
    return answer.plan;
  }

  /**
   * A plan for a site that runs, made in part where that is enough, with what staying would cost. The problem is made and the plan checked
   * in the thread as well: for a large site both take longer than a heartbeat should wait. @throws {PlannerError}
   */
  async replan(
    known: Planned,
    options: ProblemOptions,
    free: ReadonlySet<string> | undefined,
    { signal, partOnly = false }: { readonly signal?: AbortSignal; readonly partOnly?: boolean } = {},
  ): Promise<Replanned> {
    const answer = await this.#interruptible(
      (stop) => this.#ask({ kind: 'replan', id: this.#takeId(), asked: { known, options }, free, partOnly, stop }, signal),
      signal,
    );
    if (answer.kind !== 'replanned') throw new PlannerError('WORKER_FAILED', `Cannot plan: the thread answered ${answer.kind}`);
    return answer;
  }

  async #interruptible(ask: (stop: SharedArrayBuffer) => Promise<WorkerAnswer>, signal: AbortSignal | undefined): Promise<WorkerAnswer> {
    const stop = new SharedArrayBuffer(4);
    const onAbort = (): void => {
      Atomics.store(new Int32Array(stop), 0, 1);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await ask(stop);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      // Whoever gave up (a deadline, a stop) must not leave the thread searching.
      onAbort();
    }
  }

  /** Why the replicas of a workload are where they are. @throws {PlannerError} */
  async explain(asked: Asked, plan: Plan, workload: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Explanation> {
    const answer = await this.#ask({ kind: 'explain', id: this.#takeId(), asked, plan, workload }, signal);
    if (answer.kind !== 'explanation') throw new PlannerError('WORKER_FAILED', `Cannot explain: the thread answered ${answer.kind}`);
    return answer.explanation;
  }

  /** The problem that is planned for a site that runs: made in the thread, too. @throws {PlannerError} */
  async problem(known: Planned, options: ProblemOptions): Promise<PlacementProblem> {
    const answer = await this.#ask({ kind: 'problem', id: this.#takeId(), asked: { known, options } }, undefined);
    if (answer.kind !== 'problem') throw new PlannerError('WORKER_FAILED', `Cannot make the problem: the thread answered ${answer.kind}`);
    return answer.problem;
  }

  /** Ends the thread; whoever waits gets STOPPED. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#end(new PlannerError('STOPPED', 'Cannot plan: the planner was stopped'));
  }

  async #ask(request: PlannerRequest, signal: AbortSignal | undefined): Promise<WorkerAnswer> {
    if (this.#stopped) throw new PlannerError('STOPPED', 'Cannot plan: the planner was stopped');
    if (signal?.aborted === true) throw aborted();
    const { id } = request;
    const { promise, resolve, reject } = Promise.withResolvers<WorkerAnswer>();
    this.#waiting.set(id, { resolve, reject });
    clearTimeout(this.#idle);
    const { timeoutMs } = this.#options;
    const timeout = setTimeout(() => void this.#end(new PlannerError('TIMEOUT', `Cannot plan: no answer in ${timeoutMs} ms`)), timeoutMs);
    const onAbort = (): void => reject(aborted());
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      void this.#send(request).catch(reject);
      const answer = await promise;
      if (answer.kind === 'failed') throw new PlannerError(answer.code, answer.message);
      return answer;
    } finally {
      clearTimeout(timeout);
      signal?.removeEventListener('abort', onAbort);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#rest();
    }
  }

  /** Slice by slice: this thread answers heartbeats. Nothing is sent for whoever gave up meanwhile. */
  async #send(request: PlannerRequest): Promise<void> {
    // Starting a thread takes milliseconds too: a turn of its own, and it starts while the request is packed.
    this.#thread();
    await turn();
    const parcel = await inTurns(pack(request));
    if (this.#waiting.has(request.id)) this.#thread().postMessage({ ...parcel, id: request.id });
  }

  /** Nobody reads what nobody waits for. */
  async #receive(parcel: Sent): Promise<void> {
    const waiting = this.#waiting.get(parcel.id);
    if (waiting !== undefined) waiting.resolve((await inTurns(unpack(parcel))) as WorkerAnswer);
  }

  #takeId(): number {
    this.#nextId += 1;
    return this.#nextId;
  }

  #thread(): Worker {
    if (this.#worker !== undefined) {
      this.#worker.ref();
      return this.#worker;
    }
    const worker = new Worker(this.#options.workerUrl, { name: 'placement' });
    this.#worker = worker;
    worker.on('message', (parcel: Sent) => void this.#receive(parcel));
    worker.on('error', (error: unknown) => this.#lost(worker, error instanceof Error ? error.message : String(error)));
    worker.on('exit', (code) => this.#lost(worker, `it ended with code ${code}`));
    return worker;
  }

  #lost(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#refuseAll(new PlannerError('WORKER_FAILED', `Cannot plan: the placement thread failed, ${reason}`));
  }

  /** Nothing to do: the thread no longer keeps the process alive, and goes after a while. */
  #rest(): void {
    this.#worker?.unref();
    this.#idle = setTimeout(
      () => void this.#end(new PlannerError('WORKER_FAILED', 'Cannot plan: the placement thread was ended')),
      this.#options.idleMs,
    );
    this.#idle.unref();
  }

  async #end(error: PlannerError): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    this.#refuseAll(error);
    await worker?.terminate();
  }

  #refuseAll(error: PlannerError): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** Does the work of a generator, giving way to whatever else waits for this thread at each of its pauses. */
async function inTurns<T>(steps: Generator<void, T>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await turn();
  }
}

function aborted(): PlannerError {
  return new PlannerError('ABORTED', 'Cannot plan: nobody waits for it any more');
}
