/**
 * The driver: one core, and the world it lives in. The pump is synchronous and exactly one runs at a time; the disk is written
 * beside it, one sync in flight, and comes back into the core as `SAVED`. So a stalled disk never silences a PING.
 */
import type { RevalidateItem, Touch, VerdictItem } from '../core/messages.ts';
import { Raft } from '../core/raft.ts';
import type { Ready, Save } from '../core/ready.ts';
import { type Entry, type LogIndex, type NodeId, type RoleChange, type Snapshot, type Term, tick, tickMs } from '../core/types.ts';
import { DiskQueue } from './disk-queue.ts';
import type { NodeEvent } from './driver-event.ts';
import { ConsensusError } from './errors.ts';
import { assertKeeping } from './keeping.ts';
import { LogCutter } from './log-cutter.ts';
import type { ConsensusNodeOptions, NodeStatus } from './node-options.ts';
import { Patience } from './patience.ts';
import type { Applied } from './ports.ts';
import { type Ask, type RequestOptions, Requests } from './requests.ts';
import { Rhythm } from './rhythm.ts';
import { Sender } from './sender.ts';
import { copySmall } from './slab.ts';
import { decodeSnapshot } from './snapshot-codec.ts';
import { SnapshotMaker } from './snapshot-maker.ts';
import { loadStartState, type StartState } from './start-state.ts';
import { WriteBehind } from './write-behind.ts';

export type { ConsensusNodeOptions, NodeStatus } from './node-options.ts';
export type { RequestOptions } from './requests.ts';

/** Longest sleep while requests wait, so that deadlines are kept to this grain. */
const requestGrainMs = 50;
const nothing: Applied = { result: undefined, changes: [] };
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

export class ConsensusNode {
  readonly #options: ConsensusNodeOptions;
  readonly #core: Raft;
  readonly #disk: DiskQueue;
  readonly #behind: WriteBehind;
  readonly #requests: Requests;
  readonly #cutter: LogCutter;
  readonly #snapshots: SnapshotMaker;
  readonly #listeners = new Set<(entry: Entry, applied: Applied) => void>();
  readonly #touchListeners = new Set<(touches: readonly Touch[]) => void>();
  #applied: LogIndex;
  #appliedTerm: Term;
  /** Committed entries not yet applied, because the state is being read or replaced. */
  #committed: Entry[] = [];
  #revalidations: Ready['revalidations'][number][] = [];
  readonly #sender: Sender;
  readonly #patience = new Patience();
  readonly #rhythm: Rhythm;
  #isInstalling = false;
  #isStarted = false;
  #isStopped = false;

  private constructor(options: ConsensusNodeOptions, start: StartState) {
    const { id, timing, random, clock } = options;
    this.#options = options;
    [this.#applied, this.#appliedTerm] = [start.meta.index, start.meta.term];
    this.#core = new Raft({
      id,
      membership: start.meta.index > 0 ? start.meta.membership : options.membership,
      timing,
      random,
      now: tick(Math.floor(clock.nowMs() / tickMs)),
      hardState: options.recovered.hardState,
      entries: start.entries,
      base: start.base,
      appliedIndex: start.meta.index,
      uncertain: options.recovered.uncertain,
    });
    this.#rhythm = new Rhythm(clock, this.#core, () => this.#guarded(() => this.#pump()));
    this.#sender = new Sender(options.transport, clock);
    assertKeeping(this.#core.membership, id, options.witness);
    this.#requests = new Requests(id, 1 + random.nextInt(2 ** 20));
    this.#disk = new DiskQueue(options.storage, clock, options.settleMs ?? 1000, {
      saved: (saves, late) => this.#guarded(() => this.#saved(saves, late)),
      failed: ({ code, message }) => this.#storageEvent({ type: 'storage-failed', code, message }),
      recovered: () => this.#storageEvent({ type: 'storage-recovered' }),
    });
    this.#behind = new WriteBehind(options.stateStore, clock, start.meta, {
      membership: (index) => this.#core.membershipAt(index),
      durableIndex: () => this.#core.view().durableIndex,
      flushMs: options.flushMs ?? 200,
      flushChanges: options.flushChanges ?? 1000,
      failed: (error) => this.#event({ type: 'state-write-failed', ...error }),
    });
    this.#cutter = new LogCutter({
      entriesMax: options.compactEntries ?? 10_000,
      bytesMax: options.compactBytes ?? 8 * 1024 * 1024,
      storage: options.storage,
      disk: this.#disk,
      behind: this.#behind,
      clock,
      peers: () => this.#core.view().peers,
      cut: (index) =>
        this.#guarded(() => {
          this.#core.compact(index);
          this.#event({ type: 'log-compacted', index });
        }),
      failed: (error) => this.#event({ type: 'state-write-failed', ...error }),
    });
    for (const entry of start.entries) if (entry.index <= this.#applied) this.#cutter.add(entry);
    this.#snapshots = new SnapshotMaker(options.machine, clock, {
      meta: () => ({ index: this.#applied, term: this.#appliedTerm, membership: this.#core.membershipAt(this.#applied) }),
      made: (to, snapshot) => this.#core.provideSnapshot(to, snapshot),
      released: () => this.#guarded(() => this.#pump()),
      event: (event) => this.#event(event),
    });
  }

  /** Loads the state and builds the core; nothing is sent before `start`. @throws {StorageError} STATE_DAMAGED with its remedy. */
  static async open(options: ConsensusNodeOptions): Promise<ConsensusNode> {
    const start = await loadStartState(options.storage, options.recovered, options.stateStore, options.membership);
    options.machine.load(start.rows);
    if (start.rebuilt !== undefined) options.onEvent({ type: 'state-rebuilt', message: start.rebuilt });
    return new ConsensusNode(options, start);
  }

  start(): void {
    if (this.#isStarted || this.#isStopped) return;
    this.#isStarted = true;
    this.#options.transport.onMessage((message) => this.#input(() => this.#core.step(message)));
    this.#options.transport.onLink((peer, state) => {
      if (state === 'up') this.#requests.linkUp(peer);
      if (state === 'lost') this.#requests.linkLost(peer);
      // Our own closes say nothing about the peer.
      if (state !== 'closed') this.#input(() => this.#core.step({ type: state === 'up' ? 'LINK_UP' : 'LINK_LOST', peer }));
    });
    this.#rhythm.start();
  }

  /** Ends all requests, lets writes under way finish, writes the state behind, closes log and state store. */
  async stop(): Promise<void> {
    this.#end('This node stopped');
    await this.#snapshots.idle();
    await this.#disk.stop();
    await this.#behind.stop();
    await this.#options.storage.close();
  }

  /**
   * Puts a command into the log. Resolves with what the state machine answered once it is applied here; waits while no leader
   * is known, or refuses at once where `inTerm` is over. Rejects with `ConsensusError`; `definite` says whether the change certainly did
   * not happen.
   */
  propose(data: Uint8Array, options: RequestOptions = {}): Promise<unknown> {
    return this.#ask({ kind: 'command', data: copySmall(data) }, options);
  }

  /**
   * Changes who belongs to the site: one change at a time, new voters are learners first. Resolves when its first step is committed;
   * it is done when `status().membership` has no `votersBefore`. Rejects with `ConsensusError`; `NO_CHANGE` when it is so already.
   */
  async changeMembership(changes: readonly RoleChange[], options: RequestOptions = {}): Promise<void> {
    await this.#ask({ kind: 'change', changes }, options);
  }

  /** Resolves, with the index, once the state here holds everything that was acknowledged anywhere before this call. */
  read(options: RequestOptions = {}): Promise<LogIndex> {
    return this.#ask({ kind: 'read' }, options) as Promise<LogIndex>;
  }

  /** Asks the leader which of these placements still stand. */
  revalidate(items: readonly RevalidateItem[], options: RequestOptions = {}): Promise<readonly VerdictItem[]> {
    return this.#ask({ kind: 'revalidate', items }, options) as Promise<readonly VerdictItem[]>;
  }

  /** Hands leadership over, by default to the voter furthest along. False when this node does not lead or nobody can take it. */
  transferLeadership(to?: NodeId): boolean {
    let began = false;
    this.#input(() => {
      began = this.#core.transferLeadership(to);
    });
    return began;
  }

  /** What is asked for many times a second, at the cost of a look at the clock; the rest is in `status`. */
  get glance(): Pick<Raft, 'leader' | 'term' | 'membership' | 'leaderSince'> {
    this.#wake();
    return this.#core;
  }

  status(): NodeStatus {
    this.#wake();
    const failure = this.#disk.failure;
    return {
      ...this.#core.view(),
      storageFailure: failure && { code: failure.code, message: failure.message },
      storedIndex: this.#behind.stored.index,
      pendingRequests: this.#requests.size,
      saves: this.#disk.syncs,
      sync: this.#disk.times,
      measured: this.#patience.measured,
      stopped: this.#isStopped,
    };
  }

  /** Calls back for every command applied from now on, in order. Returns a function that ends it. */
  onApplied(listener: (entry: Entry, applied: Applied) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * A client renewed its session here: the leader hears of it with the next answer to a PING; nothing is written anywhere. False when
   * no leader is known: the client cannot count on it.
   */
  touch(touch: Touch): boolean {
    let isTaken = false;
    // Told the time first: after a pause the leader is known no more.
    this.#input(() => {
      isTaken = this.#core.touch(touch);
    });
    return isTaken;
  }

  /** Calls back, while this node leads, with sessions that clients touched at any member. Returns a function that ends it. */
  onTouched(listener: (touches: readonly Touch[]) => void): () => void {
    this.#touchListeners.add(listener);
    return () => this.#touchListeners.delete(listener);
  }

  #ask(ask: Ask, options: RequestOptions): Promise<unknown> {
    if (this.#options.witness && (ask.kind === 'command' || ask.kind === 'read')) {
      return Promise.reject(new ConsensusError('WITNESS', 'A witness keeps no data: ask another member', true));
    }
    const { clock } = this.#options;
    const asked = this.#requests.submit(ask, clock.recentMs?.() ?? clock.nowMs(), options);
    this.#rhythm.schedule();
    return asked;
  }

  /** Something for the core from outside: time first, so that a pause is known before what arrived during it. */
  #input(input: () => void): void {
    if (this.#isStopped) return;
    this.#guarded(() => {
      this.#rhythm.tell();
      input();
    });
    this.#rhythm.schedule();
  }

  /** Before the core is asked anything: after a pause it leads no more, and a timer of the one who asks may be the first to fire. */
  #wake(): void {
    if (!this.#rhythm.isRunning) return;
    this.#guarded(() => {
      this.#rhythm.tell();
      if (this.#core.hasReady()) this.#rhythm.schedule();
    });
  }

  #pump(): void {
    if (this.#isStopped) return;
    const nowMs = this.#rhythm.pump((now) => this.#settle(now));
    this.#rhythm.sleep(nowMs, this.#requests.size > 0 ? nowMs + requestGrainMs : Number.POSITIVE_INFINITY);
  }

  #settle(nowMs: number): void {
    const { leader, term } = this.#core;
    this.#requests.expire(nowMs);
    this.#requests.dispatch(this.#core, leader, term, nowMs);
    while (this.#core.hasReady()) this.#handle(this.#core.takeReady(), nowMs);
    this.#patience.fit(nowMs, this.#disk.times, this.#core);
    this.#apply(nowMs);
    while (this.#core.hasReady()) {
      this.#handle(this.#core.takeReady(), nowMs);
      this.#apply(nowMs);
    }
  }

  /** What the core is owed, in this order: nothing here waits for a disk. */
  #handle(ready: Ready, nowMs: number): void {
    if (ready.messages.length > 0) this.#sender.send(ready.messages);
    if (ready.save !== undefined) this.#disk.save(ready.save);
    for (const event of ready.events) this.#event(event);
    if (ready.events.some(({ type }) => type === 'tail-certain')) this.#disk.run(async () => this.#options.storage.certain?.());
    this.#requests.take(ready, this.#applied, nowMs);
    this.#revalidations.push(...ready.revalidations);
    this.#committed.push(...ready.committed);
    if (ready.touched.length > 0) for (const listener of this.#touchListeners) listener(ready.touched);
    for (const peer of ready.snapshotsWanted) this.#snapshots.want(peer);
    if (ready.install !== undefined) this.#install(ready.install);
  }

  #apply(nowMs: number): void {
    if (this.#isInstalling || this.#snapshots.isReading) return;
    const entries = this.#committed;
    this.#committed = [];
    for (const entry of entries) this.#applyOne(entry, nowMs);
    const last = entries.at(-1);
    if (last !== undefined) {
      this.#core.advance(last.index);
      this.#requests.appliedUpTo(last.index);
      if (!this.#isStopped) this.#cutter.cutIfDue();
    }
    this.#answerRevalidations();
  }

  #applyOne(entry: Entry, nowMs: number): void {
    // What a witness has of a command is its place.
    const isCommand = entry.kind === 'command' && !this.#options.witness;
    const applied = isCommand ? this.#options.machine.apply(entry) : nothing;
    [this.#applied, this.#appliedTerm] = [entry.index, entry.term];
    this.#cutter.add(entry);
    this.#behind.add(entry.index, entry.term, applied.changes);
    this.#requests.applied(entry, applied.result, nowMs);
    if (isCommand) for (const listener of this.#listeners) listener(entry, applied);
    else if (entry.kind === 'noop') this.#requests.newTerm(entry.term, nowMs);
  }

  #answerRevalidations(): void {
    if (this.#revalidations.length === 0) return;
    const answerable = this.#revalidations.filter(({ index }) => index <= this.#applied);
    this.#revalidations = this.#revalidations.filter(({ index }) => index > this.#applied);
    for (const { from, requestId, items } of answerable) {
      this.#core.answerRevalidate(from, requestId, this.#options.machine.revalidate(from, items));
    }
  }

  #saved(saves: readonly Save[], late: boolean): void {
    this.#rhythm.tell();
    for (const save of saves) {
      if (!late && save.messagesAfterSave.length > 0) this.#options.transport.send(save.messagesAfterSave);
      this.#core.step({ type: 'SAVED', token: save.token });
    }
    this.#pump();
  }

  #storageEvent(event: Extract<NodeEvent, { type: 'storage-failed' | 'storage-recovered' }>): void {
    this.#event(event);
    this.#input(() => this.#core.step({ type: event.type === 'storage-failed' ? 'STORAGE_FAILED' : 'STORAGE_OK' }));
  }

  /** State first, then the log: a crash between them leaves a state ahead of its log, which `start` mends. */
  #install(snapshot: Snapshot): void {
    this.#isInstalling = true;
    const { meta, data } = snapshot;
    this.#disk.run(async () => {
      // A witness is given the place of a snapshot, not what is in it.
      const rows = data.length === 0 ? [] : await decodeSnapshot(data, nextTurn).catch((error: Error) => this.#fatal(error));
      if (rows === undefined || this.#isStopped) return;
      await this.#behind.replace(rows, meta);
      await this.#options.storage.reset(meta.index, meta.term);
      this.#guarded(() => {
        this.#options.machine.load(rows);
        [this.#applied, this.#appliedTerm] = [meta.index, meta.term];
        this.#cutter.clear();
        this.#committed = []; // What waited because the state was being read is in the snapshot.
        this.#snapshots.discard();
        this.#isInstalling = false;
        this.#requests.installed(meta.index);
        this.#core.step({ type: 'INSTALLED', index: meta.index });
        this.#pump();
      });
    });
  }

  #event(event: NodeEvent): void {
    if (event.type === 'membership') assertKeeping(event.membership, this.#options.id, this.#options.witness);
    this.#options.onEvent(event);
  }

  /** A broken invariant ends the node: a stopped one is restarted, a wrong one spreads. */
  #guarded(work: () => void): void {
    if (this.#isStopped) return;
    try {
      work();
    } catch (error) {
      this.#fatal(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #fatal(error: Error): undefined {
    if (this.#isStopped) return;
    this.#end('This node stopped because of an internal error');
    this.#event({ type: 'fatal', error });
  }

  #end(message: string): void {
    this.#isStopped = true;
    this.#rhythm.stop();
    this.#sender.stop();
    this.#requests.stop('STOPPED', message);
  }
}
