/** Requests taken in here: who waits for what, tried again while nothing can have happened, ended at their deadline. */
import type { RefusalCode, RevalidateItem, VerdictItem } from '../core/messages.ts';
import type { Ready } from '../core/ready.ts';
import { type Entry, type LogIndex, limits, type NodeId, type RoleChange, type Term } from '../core/types.ts';
import { type ConsensusCode, ConsensusError } from './errors.ts';

/** Pause before a refused request is tried again. */
const retryMs = 20;
/** How many attempts back one may be repeated: well within what a leader remembers of a member (`core/requests.ts`). */
const repeatableMax = 2048;

export interface RequestOptions {
  readonly signal?: AbortSignal;
  /** @default 10 000 */
  readonly timeoutMs?: number;
  /**
   * For what a leader judged by itself (clocks, touches, who answers): taken only here, while this member leads in this term, and
   * never passed on. `NOT_LEADER` otherwise, at once.
   */
  readonly inTerm?: Term;
}

export type Ask =
  | { readonly kind: 'command'; readonly data: Uint8Array }
  | { readonly kind: 'change'; readonly changes: readonly RoleChange[] }
  | { readonly kind: 'read' }
  | { readonly kind: 'revalidate'; readonly items: readonly RevalidateItem[] };

const changesSomething = ({ kind }: Ask): boolean => kind === 'command' || kind === 'change';

interface Pending {
  readonly ask: Ask;
  readonly deadlineMs: number;
  readonly inTerm: Term | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: ConsensusError) => void;
  readonly release: () => void;
  /** Undefined while it waits for a leader. A new one for each attempt, so that a late answer to an earlier one is nobody's. */
  attempt: number | undefined;
  /** Term of the attempt. */
  term: Term | undefined;
  /** A snapshot was installed since: it may hold the attempt's entry, and nobody here would know. */
  isJumped: boolean;
  retryAtMs: number;
  /** The term it was not taken in: a leader of another one is asked at once. */
  refusedIn: Term | undefined;
  acceptedAt: LogIndex | undefined;
}

const refusalTexts: { readonly [Code in Exclude<RefusalCode, 'NOT_LEADER' | 'STEPPING_DOWN'>]: string } = {
  BUSY: 'The leader has too much under way: try again later',
  TOO_LARGE: 'The change is too large',
  CHANGE_UNDER_WAY: 'Another change of membership is not done yet: try again when it is',
  NOT_CAUGHT_UP: 'Who is to vote must be a learner that has the log first: add it as one, and try again when it has caught up',
  BAD_CHANGE: 'The change makes no membership that can work: 1 to 9 voters, one witness at most, a new voter is a learner first',
  NO_CHANGE: 'Everything is so already',
};

/** The part of the core that takes requests. */
export interface RequestTaker {
  propose(requestId: number, data: Uint8Array): void;
  changeMembership(requestId: number, changes: readonly RoleChange[]): void;
  read(requestId: number): void;
  revalidate(requestId: number, items: readonly RevalidateItem[]): void;
}

function hand(core: RequestTaker, attempt: number, ask: Ask): void {
  if (ask.kind === 'command') core.propose(attempt, ask.data);
  else if (ask.kind === 'change') core.changeMembership(attempt, ask.changes);
  else if (ask.kind === 'read') core.read(attempt);
  else core.revalidate(attempt, ask.items);
}

export class Requests {
  readonly #id: NodeId;
  /** Different in each run of the process, so that answers to an earlier life are nobody's. */
  readonly #nonce: number;
  #counter = 0;
  readonly #waiting = new Set<Pending>();
  readonly #sent = new Map<number, Pending>();
  /** Accepted commands by the index they wait for. */
  readonly #byIndex = new Map<LogIndex, number[]>();
  #reads: { readonly index: LogIndex; readonly pending: Pending }[] = [];
  /** Members whose process ended, as far as their links tell. */
  readonly #lost = new Set<NodeId>();
  /** Whose connection is new: what is under way to them is repeated once. */
  readonly #anew = new Set<NodeId>();
  #stopped: ConsensusError | undefined;

  /** @param nonce from 1 to 2^20 */
  constructor(id: NodeId, nonce: number) {
    this.#id = id;
    this.#nonce = nonce;
  }

  get size(): number {
    return this.#waiting.size + this.#sent.size + this.#reads.length;
  }

  /** @throws {ConsensusError} when it is refused here. */
  submit(ask: Ask, nowMs: number, { signal, timeoutMs = 10_000, inTerm }: RequestOptions): Promise<unknown> {
    const refusal = this.#stopped ?? this.#refusal(ask, signal);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const abort = () => this.#end(pending, this.#error(pending, 'ABORTED', 'The caller gave up'));
      const pending: Pending = {
        ask,
        deadlineMs: nowMs + timeoutMs,
        inTerm,
        resolve,
        reject,
        release: () => signal?.removeEventListener('abort', abort),
        attempt: undefined,
        term: undefined,
        isJumped: false,
        retryAtMs: 0,
        refusedIn: undefined,
        acceptedAt: undefined,
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.add(pending);
    });
  }

  /** The last connection to this member ended from its side and it takes no new one: what was on its way to it is gone. */
  linkLost(peer: NodeId): void {
    this.#lost.add(peer);
  }

  /** A new connection to this member: what was on its way over the last one may never have arrived. */
  linkUp(peer: NodeId): void {
    this.#lost.delete(peer);
    this.#anew.add(peer);
  }

  /** Hands what waits to the core, when a leader is known that can be reached. */
  dispatch(core: RequestTaker, leader: NodeId | undefined, term: Term, nowMs: number): void {
    this.#endBound(leader, term);
    if (leader === undefined || this.#lost.has(leader)) return;
    if (this.#anew.delete(leader)) this.#repeat(core, term);
    if (this.#waiting.size === 0) return;
    for (const pending of [...this.#waiting]) {
      if (pending.retryAtMs > nowMs && pending.refusedIn === term) continue;
      this.#waiting.delete(pending);
      const attempt = this.#nonce * 2 ** 32 + ++this.#counter;
      pending.attempt = attempt;
      pending.term = term;
      pending.isJumped = false;
      this.#sent.set(attempt, pending);
      hand(core, attempt, pending.ask);
    }
  }

  /** Whoever leads now has not seen what the reason was, and may have seen what speaks against it. */
  #endBound(leader: NodeId | undefined, term: Term): void {
    for (const pending of this.#waiting) {
      if (pending.inTerm === undefined || (leader === this.#id && pending.inTerm === term)) continue;
      this.#end(pending, new ConsensusError('NOT_LEADER', `This member does not lead in term ${pending.inTerm} any more`, true, leader));
    }
  }

  /** The same leader answers what it has already taken as it did the first time, as long as it remembers. */
  #repeat(core: RequestTaker, term: Term): void {
    for (const [attempt, pending] of this.#sent) {
      const age = this.#counter - (attempt % 2 ** 32);
      if (pending.term === term && pending.acceptedAt === undefined && age < repeatableMax) hand(core, attempt, pending.ask);
    }
  }

  /** Takes the answers of a Ready. */
  take(ready: Ready, applied: LogIndex, nowMs: number): void {
    for (const { requestId, code, leader } of ready.refused) this.#refused(requestId, code, leader, nowMs);
    for (const { requestId, index } of ready.accepted) this.#accepted(requestId, index, applied, nowMs);
    for (const { requestId, index } of ready.reads) {
      const pending = this.#takeSent(requestId);
      if (pending === undefined) continue;
      if (index <= applied) this.#finish(pending, index);
      else this.#reads.push({ index, pending });
    }
    for (const { requestId, items } of ready.verdicts) {
      const pending = this.#takeSent(requestId);
      if (pending !== undefined) this.#finish(pending, items);
    }
  }

  /** An entry is applied here: its request is answered, and others that waited for its place lost it and are tried again. */
  applied(entry: Entry, result: unknown, nowMs: number): void {
    const own = entry.origin?.node === this.#id ? entry.origin.requestId : undefined;
    const pending = own === undefined ? undefined : this.#takeSent(own);
    if (pending !== undefined) this.#finish(pending, result);
    const here = this.#byIndex.get(entry.index);
    if (here === undefined) return;
    this.#byIndex.delete(entry.index);
    for (const attempt of here) this.#superseded(attempt, nowMs);
  }

  /** Everything up to `index` is applied: reads are served. */
  appliedUpTo(index: LogIndex): void {
    if (this.#reads.length === 0) return;
    const served = this.#reads.filter((read) => read.index <= index);
    this.#reads = this.#reads.filter((read) => read.index > index);
    for (const { index: readIndex, pending } of served) this.#finish(pending, readIndex);
  }

  /**
   * The no-op of a later term is applied. What an earlier leader took and kept was applied before it, and a REQUEST is taken only in
   * the term it was sent in; terms never fall along a log, so an entry of an earlier term has no place at or behind it either. So a
   * command that has not been applied never will be, and is tried again; unless a snapshot was installed meanwhile, which may hold it.
   * Reads are tried again in any case.
   */
  newTerm(term: Term, nowMs: number): void {
    for (const pending of [...this.#sent.values()]) {
      if (pending.term === undefined || pending.term >= term) continue;
      // Accepted behind every snapshot: its place is known, and taken.
      const isKnown = !pending.isJumped || pending.acceptedAt !== undefined;
      if (isKnown || !changesSomething(pending.ask)) this.#again(pending, nowMs);
      else
        this.#end(
          pending,
          this.#error(pending, 'OUTCOME_UNKNOWN', 'The leader changed, and a snapshot jumped over what it may have taken'),
        );
    }
  }

  /** A snapshot jumped to `index`: whether commands accepted before it are in it cannot be told. */
  installed(index: LogIndex): void {
    for (const pending of this.#sent.values()) pending.isJumped = true;
    for (const [at, attempts] of [...this.#byIndex]) {
      if (at > index) continue;
      this.#byIndex.delete(at);
      for (const attempt of attempts) {
        const pending = this.#sent.get(attempt);
        if (pending !== undefined)
          this.#end(pending, this.#error(pending, 'OUTCOME_UNKNOWN', 'A snapshot jumped over its place in the log'));
      }
    }
    this.appliedUpTo(index);
  }

  /** Ends what is past its deadline. */
  expire(nowMs: number): void {
    for (const pending of this.#all()) {
      if (pending.deadlineMs > nowMs) continue;
      const error =
        pending.attempt === undefined
          ? this.#error(pending, 'NOT_LEADER', 'No leader took it until its deadline')
          : this.#error(pending, 'TIMEOUT', 'No answer until its deadline');
      this.#end(pending, error);
    }
  }

  stop(code: ConsensusCode, message: string): void {
    this.#stopped = new ConsensusError(code, message, true);
    for (const pending of this.#all()) this.#end(pending, this.#error(pending, code, message));
  }

  #refusal(ask: Ask, signal: AbortSignal | undefined): ConsensusError | undefined {
    if (signal?.aborted) return new ConsensusError('ABORTED', 'The caller gave up', true);
    if (this.size >= limits.pendingRequestsMax) {
      return new ConsensusError('BUSY', `${this.size} requests are under way here, the most allowed: try again later`, true);
    }
    if (ask.kind === 'command' && ask.data.length > limits.entryBytesMax) {
      return new ConsensusError('TOO_LARGE', `A change of ${ask.data.length} bytes: allowed are ${limits.entryBytesMax}`, true);
    }
    if (ask.kind === 'revalidate' && ask.items.length > limits.revalidateItemsMax) {
      return new ConsensusError('TOO_LARGE', `${ask.items.length} items: allowed are ${limits.revalidateItemsMax}`, true);
    }
    return undefined;
  }

  /** A refusal is definite, so whoever only asked the wrong member may ask again. */
  #refused(attempt: number, code: Ready['refused'][number]['code'], leader: NodeId | undefined, nowMs: number): void {
    const pending = this.#sent.get(attempt);
    if (pending === undefined) return;
    if (code === 'NOT_LEADER' || code === 'STEPPING_DOWN') {
      this.#again(pending, nowMs);
      return;
    }
    this.#end(pending, new ConsensusError(code, refusalTexts[code], true, leader));
  }

  #accepted(attempt: number, index: LogIndex, applied: LogIndex, nowMs: number): void {
    const pending = this.#sent.get(attempt);
    if (pending === undefined) return;
    pending.acceptedAt = index;
    if (index <= applied) {
      // It was not its own entry that was applied there, or it would be answered; only a snapshot hides which one it was.
      if (!pending.isJumped) this.#again(pending, nowMs);
      else this.#end(pending, this.#error(pending, 'OUTCOME_UNKNOWN', 'Its place in the log was passed before the answer came'));
      return;
    }
    const there = this.#byIndex.get(index);
    if (there === undefined) this.#byIndex.set(index, [attempt]);
    else there.push(attempt);
  }

  /** Another entry took its place: nothing happened. */
  #superseded(attempt: number, nowMs: number): void {
    const pending = this.#sent.get(attempt);
    if (pending !== undefined) this.#again(pending, nowMs);
  }

  #again(pending: Pending, nowMs: number): void {
    if (pending.attempt !== undefined) this.#sent.delete(pending.attempt);
    pending.attempt = undefined;
    pending.refusedIn = pending.term;
    pending.term = undefined;
    pending.acceptedAt = undefined;
    pending.retryAtMs = nowMs + retryMs;
    this.#waiting.add(pending);
  }

  #takeSent(attempt: number): Pending | undefined {
    const pending = this.#sent.get(attempt);
    if (pending !== undefined) this.#sent.delete(attempt);
    return pending;
  }

  #finish(pending: Pending, value: unknown): void {
    pending.release();
    pending.resolve(value);
  }

  #end(pending: Pending, error: ConsensusError): void {
    this.#waiting.delete(pending);
    if (pending.attempt !== undefined) this.#sent.delete(pending.attempt);
    this.#reads = this.#reads.filter((read) => read.pending !== pending);
    pending.release();
    pending.reject(error);
  }

  /** Definite while no attempt is out; a read or a revalidation changes nothing, whatever becomes of it. */
  #error(pending: Pending, code: ConsensusCode, message: string): ConsensusError {
    return new ConsensusError(code, message, pending.attempt === undefined || !changesSomething(pending.ask));
  }

  #all(): Pending[] {
    return [...this.#waiting, ...this.#sent.values(), ...this.#reads.map(({ pending }) => pending)];
  }
}

export type Verdicts = readonly VerdictItem[];
