import type { LocalEvent, Message, VerdictItem } from '../../consensus/core/messages.ts';
import { Raft } from '../../consensus/core/raft.ts';
import type { Ready, Save } from '../../consensus/core/ready.ts';
import {
  type Entry,
  type EntryId,
  type LogIndex,
  logIndex,
  type Membership,
  type NodeId,
  type RandomSource,
  type Snapshot,
  type Term,
  type Timing,
  tick,
} from '../../consensus/core/types.ts';
import type { Observer } from './observer.ts';
import { Replica } from './replica.ts';
import { SessionKeeper } from './session-keeper.ts';
import { SimDisk } from './sim-disk.ts';

/** What a node needs from the world around it. */
export interface SimHost {
  now(): number;
  after(delay: number, run: () => void): void;
  send(message: Message): void;
  /** How long a save takes, in ticks. */
  diskDelay(node: SimNode): number;
  /** Different for all requests of a run. */
  nextRequest(): number;
  readonly observers: readonly Observer[];
}

export interface SimNodeOptions {
  readonly id: NodeId;
  readonly membership: Membership;
  readonly timing: Timing;
  readonly random: RandomSource;
  /** Keeps no payloads. @default false */
  readonly witness?: boolean;
  /** This box's clock is ahead of the simulation's by so many ticks. */
  readonly clockOffset: number;
  /** Its ticks for each of the simulation's. @default 1 */
  readonly clockRate?: number;
  /** Entries kept before the log is cut; 0 for never. */
  readonly compactEntries: number;
  /** Snapshots are filled up to this. @default 0 */
  readonly snapshotBytes?: number;
}

/** The real core over a simulated disk. It does what the driver does, in virtual time. */
export class SimNode {
  readonly id: NodeId;
  readonly disk = new SimDisk();
  readonly options: SimNodeOptions;
  readonly #host: SimHost;
  raft: Raft | undefined;
  replica = new Replica();
  keeper = new SessionKeeper(this);
  applied: EntryId = { term: 0 as Term, index: logIndex(0) };
  /** Counts starts. What was meant for an earlier one is dropped. */
  incarnation = 0;
  paused = false;
  diskHeld = false;
  #deferred: (() => void)[] = [];
  #diskDoneAt = 0;
  #isPumping = false;
  /** Its own time when the core was told it last. */
  toldAt = 0;
  /** Sessions this node heard of as leader. */
  readonly touched = new Set<number>();
  #readsWaiting: { readonly requestId: number; readonly index: number }[] = [];

  constructor(host: SimHost, options: SimNodeOptions) {
    this.#host = host;
    this.options = options;
    this.id = options.id;
  }

  get localNow(): number {
    const { clockRate = 1, clockOffset } = this.options;
    return Math.floor(this.#host.now() * clockRate) + clockOffset;
  }

  start(): void {
    this.incarnation += 1;
    const { hardState, entries, base, uncertain, state } = this.disk.recover();
    this.replica = new Replica();
    this.replica.load(state.data, state.meta?.index ?? 0);
    this.keeper = new SessionKeeper(this);
    this.applied = state.meta ?? { term: 0 as Term, index: logIndex(0) };
    this.#readsWaiting = [];
    this.#diskDoneAt = 0;
    const { id, timing, random } = this.options;
    const membership = state.meta?.membership ?? this.options.membership;
    const now = tick(this.localNow);
    this.raft = new Raft({ id, membership, timing, random, now, hardState, entries, base, appliedIndex: this.applied.index, uncertain });
    for (const observer of this.#host.observers) observer.started?.(this, base, entries);
    this.pump();
  }

  crash(synced: number, torn: boolean): void {
    this.raft = undefined;
    this.paused = false;
    this.diskHeld = false;
    this.#deferred = [];
    this.disk.crash(synced, torn);
    for (const observer of this.#host.observers) observer.crashed?.(this);
  }

  /** Ends a pause. The clock is read first, or only after what piled up. */
  resume(clockFirst: boolean): void {
    this.paused = false;
    if (clockFirst) this.tick();
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const run of deferred) run();
  }

  /** Runs now, or after the pause; never in a later life of this node. */
  guard(run: () => void): void {
    if (this.raft === undefined) return;
    if (this.paused) this.#deferred.push(run);
    else run();
  }

  /** The core is told the time, as before everything that a box asks it. */
  tellTime(): void {
    this.toldAt = this.localNow;
    this.raft?.tick(tick(this.toldAt));
  }

  nextRequest(): number {
    return this.#host.nextRequest();
  }

  tick(): void {
    if (this.paused || this.raft === undefined) return;
    this.tellTime();
    this.pump();
    this.keeper.check();
  }

  step(input: Message | LocalEvent): void {
    this.guard(() => {
      if ('from' in input) for (const observer of this.#host.observers) observer.received?.(this, input);
      this.raft?.step(input);
      this.pump();
    });
  }

  do(action: (raft: Raft) => void): void {
    this.guard(() => {
      if (this.raft !== undefined) action(this.raft);
      this.pump();
    });
  }

  /** Works off Readies until there are none. */
  pump(): void {
    // Whoever asks for something while a Ready is worked off is heard after it.
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      this.#pumpAll();
    } finally {
      this.#isPumping = false;
    }
  }

  #pumpAll(): void {
    while (this.raft?.hasReady()) this.#work(this.raft, this.raft.takeReady());
    const view = this.raft?.view();
    if (view?.uncertain === false) this.disk.uncertain = undefined;
    for (const observer of this.#host.observers) observer.settled?.(this, view);
  }

  #work(raft: Raft, ready: Ready): void {
    const { observers } = this.#host;
    if (ready.save !== undefined) for (const observer of observers) observer.saving?.(this, ready.save);
    for (const event of ready.events) for (const observer of observers) observer.event?.(this, event);
    for (const message of ready.messages) this.#host.send(message);
    if (ready.save !== undefined) this.#write(ready.save);
    for (const { requestId, index, term } of ready.accepted)
      for (const observer of observers) observer.accepted?.(this, requestId, { index, term });
    for (const { requestId, code, leader } of ready.refused) {
      this.keeper.refused(requestId);
      for (const observer of observers) observer.refused?.(this, requestId, code, leader);
    }
    for (const entry of ready.committed) this.#apply(entry);
    if (ready.committed.length > 0) raft.advance(this.applied.index);
    if (ready.install !== undefined) this.#install(ready.install);
    for (const to of ready.snapshotsWanted) raft.provideSnapshot(to, this.#snapshot());
    this.#readsWaiting.push(...ready.reads);
    for (const { requestId, index } of ready.reads) for (const observer of observers) observer.readProved?.(this, requestId, index);
    for (const { session } of ready.touched) this.touched.add(session);
    this.keeper.touched(ready.touched);
    this.#serveReads();
    for (const { from, requestId, items } of ready.revalidations) {
      const verdicts: VerdictItem[] = items.map((item) => ({
        ...item,
        verdict: this.replica.get(item.workload).value === String(item.epoch) ? 'valid' : 'moved',
      }));
      raft.answerRevalidate(from, requestId, verdicts);
    }
    for (const { requestId, items } of ready.verdicts) for (const observer of observers) observer.verdicts?.(this, requestId, items);
    this.#compact(raft);
  }

  #apply(entry: Entry): void {
    if (entry.index !== this.applied.index + 1) throw new Error(`${this.id} applies ${entry.index} after ${this.applied.index}`);
    this.applied = { term: entry.term, index: entry.index };
    // What a witness has of a command is its place.
    if (this.options.witness === true) return;
    const done = this.replica.apply(entry);
    this.keeper.changed(done.changes);
    if (entry.origin?.node === this.id) this.keeper.applied(entry.origin.requestId);
    for (const observer of this.#host.observers) observer.applied?.(this, entry, done);
  }

  #serveReads(): void {
    const ready = this.#readsWaiting.filter(({ index }) => index <= this.applied.index);
    if (ready.length === 0) return;
    this.#readsWaiting = this.#readsWaiting.filter(({ index }) => index > this.applied.index);
    for (const { requestId } of ready) for (const observer of this.#host.observers) observer.readable?.(this, requestId);
  }

  #write(save: Save): void {
    this.disk.pending.push(save);
    this.#diskDoneAt = Math.max(this.#diskDoneAt, this.#host.now() + this.#host.diskDelay(this));
    this.#later(this.#diskDoneAt - this.#host.now(), () => this.syncOne());
  }

  /** One save is synced, unless the disk is held. */
  syncOne(): void {
    if (this.diskHeld) return;
    const save = this.disk.sync();
    if (save === undefined || this.raft === undefined) return;
    for (const message of save.messagesAfterSave) this.#host.send(message);
    this.raft.step({ type: 'SAVED', token: save.token });
    this.pump();
  }

  /** The disk works again: what piled up is synced. */
  releaseDisk(): void {
    this.diskHeld = false;
    while (this.raft !== undefined && this.disk.pending.length > 0) this.syncOne();
  }

  #install(snapshot: Snapshot): void {
    const { meta, data } = snapshot;
    this.#later(this.#host.diskDelay(this), () => {
      this.disk.install(meta, data);
      this.replica.load(data, meta.index);
      this.keeper.replaced();
      this.applied = { term: meta.term, index: meta.index };
      for (const observer of this.#host.observers) observer.installed?.(this, meta);
      this.raft?.step({ type: 'INSTALLED', index: meta.index });
      this.pump();
    });
  }

  #snapshot(): Snapshot {
    const { index, term } = this.applied;
    const membership = this.#membershipAt(index);
    return { meta: { index, term, membership }, data: this.replica.save(this.options.snapshotBytes) };
  }

  #membershipAt(index: LogIndex): Membership {
    return this.raft?.membershipAt(index) ?? this.options.membership;
  }

  /** Writes the state behind and cuts the log, as the driver does: never beyond what is durable in the log. */
  #compact(raft: Raft): void {
    const { compactEntries } = this.options;
    if (compactEntries === 0 || this.applied.index - this.disk.base.index < compactEntries) return;
    this.compactNow(raft, 5);
  }

  compactNow(raft: Raft, trailing: number): void {
    if (this.disk.last.index < this.applied.index || !this.disk.holds(this.applied)) return;
    const cut = logIndex(this.applied.index - trailing);
    if (cut <= this.disk.base.index) return;
    if (raft.view().durableIndex < cut) return;
    const membership = this.#membershipAt(this.applied.index);
    this.disk.state = { meta: { ...this.applied, membership }, data: this.replica.save() };
    this.disk.compact(cut);
    raft.compact(cut);
  }

  #later(delay: number, run: () => void): void {
    const { incarnation } = this;
    this.#host.after(delay, () => {
      if (incarnation === this.incarnation) this.guard(run);
    });
  }
}
