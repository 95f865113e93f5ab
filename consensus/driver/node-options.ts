/** What a node is made of, and what it tells about itself. */
import type { RaftView } from '../core/raft.ts';
import type { LogIndex, Membership, NodeId, Timing } from '../core/types.ts';
import type { NodeEvent } from './driver-event.ts';
import type { Measured } from './patience.ts';
import type { Clock, RandomSource, Recovered, StateMachine, StateStore, Storage, Transport } from './ports.ts';
import type { SyncTimes } from './sync-times.ts';

export interface ConsensusNodeOptions {
  readonly id: NodeId;
  /** Of a new site; a stored state brings its own. */
  readonly membership: Membership;
  readonly timing: Timing;
  /** Open, as is what was recovered from it. The node closes it when it stops. */
  readonly storage: Storage;
  readonly recovered: Recovered;
  /** Opened and closed by the node. */
  readonly stateStore: StateStore;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly machine: StateMachine;
  /** This box keeps no payloads: it votes and counts for commits in a site of two others. @default false */
  readonly witness?: boolean;
  /** Quiet time after which the durable end of the log is recorded. @default 1000 */
  readonly settleMs?: number;
  /** How long an applied change may wait for the state store. @default 200 */
  readonly flushMs?: number;
  /** How many applied changes may wait for it. @default 1000 */
  readonly flushChanges?: number;
  /** Applied entries after which the log is cut. @default 10 000 */
  readonly compactEntries?: number;
  /** Bytes of applied entries after which the log is cut. @default 8 MiB */
  readonly compactBytes?: number;
  readonly onEvent: (event: NodeEvent) => void;
}

export interface NodeStatus extends RaftView {
  /** Why the disk is not written at the moment. */
  readonly storageFailure: { readonly code: string; readonly message: string } | undefined;
  /** The state store holds everything up to here. */
  readonly storedIndex: LogIndex;
  /** Requests taken in here that wait for an answer. */
  readonly pendingRequests: number;
  /** Writes to the log that were made durable since the start. */
  readonly saves: number;
  /** How long they take. */
  readonly sync: SyncTimes;
  /** What the election timeout is fitted to. */
  readonly measured: Measured;
  /** True once the node has stopped, by itself or by request. */
  readonly stopped: boolean;
}
