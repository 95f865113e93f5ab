/** What the HTTP interface needs of the agent. Answers are documents of the schemas; refusals are ApiErrors. */
import type { NodesDocument, PlacementsDocument, StatusDocument, WorkloadFile, WorkloadsDocument } from '../../schemas/generated/types.ts';
import type { EventRing } from './event-ring.ts';

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
}

export interface Written {
  /** Log index at which the change was decided. */
  readonly revision: number;
}

export interface LogLines {
  readonly node: string;
  readonly replica: number | null;
  readonly lines: readonly string[];
}

/** All methods that return promises reject with ApiError. */
export interface AgentApi {
  readonly events: EventRing;
  status(): StatusDocument;
  nodes(): NodesDocument;
  workloads(): WorkloadsDocument;
  placements(): PlacementsDocument;
  /** The plan in force with its terms and alternatives; undefined before the first. */
  plan(): { readonly by: 'upper' | 'local'; readonly revision: number; readonly plan: unknown } | undefined;
  explain(workload: string): Promise<object>;
  /** What would be planned if this file were applied; changes nothing. */
  dryRun(file: WorkloadFile): Promise<object>;
  kvGet(key: string, stale: boolean): Promise<KvValue | undefined>;
  kvList(prefix: string, stale: boolean): Promise<readonly KvValue[]>;
  kvPut(key: string, value: string, options: { readonly expectRevision?: number; readonly idempotencyKey?: string }): Promise<Written>;
  kvDelete(key: string, options: { readonly idempotencyKey?: string }): Promise<Written>;
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
