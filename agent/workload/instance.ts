/** One replica on this box: what it should do, what its process does, and the way from the one to the other. */

import type { Clock } from '../../consensus/driver/ports.ts';
import type { InstanceStatus, WorkloadSpec } from '../../schemas/generated/types.ts';
import type { DesiredInstance, Log } from '../ports.ts';
import type { ArtefactPuller } from './artefact-puller.ts';
import type { ArtefactStore } from './artefact-store.ts';
import { InstanceDir, type InstanceRecord } from './instance-dir.ts';
import { choosePorts, fillWorkDir, launch } from './launch.ts';
import { probe } from './probe.ts';
import { startTicks } from './process-facts.ts';
import { endedWith, idleGapMs, periodMs, sameProgram, signal } from './program.ts';
import { RunHistory } from './run-history.ts';

export interface InstanceComponents {
  readonly store: ArtefactStore;
  readonly puller: ArtefactPuller;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeBinary: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly runtimeDir: string;
  readonly keeperFile: string;
  readonly bootId: string;
  /** End of this box's placement lease, milliseconds since boot; 0 before the first. */
  readonly leaseUntil: () => number;
  readonly onChange: () => void;
}

/** A process that ran this long was well: the next failure waits the shortest back-off again. */
const wellAfterMs = 30_000;
/** `stop` work is not started in the last moments of a lease. */
const leaseSpareMs = 300;

export class Instance {
  readonly workload: string;
  readonly replica: number;
  readonly #parts: InstanceComponents;
  readonly #dir: InstanceDir;
  readonly #history = new RunHistory();
  #wanted: DesiredInstance | undefined;
  /** Adopted, and the site was not asked yet whether it is still to run here: until then it goes on as it is. */
  #undecided = false;
  #record: InstanceRecord | undefined;
  #state: InstanceStatus['state'] = 'waiting';
  #reason: string | null = null;
  #adopted = false;
  #restarts = 0;
  #runs = 0;
  #lastStartMs: number | null = null;
  #lastExit: InstanceStatus['lastExit'] = null;
  #failuresInRow = 0;
  #notBefore = 0;
  #nextRun: number | undefined;
  #outputSeen = 0;
  #busy = false;
  #left = false;
  #killAt: number | undefined;
  #probe = { at: 0, failures: 0, passed: false };

  constructor(components: InstanceComponents, workload: string, replica: number) {
    this.#parts = components;
    this.workload = workload;
    this.replica = replica;
    this.#dir = new InstanceDir(components.runtimeDir, workload, replica);
  }

  /** Takes over a process an earlier agent started. False when it is gone, or is another one. */
  adopt(): boolean {
    const record = this.#dir.readRecord();
    if (
      record === undefined ||
      record.bootId !== this.#parts.bootId ||
      startTicks(record.pid) !== record.ticks ||
      this.#dir.ended() !== undefined
    )
      return false;
    this.#record = record;
    this.#adopted = true;
    this.#undecided = true;
    this.#runs = record.runs;
    this.#outputSeen = this.#dir.outputBytes();
    this.#state = record.spec.probe === undefined ? 'ready' : 'running';
    return true;
  }

  /** Undefined: it is to end, and to be forgotten. */
  want(desired: DesiredInstance | undefined): void {
    this.#wanted = desired;
    this.#undecided = false;
    const record = this.#record;
    if (
      desired !== undefined &&
      record !== undefined &&
      sameProgram(record.spec, desired.spec) &&
      (record.epoch !== desired.epoch || record.class !== desired.class)
    ) {
      // The same box was chosen again: the process goes on under the new fence.
      this.#record = { ...record, epoch: desired.epoch, class: desired.class, spec: desired.spec };
      this.#dir.writeRecord(this.#record);
    }
  }

  /** Ended and not wanted: nothing is left to look after. */
  get gone(): boolean {
    return this.#wanted === undefined && this.#record === undefined && !this.#busy;
  }

  get path(): string {
    return this.#dir.path;
  }

  get group(): number | undefined {
    return this.#record?.group;
  }

  get memoryMiBMax(): number {
    return this.#record?.spec.resources.memoryMiB ?? Number.POSITIVE_INFINITY;
  }

  status(): InstanceStatus {
    const spec = this.#wanted ?? this.#record;
    const observed = this.#history.observed();
    return {
      workload: this.workload,
      replica: this.replica,
      epoch: spec?.epoch ?? 0,
      class: spec?.class ?? 'cold',
      state: this.#state,
      pid: this.#record?.pid ?? null,
      startedAt: this.#record?.startedAt ?? null,
      adopted: this.#adopted,
      restarts: this.#restarts,
      runs: this.#runs,
      lastStartMs: this.#lastStartMs,
      ports: { ...this.#record?.ports },
      lastExit: this.#lastExit,
      // As long as the document allows: many boxes may each have said why they did not give an artefact.
      reason: this.#reason?.slice(0, 512) ?? null,
      ...(observed === undefined ? {} : { observed }),
    };
  }

  lines(count: number): readonly string[] | undefined {
    return this.#dir.lines(count);
  }

  boundOutput(bytesMax: number): void {
    const before = this.#dir.outputBytes();
    this.#dir.boundOutput(bytesMax);
    // A hot run has ended when there is new output: that there is less of the old must not look like it.
    if (before === this.#outputSeen) this.#outputSeen = this.#dir.outputBytes();
  }

  extendLease(untilMs: number): void {
    if (this.#record?.spec.onSplit === 'stop') this.#dir.tell('control', `lease ${Math.floor(untilMs)}`);
  }

  /** Ends the process at once, with a reason that is shown. */
  kill(reason: string): void {
    if (this.#record === undefined) return;
    this.#reason = reason;
    this.#probe.at = Number.POSITIVE_INFINITY;
    signal(this.#record.group, 'SIGKILL');
  }

  forget(): void {
    this.#dir.remove();
  }

  /** The agent stops: the process goes on, unwatched. */
  leave(): void {
    this.#left = true;
  }

  /** Compares what is with what should be, and takes the next step. Cheap when nothing is to be done. */
  check(): void {
    if (this.#busy || this.#left) return;
    const before = `${this.#state} ${this.#record?.pid} ${this.#runs} ${this.#reason}`;
    this.#observeEnd();
    if (this.#record !== undefined) this.#steer(this.#record);
    else if (this.#wanted !== undefined) this.#consider(this.#wanted);
    if (`${this.#state} ${this.#record?.pid} ${this.#runs} ${this.#reason}` !== before) this.#parts.onChange();
  }

  #observeEnd(): void {
    const record = this.#record;
    if (record === undefined) return;
    const ended = this.#dir.ended();
    if (ended === undefined && startTicks(record.pid) === record.ticks) return;
    // Gone without a word: the keeper is given a moment to write how, unless it is gone too.
    if (ended === undefined && startTicks(record.keeper) !== undefined) return;
    // A keeper ends the whole group before it goes; without one that is left to us.
    if (ended === undefined) signal(record.group, 'SIGKILL');
    const code = ended === undefined || ended.code < 0 ? null : ended.code;
    const reason =
      ended === undefined
        ? 'its keeper is gone, so nobody saw how it ended'
        : ended.reason === 'lease-ended'
          ? 'its lease ended and the keeper stopped it'
          : (this.#reason ?? endedWith(code, record.spec.command));
    this.#lastExit = {
      code: code !== null && code > 128 ? null : code,
      signal: code !== null && code > 128 ? `signal ${code - 128}` : null,
      reason,
    };
    const now = this.#parts.clock.nowMs();
    const ranMs = now - record.startedAt * 1000;
    this.#record = undefined;
    this.#killAt = undefined;
    this.#adopted = false;
    this.#reason = null;
    const failed = code !== 0;
    const isRun = record.spec.kind === 'job' && record.class !== 'hot';
    if (isRun && !failed) this.#ranOnce(record.spec, now);
    else this.#history.failed();
    if (isRun && record.class === 'cold') this.#dir.removeWork();
    if (this.#wanted === undefined) return;
    if (failed || !isRun) this.#backOff(record.spec, failed, ranMs, now);
    this.#state = 'waiting';
    this.#parts.log[failed ? 'warn' : 'debug']('workload.ended', {
      workload: this.workload,
      replica: this.replica,
      code,
      reason,
      ranMs: Math.round(ranMs),
    });
  }

  #ranOnce(spec: WorkloadSpec, now: number): void {
    this.#runs += 1;
    this.#history.ended(now);
    // A gap is counted from the end of a run, a frequency from its beginning.
    const gap = idleGapMs(spec);
    if (gap !== undefined) this.#nextRun = now + gap;
  }

  #backOff(spec: WorkloadSpec, failed: boolean, ranMs: number, now: number): void {
    const { policy = 'always', backoffMs = 200, backoffMaxMs = 30_000 } = spec.restart ?? {};
    if (spec.kind === 'service' && (policy === 'never' || (policy === 'on-failure' && !failed))) {
      this.#notBefore = Number.POSITIVE_INFINITY;
      return;
    }
    this.#failuresInRow = ranMs > wellAfterMs ? 1 : this.#failuresInRow + 1;
    this.#restarts += 1;
    this.#notBefore = now + Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(20, this.#failuresInRow - 1));
  }

  /** There is a process: is it still wanted, and is it well? */
  #steer(record: InstanceRecord): void {
    const wanted = this.#wanted;
    const now = this.#parts.clock.nowMs();
    if (wanted === undefined && this.#undecided) {
      this.#probeIfDue(record, now);
      return;
    }
    const unwanted =
      wanted === undefined ||
      !sameProgram(record.spec, wanted.spec) ||
      (record.spec.kind === 'job' && record.class === 'hot') !== (wanted.spec.kind === 'job' && wanted.class === 'hot');
    if (unwanted) {
      this.#end(record, now);
      return;
    }
    this.#nextRunIfResident(record, now);
    this.#probeIfDue(record, now);
  }

  #end(record: InstanceRecord, now: number): void {
    if (this.#killAt === undefined) {
      this.#state = 'stopping';
      this.#killAt = now + (record.spec.stopGraceMs ?? 5000);
      signal(record.group, 'SIGTERM');
    } else if (now >= this.#killAt) signal(record.group, 'SIGKILL');
  }

  #nextRunIfResident(record: InstanceRecord, now: number): void {
    if (record.spec.kind !== 'job' || record.class !== 'hot') {
      if (record.spec.probe === undefined) this.#state = record.spec.kind === 'job' ? 'running' : 'ready';
      return;
    }
    const bytes = this.#dir.outputBytes();
    if (this.#state === 'running' && bytes !== this.#outputSeen) {
      this.#ranOnce(record.spec, now);
      this.#state = 'ready';
    }
    if (now < (this.#nextRun ?? 0) || this.#state === 'running') return;
    this.#outputSeen = bytes;
    const began = performance.now();
    if (this.#dir.tell('stdin', 'run')) {
      this.#lastStartMs = performance.now() - began;
      this.#history.began(now, record.class, this.#lastStartMs);
      this.#state = 'running';
    }
    this.#nextRun = now + periodMs(record.spec);
  }

  #probeIfDue(record: InstanceRecord, now: number): void {
    const spec = record.spec.probe;
    if (spec === undefined || now < this.#probe.at) return;
    this.#probe.at = Number.POSITIVE_INFINITY;
    void probe(spec, { ports: record.ports, cwd: this.#dir.work, nodeBinary: this.#parts.nodeBinary }).then((ok) => {
      if (this.#record?.pid !== record.pid || this.#left) return;
      // Until it is ready for the first time, look more often: readiness is what others wait for.
      this.#probe.at = this.#parts.clock.nowMs() + (this.#probe.passed || ok ? (spec.intervalSeconds ?? 5) * 1000 : 200);
      if (ok) {
        this.#probe = { ...this.#probe, failures: 0, passed: true };
        if (this.#state !== 'stopping') this.#state = 'ready';
      } else if (this.#probe.passed) {
        this.#probe.failures += 1;
        if (this.#probe.failures >= (spec.failures ?? 3)) this.kill(`its probe failed ${this.#probe.failures} times in a row`);
      }
      this.#parts.onChange();
    });
  }

  /** There is no process: may and should there be one now? */
  #consider(wanted: DesiredInstance): void {
    const now = this.#parts.clock.nowMs();
    const { spec } = wanted;
    const noLease = spec.onSplit === 'stop' && this.#parts.leaseUntil() - now < leaseSpareMs;
    if (wanted.blockedBy !== undefined || noLease) {
      this.#state = 'blocked';
      this.#reason = wanted.blockedBy ?? 'this box holds no lease';
      return;
    }
    if (this.#notBefore === Number.POSITIVE_INFINITY) {
      this.#state = 'exited';
      return;
    }
    const due = spec.kind === 'job' && wanted.class !== 'hot' ? (this.#nextRun ?? 0) : 0;
    if (now < Math.max(due, this.#notBefore)) {
      this.#state = now < this.#notBefore ? 'backoff' : 'waiting';
      if (this.#state === 'waiting') this.#reason = null;
      return;
    }
    this.#busy = true;
    this.#launch(wanted)
      .catch((error: unknown) => {
        this.#reason = error instanceof Error ? error.message : String(error);
        this.#state = 'backoff';
        this.#failuresInRow += 1;
        this.#notBefore = this.#parts.clock.nowMs() + Math.min(10_000, 250 * 2 ** Math.min(6, this.#failuresInRow));
        this.#parts.log.warn('workload.start.failed', { workload: this.workload, replica: this.replica, message: this.#reason });
      })
      .finally(() => {
        this.#busy = false;
        this.#parts.onChange();
      });
  }

  async #launch({ spec, replica, epoch, class: workClass }: DesiredInstance): Promise<void> {
    const { store, puller, clock, keeperFile, nodeBinary, environment, bootId, leaseUntil, runtimeDir } = this.#parts;
    this.#state = 'staging';
    for (const { sha256, bytes } of spec.artefacts ?? []) await puller.ensure(sha256, bytes);
    this.#state = 'starting';
    const began = performance.now();
    const resident = spec.kind === 'job' && workClass === 'hot';
    // A warm job finds its directory as the last run left it; everything else starts from the artefacts.
    if (workClass !== 'warm' || this.#runs === 0) fillWorkDir(spec, this.#dir, (sha256) => store.pathOf(sha256));
    const ports = await choosePorts(spec);
    const lease = spec.onSplit === 'stop' ? leaseUntil() : 0;
    const marked = { ...environment, HOLDFAST_RUNTIME: runtimeDir };
    const started = await launch(
      { spec, replica, dir: this.#dir, keeperFile, nodeBinary, environment: marked, leaseUntil: lease, stdin: resident, ports },
      () => this.check(),
    );
    const now = clock.nowMs();
    this.#lastStartMs = performance.now() - began;
    if (spec.kind === 'job' && !resident) this.#history.began(now, workClass, this.#lastStartMs);
    this.#nextRun = spec.kind === 'job' && !resident ? now + periodMs(spec) : now;
    this.#outputSeen = this.#dir.outputBytes();
    this.#reason = null;
    this.#probe = { at: 0, failures: 0, passed: false };
    this.#record = {
      version: 1,
      bootId,
      spec,
      replica,
      epoch,
      class: workClass,
      ...started,
      ticks: startTicks(started.pid) ?? 0,
      startedAt: now / 1000,
      ports,
      runs: this.#runs,
    };
    this.#dir.writeRecord(this.#record);
    this.#state = resident || (spec.kind === 'service' && spec.probe === undefined) ? 'ready' : 'running';
  }
}
