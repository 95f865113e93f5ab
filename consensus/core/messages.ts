/** What members say to each other. The wire form is in ../driver/codec.ts; the table with directions in ../README.md. */
import type { Entry, LogIndex, NodeId, SnapshotMeta, Term, Tick } from './types.ts';

interface Addressed {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
}

export type CampaignReason = 'timeout' | 'link-lost' | 'transfer';

/** Asks whether a campaign could be won, without touching anybody's term (Raft thesis, section 9.6). `term` is the one it would campaign in. */
export interface PreVote extends Addressed {
  readonly type: 'PREVOTE';
  /** Counts the sender's polls, from a start drawn anew by each process; echoed, so that an answer to an older poll is not taken for one to this. */
  readonly poll: number;
  readonly lastTerm: Term;
  readonly lastIndex: LogIndex;
  readonly reason: CampaignReason;
}
export interface PreVoteReply extends Addressed {
  readonly type: 'PREVOTE_REPLY';
  readonly poll: number;
  readonly granted: boolean;
  /** Not granted only because the voter's own recovered log has an uncertain tail: becomes a grant once every voter answered. */
  readonly conditional: boolean;
}
export interface Vote extends Addressed {
  readonly type: 'VOTE';
  readonly lastTerm: Term;
  readonly lastIndex: LogIndex;
  readonly reason: CampaignReason;
  /** Every voter answered the poll, none has a longer log, and this candidate leads only with the votes of all: voters with an uncertain tail may grant too. */
  readonly complete: boolean;
}
export interface VoteReply extends Addressed {
  readonly type: 'VOTE_REPLY';
  readonly granted: boolean;
}

/** Leader's heartbeat. Never waits for a disk. */
export interface Ping extends Addressed {
  readonly type: 'PING';
  readonly commitIndex: LogIndex;
  /** Heartbeat round, counted by the leader within its term from 1. Also the read context: a read is safe once a majority answered a round begun after it arrived. */
  readonly seq: number;
  /** Leader's clock when the round was sent; echoed, so that the leader measures round trips. */
  readonly sentAt: Tick;
  /** `ackSeq` of the latest ACK to a PING that the leader received from this peer in this term; 0 for none. */
  readonly ackSeqSeen: number;
  /**
   * `ackSeqSeen` as it was when the newest round that a majority answered began; 0 for none. The peer's lease runs from its own
   * send time of that ACK: it left before the round began, and the majority had no newer leader after the round began.
   */
  readonly ackSeqMajority: number;
  /** Last entry of the leader's log, as it was when this was sent; 0 where an older release does not say. */
  readonly lastIndex: LogIndex;
  /** The leader's election timeout, in ticks: it knows the round trips to all. Each follower keeps within its own bounds. */
  readonly electionTicks: number;
  /** The site rests: the next PING may come only after so many ticks. 0 when it is awake. */
  readonly restTicks: number;
}

/** Replicates entries after `prev`. Pipelined. */
export interface Append extends Addressed {
  readonly type: 'APPEND';
  readonly prevTerm: Term;
  readonly prevIndex: LogIndex;
  readonly entries: readonly Entry[];
  readonly commitIndex: LogIndex;
  /** Only tells how far is committed, to who does not wait for it: may go out later, or not at all when another APPEND to this peer follows. Not on the wire. */
  readonly canWait?: boolean;
}

/** A session somebody used since the last ACK: renewed without a log entry. */
export interface Touch {
  readonly session: number;
  readonly ttlTicks: number;
}

/** Answers PING (at once, with what is already durable) and APPEND (after the save). */
export interface Ack extends Addressed {
  readonly type: 'ACK';
  /** The PING answered; 0 when an APPEND is answered. */
  readonly seq: number;
  readonly sentAt: Tick;
  /** This peer's own count of ACKs, from a random start below 2^30, so that a restarted peer's are not taken for older ones; 0 in an answer to a stale leader. */
  readonly ackSeq: number;
  /** The log up to here equals the leader's AND is durable. */
  readonly durableIndex: LogIndex;
  /** Set when `prev` of an APPEND did not match: the peer's last entry up to there whose term is not above the leader's, for fast back-off (Raft paper, end of section 5.3). */
  readonly reject: { readonly prevIndex: LogIndex; readonly hintTerm: Term; readonly hintIndex: LogIndex } | undefined;
  /** Sessions touched at this member that the leader may not know of yet; only in answers to PING. */
  readonly touches: readonly Touch[];
  /** What the PING said of the rest, when this peer goes along with it; 0 otherwise, and from a release that knows of none. */
  readonly restTicks: number;
}

/** A change or a linearizable read, forwarded by the member that took it in. */
export interface Request extends Addressed {
  readonly type: 'REQUEST';
  readonly requestId: number;
  /** `change`: of membership; `data` holds the role changes. */
  readonly kind: 'command' | 'read' | 'change';
  readonly data: Uint8Array;
}

/** Why a request was not taken. All of them are definite: nothing was appended. */
export type RefusalCode =
  | 'NOT_LEADER'
  | 'BUSY'
  | 'TOO_LARGE'
  | 'STEPPING_DOWN'
  /** A change of membership is not done yet, or this leader has not begun its term. */
  | 'CHANGE_UNDER_WAY'
  /** Who is to become a voter does not have the log yet. */
  | 'NOT_CAUGHT_UP'
  /** The change makes no membership that can work. */
  | 'BAD_CHANGE'
  /** Everything is so already. */
  | 'NO_CHANGE';

export interface Reply extends Addressed {
  readonly type: 'REPLY';
  readonly requestId: number;
  readonly outcome:
    | { readonly kind: 'accepted'; readonly index: LogIndex; readonly entryTerm: Term }
    | { readonly kind: 'read'; readonly index: LogIndex }
    | { readonly kind: 'refused'; readonly code: RefusalCode; readonly leader: NodeId | undefined };
}

/** "Is this placement still mine?" Asked after a restart, a leader change, a healed partition. */
export interface RevalidateItem {
  readonly workload: string;
  readonly replica: number;
  readonly epoch: number;
}
/** `valid`: go on. `moved`: somebody else has it now, stop. `invalid`: nobody should run it, stop. */
export type Verdict = 'valid' | 'moved' | 'invalid';
export interface VerdictItem extends RevalidateItem {
  readonly verdict: Verdict;
}
export interface Revalidate extends Addressed {
  readonly type: 'REVALIDATE';
  readonly requestId: number;
  readonly items: readonly RevalidateItem[];
}
export interface RevalidateReply extends Addressed {
  readonly type: 'REVALIDATE_REPLY';
  readonly requestId: number;
  readonly items: readonly VerdictItem[];
}

/** One chunk of a snapshot; the receiver answers with the offset it wants next, so a cut stream resumes. */
export interface SnapshotChunk extends Addressed {
  readonly type: 'SNAPSHOT';
  readonly meta: SnapshotMeta;
  readonly offset: number;
  readonly totalBytes: number;
  /** CRC-32C of the whole data. */
  readonly checksum: number;
  readonly data: Uint8Array;
}
export interface SnapshotAck extends Addressed {
  readonly type: 'SNAPSHOT_ACK';
  readonly index: LogIndex;
  readonly nextOffset: number;
  /** True once the snapshot is durable at the receiver. */
  readonly installed: boolean;
}

/** The leader asks its successor to campaign at once. */
export interface TimeoutNow extends Addressed {
  readonly type: 'TIMEOUT_NOW';
}

export type Message =
  | PreVote
  | PreVoteReply
  | Vote
  | VoteReply
  | Ping
  | Append
  | Ack
  | Request
  | Reply
  | Revalidate
  | RevalidateReply
  | SnapshotChunk
  | SnapshotAck
  | TimeoutNow;

export type MessageType = Message['type'];

/** What the driver tells its own core. Never on the wire. */
export type LocalEvent =
  /** The save with this token is durable. */
  | { readonly type: 'SAVED'; readonly token: number }
  /** The snapshot handed out by `Ready.install` is durable and applied. */
  | { readonly type: 'INSTALLED'; readonly index: LogIndex }
  /** Disk and round trips call for an election timeout of so many ticks. */
  | { readonly type: 'PACE'; readonly electionTicks: number }
  /** The last connection to this peer ended from the far side, and one redial was refused. */
  | { readonly type: 'LINK_LOST'; readonly peer: NodeId }
  /** A connection to this peer stands again. */
  | { readonly type: 'LINK_UP'; readonly peer: NodeId }
  /** The disk refuses writes: a leader steps down, a follower neither votes nor campaigns until `STORAGE_OK`. */
  | { readonly type: 'STORAGE_FAILED' }
  | { readonly type: 'STORAGE_OK' };
