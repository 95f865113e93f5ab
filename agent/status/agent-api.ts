/** What the HTTP interface needs of the agent. Answers are documents of the schemas; refusals are ApiErrors. */
import type {
  DecisionsDocument,
  KvTransaction,
  NodesDocument,
  PlacementProblem,
  PlacementsDocument,
  StatusDocument,
  WorkloadFile,
  WorkloadsDocument,
} from '../../schemas/generated/types.ts';
import type { OperationResult, Sender } from '../state/commands.ts';
import type { SessionClaim } from '../state/session-table.ts';
import type { EventRing } from './event-ring.ts';
import type { MaintenanceApi, MembersApi } from './members-api.ts';
import type { WatchLog } from './watch-log.ts';

/** A refusal with a code, the place and the remedy in `message`. */
export class ApiError extends Error {
  readonly code: string;
  /** HTTP status. */
  readonly status: number;
  /** True: the change certainly did not happen. */
  readonly definite: boolean;
  /** What HTTP wants said along with this status. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, definite = true, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.definite = definite;
    this.headers = headers;
  }
}

export interface KvValue {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
  /** Number of the session it lives with. */
  readonly session?: number;
}

/** What a client has to say with each touch, and with each key that is to live as long as its session. */
export interface SessionHandle {
  readonly session: number;
  readonly ownerEpoch: number;
  readonly ttlMs: number;
  readonly revision: number;
}

export interface KvPutOptions {
  readonly expectRevision?: number;
  readonly session?: SessionClaim;
  readonly sequential?: boolean;
}

/** How old an answer is that the others were not asked for. */
export interface Staleness {
  /** Log index applied here. */
  readonly revision: number;
  /** Milliseconds since a leader certainly still counted this box in; null when none did since the agent's start. */
  readonly ageMs: number | null;
}

export interface Written {
  /** Log index at which the change was decided. */
  readonly revision: number;
}

export interface Transacted extends Written {
  /** What became of each operation, in its order. */
  readonly results: readonly OperationResult[];
}

export interface LogLines {
  readonly node: string;
  readonly replica: number | null;
  readonly lines: readonly string[];
}

/** All methods that return promises reject with ApiError. */
export interface AgentApi {
  readonly events: EventRing;
  /** Changes of values, for watchers. */
  readonly watchLog: WatchLog;
  status(): StatusDocument;
  nodes(): NodesDocument;
  workloads(): WorkloadsDocument;
  placements(): PlacementsDocument;
  /** The plan in force with its terms and alternatives; undefined before the first. */
  plan(): { readonly by: 'upper' | 'local'; readonly revision: number; readonly plan: unknown } | undefined;
  /** Why plans were made, and what became of them. */
  decisions(): DecisionsDocument;
  explain(workload: string): Promise<object>;
  /** What would be planned from now: the site as a placement problem, to be looked into with `holdfast plan`. */
  problem(): Promise<PlacementProblem>;
  /** What would be planned if this file were applied; changes nothing. */
  dryRun(file: WorkloadFile): Promise<object>;
  kvGet(key: string, stale: boolean): Promise<KvValue | undefined>;
  staleness(): Staleness;
  /** The items are exactly those at `revision`: a watch from there misses nothing. */
  kvList(prefix: string, stale: boolean): Promise<{ readonly revision: number; readonly items: readonly KvValue[] }>;
  /** Answers with the key where a number was added to it. */
  kvPut(key: string, value: string, options: KvPutOptions, sender: Sender): Promise<Written & { readonly key?: string }>;
  kvDelete(key: string, options: { readonly expectRevision?: number }, sender: Sender): Promise<Written>;
  /** All operations at one revision, or none. */
  kvTransact(transaction: KvTransaction, sender: Sender): Promise<Transacted>;
  /** Opens a session whose client speaks with this box. */
  sessionOpen(ttlMs: number): Promise<SessionHandle>;
  /** Renews it: nothing is written, so it is only refused when it is known here to have ended or moved, or no leader is known. */
  sessionTouch(claim: SessionClaim): void;
  /** REVALIDATE: the client of a session opened elsewhere speaks with this box from now on. */
  sessionMove(session: number): Promise<SessionHandle>;
  sessionClose(session: number): Promise<Written>;
  sessions(): object;
  readonly members: MembersApi;
  readonly maintenance: MaintenanceApi;
  /** Hands the site's leadership to another box, by default to the one furthest along. Resolves once somebody else leads. */
  transferLeadership(to: string | undefined): Promise<{ readonly from: string; readonly to: string }>;
  applyWorkloads(file: WorkloadFile): Promise<Written & { readonly changed: readonly string[]; readonly unchanged: readonly string[] }>;
  deleteWorkload(name: string): Promise<Written>;
  hasArtefact(sha256: string): boolean;
  putArtefact(sha256: string, bytes: number, source: AsyncIterable<Uint8Array>): Promise<void>;
  logs(workload: string, options: { readonly replica?: number; readonly lines: number }): Promise<readonly LogLines[]>;
  /** Log index applied here. */
  revision(): number;
  /** Resolves with true once `revision()` is at least this, with false when the time is over or nobody waits any more. */
  waitForRevision(revision: number, timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  ready(): { readonly ready: boolean; readonly reasons: readonly string[] };
  /** Prometheus text. */
  metrics(): Promise<string>;
}
