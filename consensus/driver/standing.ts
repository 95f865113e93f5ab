/** What this member remembers of the others' starts and promises, to tell a memory that went back, and a copy, from the box itself. */
import type { Message } from '../core/messages.ts';
import type { NodeId, Term } from '../core/types.ts';
import type { Hello } from './hello.ts';

/** Somebody heard within this time is there, in milliseconds: a copy takes its connections, and it needs a moment to have them back. */
const aliveMs = 5000;

/** The newest start of a member, as its site has written it down. */
export interface KnownStart {
  readonly incarnation: number;
  /** Count of starts; undefined where it was never told. */
  readonly run?: number;
  /** Drawn at that start. */
  readonly start?: number;
}

export type StandingRefusal = 'INCARNATION_STALE' | 'ROLLED_BACK' | 'CLONED';

export interface StandingVerdict {
  readonly code: StandingRefusal;
  readonly message: string;
}

interface Remembered {
  readonly incarnation: number;
  run: number;
  start: number;
  heardAt: number;
  /** Its connection stands, or was replaced by another one of the same key. */
  isConnected: boolean;
  /** Committed, and acknowledged by it. */
  promised: number;
  /** Newest term in which it gave this member its vote. */
  votedTerm: number;
}

export class Standing {
  readonly #self: NodeId;
  #follows: () => boolean = () => false;
  readonly #remembered = new Map<NodeId, Remembered>();

  constructor(self: NodeId) {
    this.#self = self;
  }

  /** Whether this member follows a leader, who hears everybody all the time: it knows better which of two is there. */
  setFollows(follows: () => boolean): void {
    this.#follows = follows;
  }

  /** It acknowledged everything up to `index` as durable, and that is committed. */
  promised(member: NodeId, index: number): void {
    const known = this.#remembered.get(member);
    if (known !== undefined) known.promised = Math.max(known.promised, index);
  }

  /** It gave this member its vote. */
  voted(member: NodeId, term: Term): void {
    const known = this.#remembered.get(member);
    if (known !== undefined) known.votedTerm = Math.max(known.votedTerm, term);
  }

  heard(member: NodeId, nowMs: number): void {
    const known = this.#remembered.get(member);
    if (known !== undefined) known.heardAt = nowMs;
  }

  /** Its connection ended, by its own doing or the network's. */
  ended(member: NodeId): void {
    const known = this.#remembered.get(member);
    if (known !== undefined) known.isConnected = false;
  }

  /** When the newest start that was let in was last heard; undefined when it is another one than the one asked about, or none was. */
  otherHeardAt(member: NodeId, start: number): number | undefined {
    const known = this.#remembered.get(member);
    return known === undefined || known.start === start ? undefined : known.heardAt;
  }

  /** Who greets was let in. */
  greeted({ nodeId, incarnation, run = 0, start = 0 }: Hello, nowMs: number): void {
    const known = this.#remembered.get(nodeId);
    if (known?.incarnation === incarnation) Object.assign(known, { run, start, heardAt: nowMs, isConnected: true });
    else this.#remembered.set(nodeId, { incarnation, run, start, heardAt: nowMs, isConnected: true, promised: 0, votedTerm: 0 });
  }

  /** Why it must not be listened to; undefined when nothing speaks against it. A release that tells less is judged by its incarnation alone. */
  check(hello: Hello, recorded: KnownStart | undefined, nowMs: number): StandingVerdict | undefined {
    const { nodeId, incarnation, run, start } = hello;
    if (recorded !== undefined && recorded.incarnation !== incarnation)
      return { code: 'INCARNATION_STALE', message: `${nodeId} has lost what it promised here, or is a copy of it` };
    if (run === undefined || start === undefined) return undefined;
    const known = this.#remembered.get(nodeId);
    const isSame = known?.incarnation === incarnation;
    const isThere = this.#follows() ? recorded?.start !== start : nowMs - (known?.heardAt ?? 0) < aliveMs;
    if (isSame && known.start !== start && known.isConnected && isThere)
      return {
        code: 'CLONED',
        message: `Two boxes run as ${nodeId} with one identity, starts ${known.run} and ${run}: the newer one is a copy`,
      };
    if (isOlder(hello, recorded) || (isSame && isOlder(hello, known)) || (isSame && breaksPromise(hello, known, this.#self)))
      return { code: 'ROLLED_BACK', message: `The memory of ${nodeId} is older than what it said here: it was put back from a copy` };
    return undefined;
  }
}

const fromLeaders: ReadonlySet<Message['type']> = new Set(['PING', 'APPEND', 'SNAPSHOT', 'REPLY', 'REVALIDATE_REPLY']);
const toLeaders: ReadonlySet<Message['type']> = new Set(['ACK', 'SNAPSHOT_ACK', 'REQUEST', 'REVALIDATE']);

/**
 * Of a member under another incarnation than is written down here, what a leader says passes, and what it is answered: a majority that
 * knows more made it one, and nobody else can tell us of its coming back. Neither its votes nor what it acknowledges count.
 */
export const passesInDoubt = {
  from: ({ type }: Message): boolean => fromLeaders.has(type),
  to: ({ type }: Message): boolean => toLeaders.has(type),
};

/** A start that was before, or another one under its number: what was written since is not in this memory. */
function isOlder({ run = 0, start }: Hello, known: Omit<KnownStart, 'incarnation'> | undefined): boolean {
  if (known?.run === undefined || known.start === undefined) return false;
  return run < known.run || (run === known.run && start !== known.start);
}

function breaksPromise({ promise }: Hello, known: Remembered, self: NodeId): boolean {
  if (promise === undefined) return false;
  const { votedTerm, promised } = known;
  const forgotVote = votedTerm > 0 && (promise.term < votedTerm || (promise.term === votedTerm && promise.votedFor !== self));
  return promise.index < promised || forgotVote;
}
