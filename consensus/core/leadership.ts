import { Rounds } from './lease.ts';
import { isWitness, peersOf } from './membership.ts';
import { Progress } from './progress.ts';
import { ReadQueue } from './reads.ts';
import type { RaftState } from './state.ts';
import { type LogIndex, logIndex, type NodeId, type Tick } from './types.ts';

/** What a leader keeps for one term. */
export interface Leadership {
  readonly since: Tick;
  /** The no-op that opened the term. Reads and revalidations are answered once it is applied. */
  readonly noopIndex: LogIndex;
  readonly progress: Map<NodeId, Progress>;
  readonly rounds: Rounds;
  readonly reads: ReadQueue;
  started: boolean;
  nextPingAt: Tick;
  /** When there was something to do last. */
  busyAt: Tick;
  /** When a rest ended last: nobody was to answer before. */
  rousedAt: Tick;
  /** First round of those in a row that tell everybody to rest; undefined while the site is awake. */
  restRound: number | undefined;
  /** A PING round begins with the next Ready. */
  roundDue: boolean;
  /** Something changed that may have to be told to peers with the next Ready. */
  replicationDue: boolean;
  /** Payload of entries not yet committed. */
  uncommittedBytes: number;
  transfer: { readonly to: NodeId; readonly deadline: Tick } | undefined;
}

/** A peer of which nothing is known but that its log may go up to `next`. */
export function progressOf(state: RaftState, peer: NodeId, next: LogIndex): Progress {
  const progress = new Progress(peer, next, state.now);
  progress.linkUp = !state.linksLost.has(peer);
  progress.isWitness = isWitness(state.membership, peer);
  return progress;
}

/** Leadership at its first moment, before the no-op of the term is appended. */
export function createLeadership(state: RaftState): Leadership {
  const next = logIndex(state.log.lastIndex + 1);
  const progress = new Map(peersOf(state.membership, state.id).map((peer) => [peer, progressOf(state, peer, next)]));
  return {
    since: state.now,
    noopIndex: next,
    progress,
    rounds: new Rounds(),
    reads: new ReadQueue(),
    started: false,
    nextPingAt: state.now,
    busyAt: state.now,
    rousedAt: state.now,
    restRound: undefined,
    roundDue: true,
    replicationDue: true,
    uncommittedBytes: 0,
    transfer: undefined,
  };
}
