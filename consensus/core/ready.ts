import type { CampaignReason, Message, RefusalCode, RevalidateItem, Touch, VerdictItem } from './messages.ts';
import type { Entry, HardState, LogIndex, Membership, NodeId, Role, Snapshot, Term } from './types.ts';

/** One durable write. Entries replace everything from `entries[0].index` on. Without hard state and entries it only keeps its messages behind the saves before it. */
export interface Save {
  /** Grows by one with each save; comes back in `SAVED`. */
  readonly token: number;
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  /** To be sent only once this save is durable: VOTE and its reply, ACK of new entries. */
  readonly messagesAfterSave: readonly Message[];
}

/** What the driver owes the core. Taking it hands over everything; nothing is handed out twice. */
export interface Ready {
  /** Send now, before any disk is touched: PING, APPEND, PREVOTE, the ACK to a PING. */
  readonly messages: readonly Message[];
  /** Make durable, send its messages, then report `SAVED`. Saves are made in order; several may become one sync. */
  readonly save: Save | undefined;
  /** Apply in order, then call `advance`. */
  readonly committed: readonly Entry[];
  /** Replace state and log with this snapshot, durably, then report `INSTALLED`. Handed out alone: every earlier save is durable, and until `INSTALLED` there are no committed entries and no entries to save. */
  readonly install: Snapshot | undefined;
  /** Peers that need a snapshot: answer each with `provideSnapshot`. */
  readonly snapshotsWanted: readonly NodeId[];
  /** Reads taken in here that may be served once `index` is applied. */
  readonly reads: readonly { readonly requestId: number; readonly index: LogIndex }[];
  /** Requests taken in here that the leader accepted: the entry id they wait for. */
  readonly accepted: readonly { readonly requestId: number; readonly index: LogIndex; readonly term: Term }[];
  /** Requests (commands, reads, revalidations) taken in here that certainly did not happen. */
  readonly refused: readonly { readonly requestId: number; readonly code: RefusalCode; readonly leader: NodeId | undefined }[];
  /** As leader: give the verdict for each with `answerRevalidate`, after applying up to `index`. */
  readonly revalidations: readonly {
    readonly from: NodeId;
    readonly requestId: number;
    readonly index: LogIndex;
    readonly items: readonly RevalidateItem[];
  }[];
  /** Verdicts for revalidations asked here. */
  readonly verdicts: readonly { readonly requestId: number; readonly items: readonly VerdictItem[] }[];
  /** As leader: sessions that clients touched, here or at a peer. */
  readonly touched: readonly Touch[];
  /** What changed, for the log and the status: the core itself never logs. */
  readonly events: readonly CoreEvent[];
}

export type StepDownReason = 'higher-term' | 'quorum-lost' | 'storage' | 'transfer' | 'lost-election' | 'yielded' | 'removed';

export type CoreEvent =
  | {
      readonly type: 'role';
      readonly from: Role;
      readonly to: Role;
      readonly term: Term;
      readonly reason: StepDownReason | CampaignReason | 'elected' | 'leader-known';
    }
  | { readonly type: 'leader'; readonly leader: NodeId | undefined; readonly term: Term }
  /** The leader's no-op of this term is applied: it may answer reads, touches and revalidations. */
  | { readonly type: 'term-started'; readonly term: Term; readonly index: LogIndex }
  /** Who belongs to the site changed, by an entry not necessarily committed. */
  | { readonly type: 'membership'; readonly index: LogIndex; readonly membership: Membership }
  /** The log has all again that this member may have acknowledged before its last batch was dropped. */
  | { readonly type: 'tail-certain' }
  | { readonly type: 'snapshot-sent'; readonly to: NodeId; readonly index: LogIndex }
  | { readonly type: 'snapshot-received'; readonly from: NodeId; readonly index: LogIndex };
