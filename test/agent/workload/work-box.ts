/** A box that runs workloads: the real executor, keepers and artefact store in a directory of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, killBox } from '../../../agent/demo/processes.ts';
import { done, notYet, until } from '../../../agent/demo/until.ts';
import type { ArtefactFetcher, DesiredInstance, InstanceStatus, Log } from '../../../agent/ports.ts';
import { ArtefactPuller } from '../../../agent/workload/artefact-puller.ts';
import { ArtefactStore } from '../../../agent/workload/artefact-store.ts';
import { Executor } from '../../../agent/workload/executor.ts';
import { BootClock } from '../../../consensus/driver/boot-clock.ts';
import type { WorkloadSpec } from '../../../schemas/generated/types.ts';

export const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A workload of one shell command. */
export function shell(name: string, script: string, more: Partial<WorkloadSpec> = {}): WorkloadSpec {
  return {
    name,
    kind: 'service',
    command: ['bash', '-c', script],
    resources: { memoryMiB: 32 },
    stopGraceMs: 500,
    restart: { policy: 'always', backoffMs: 50 },
    ...more,
  } as WorkloadSpec;
}

/** Waits without polling processes of its own. */
export const forever = 'read -rt 1000 <> <(:)';

export const give = (spec: WorkloadSpec, more: Partial<DesiredInstance> = {}): DesiredInstance => ({
  spec,
  replica: 0,
  epoch: 1,
  class: 'hot',
  blockedBy: undefined,
  ...more,
});

/** The real clock, and how often the executor came back to look: what it did not do in so many looks it does not do. */
class WatchedClock extends BootClock {
  looks = 0;

  override after(ms: number, callback: () => void): () => void {
    return super.after(ms, () => {
      this.looks += 1;
      callback();
    });
  }
}

export class WorkBox {
  readonly dir: string;
  readonly runtimeDir: string;
  readonly clock = new WatchedClock();
  readonly store: ArtefactStore;
  readonly #bootId: string;
  readonly #fetcher: ArtefactFetcher;
  readonly #executors: Executor[] = [];

  constructor(options: { readonly dir?: string; readonly bootId?: string; readonly fetcher?: ArtefactFetcher } = {}) {
    this.dir = options.dir ?? mkdtempSync(join(tmpdir(), 'hf-work-'));
    this.runtimeDir = join(this.dir, 'run');
    this.#bootId = options.bootId ?? 'boot-1';
    this.#fetcher = options.fetcher ?? { sources: () => [], fetchChunk: () => Promise.reject(new Error('nobody has it')) };
    this.store = new ArtefactStore({ directory: join(this.dir, 'artefacts'), bytesMax: 2 ** 20 });
  }

  /** An agent's executor; the one before is left, as when its agent died. */
  async executor(bootId = this.#bootId, outputKiB = 64): Promise<Executor> {
    await this.#executors.at(-1)?.stop();
    await this.store.open();
    const { store, clock } = this;
    const executor = new Executor(
      {
        store,
        puller: new ArtefactPuller({ store, fetcher: this.#fetcher, clock, log: silent }),
        clock,
        log: silent,
        nodeBinary: process.execPath,
        environment: { HOLDFAST_NODE: 'box-a' },
      },
      { runtimeDir: this.runtimeDir, bootId, outputKiB },
    );
    this.#executors.push(executor);
    await executor.start();
    return executor;
  }

  /** Resolves when the executor has looked at everything this many times more. */
  async looks(count: number): Promise<void> {
    const wanted = this.clock.looks + count;
    await until(`${count} looks`, 15_000, async () => (this.clock.looks >= wanted ? done(true) : notYet(String(this.clock.looks))), {
      everyMs: 20,
    });
  }

  /** Ends everything, however the test went. */
  async close(): Promise<void> {
    for (const executor of this.#executors) await executor.stop();
    await killBox(this.runtimeDir);
    this.clock.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Waits until an instance is as wanted. */
export function sees(
  executor: Executor,
  what: string,
  test: (status: InstanceStatus) => boolean,
  workload?: string,
): Promise<InstanceStatus> {
  return until(
    what,
    15_000,
    async () => {
      const found = executor.instances().find((one) => workload === undefined || one.workload === workload);
      return found !== undefined && test(found) ? done(found) : notYet(JSON.stringify(found));
    },
    { everyMs: 20 },
  );
}

export const ended = (pid: number): Promise<boolean> =>
  until(`process ${pid} is gone`, 15_000, async () => (isAlive(pid) ? notYet('alive') : done(true)), { everyMs: 20 });
