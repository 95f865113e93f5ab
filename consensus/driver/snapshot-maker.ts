/** Makes snapshots for peers that fell behind the log, in slices, while the state stands still. */
import type { NodeId, Snapshot, SnapshotMeta } from '../core/types.ts';
import type { DriverEvent } from './driver-event.ts';
import { CodecError } from './errors.ts';
import type { Clock, StateMachine } from './ports.ts';
import { encodeSnapshot } from './snapshot-codec.ts';

/** Longest time the loop is kept from other work at a stretch. */
const sliceMs = 4;

export interface SnapshotMakerHooks {
  /** What the state stands for now. */
  readonly meta: () => SnapshotMeta;
  readonly made: (to: NodeId, snapshot: Snapshot) => void;
  /** The state may move on. */
  readonly released: () => void;
  readonly event: (event: DriverEvent) => void;
}

export class SnapshotMaker {
  readonly #machine: StateMachine;
  readonly #clock: Clock;
  readonly #hooks: SnapshotMakerHooks;
  #wanted = new Set<NodeId>();
  #work: Promise<void> | undefined;
  #isDiscarded = false;

  constructor(machine: StateMachine, clock: Clock, hooks: SnapshotMakerHooks) {
    this.#machine = machine;
    this.#clock = clock;
    this.#hooks = hooks;
  }

  /** While true nothing may be applied. */
  get isReading(): boolean {
    return this.#work !== undefined;
  }

  want(peer: NodeId): void {
    this.#wanted.add(peer);
    this.#work ??= this.#make().finally(() => {
      this.#work = undefined;
      this.#hooks.released();
    });
  }

  /** The state was replaced while it was read: what is being made of it is given to nobody. */
  discard(): void {
    this.#isDiscarded = this.#work !== undefined;
  }

  async idle(): Promise<void> {
    await this.#work;
  }

  async #make(): Promise<void> {
    // After this turn, so that what is being applied now is complete.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const started = this.#clock.nowMs();
    let sliceEnd = started + sliceMs;
    const pause = async () => {
      if (this.#clock.nowMs() < sliceEnd) return;
      await new Promise<void>((resolve) => setImmediate(resolve));
      sliceEnd = this.#clock.nowMs() + sliceMs;
    };
    const meta = this.#hooks.meta();
    try {
      const data = await encodeSnapshot(this.#machine.rows(), pause);
      const elapsedMs = this.#clock.nowMs() - started;
      // Whoever still needs one is asked for again.
      if (this.#isDiscarded) return;
      for (const to of this.#wanted) {
        this.#hooks.made(to, { meta, data });
        this.#hooks.event({ type: 'snapshot-made', to, index: meta.index, bytes: data.length, elapsedMs });
      }
    } catch (error) {
      const code = error instanceof CodecError ? error.code : 'SNAPSHOT';
      this.#hooks.event({ type: 'snapshot-failed', code, message: error instanceof Error ? error.message : String(error) });
    } finally {
      this.#wanted = new Set();
      this.#isDiscarded = false;
    }
  }
}
