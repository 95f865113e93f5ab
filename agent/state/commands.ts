/** The closed union of decisions. What is not here cannot change the site's state. */
import type { NodeId } from '../../consensus/core/types.ts';
import type { KvGuard, KvOperation, Placement, WorkloadSpec } from '../../schemas/generated/types.ts';
import type { SessionRequest } from './clients.ts';
import type { MemberRole } from './member-table.ts';
import type { SessionClaim } from './session-table.ts';

/** Who gave a workload to this site: an operator here, the upper site, or (on an upper site) a child site. */
export type WorkloadOrigin = 'site' | 'upper' | `child:${string}`;

export interface Assignment {
  readonly workload: string;
  readonly replica: number;
  readonly node: string;
  readonly class: Placement['class'];
  /** Decided by a site on its own and not yet confirmed. @default that of the command */
  readonly provisional?: boolean;
}

/** `rejoining` lies between the two others; `isolated` is a box's own overlay and never replicated. */
export type SiteMode = 'connected' | 'autonomous' | 'rejoining';

export type Command =
  | {
      readonly type: 'kvPut';
      readonly key: string;
      readonly value: string;
      readonly expectRevision?: number;
      /** The key is deleted when this session ends. A key that has a session keeps it. */
      readonly session?: SessionClaim;
      /** A number that only grows is added to the key. */
      readonly sequential?: boolean;
    }
  | { readonly type: 'kvDelete'; readonly key: string; readonly expectRevision?: number }
  /** All operations at one log index, when all guards hold; else none. */
  | { readonly type: 'kvTxn'; readonly guards: readonly KvGuard[]; readonly operations: readonly KvOperation[] }
  | { readonly type: 'sessionOpen'; readonly ttlMs: number; readonly owner: NodeId }
  /** REVALIDATE of a session: its client speaks with `owner` from now on. */
  | { readonly type: 'sessionMove'; readonly session: number; readonly owner: NodeId }
  | { readonly type: 'sessionClose'; readonly session: number }
  /** The leader heard nothing of these sessions for their time to live; `heard`: at which log index each was last heard of, as it knew then. */
  | { readonly type: 'sessionsExpire'; readonly sessions: readonly number[]; readonly heard?: readonly number[] }
  /** `replace`: workloads of this origin that are not listed are deleted. */
  | { readonly type: 'workloadsApply'; readonly origin: WorkloadOrigin; readonly specs: readonly WorkloadSpec[]; readonly replace: boolean }
  | { readonly type: 'workloadDelete'; readonly name: string }
  /** The whole plan, as data: replicas never compute it again. */
  | {
      readonly type: 'planCommit';
      readonly by: 'upper' | 'local';
      readonly authorityEpoch: number;
      /** Revision of the upper site's intent it rests on. */
      readonly basisRevision: number;
      /** Revision of the plan in force this one started from, 0 for none: refused when another came first. Without it no check. */
      readonly expectPlan?: number;
      readonly provisional: boolean;
      readonly assignments: readonly Assignment[];
      /** The engine's plan with its terms and alternatives, for explanation. Opaque here; an entry of the log bounds it. */
      readonly plan: unknown;
      /** Why it was made, for people. Opaque here. */
      readonly decision?: unknown;
    }
  /** The former holder of an `onSplit: stop` replica let go, or its lease has certainly ended. */
  | {
      readonly type: 'release';
      readonly workload: string;
      readonly replica: number;
      readonly epoch: number;
      readonly reason: 'stopped' | 'lease-ended' | 'operator';
    }
  /** `basisLog`: the upper site's log that revisions count in from now on. When it is another than before, the former upper site is no more, and what it gave is this site's own. */
  | { readonly type: 'authority'; readonly mode: SiteMode; readonly fromEpoch: number; readonly basisLog?: string }
  /** What a box is to be in the site's agreement. Key and address are needed for a box that is new. */
  | {
      readonly type: 'memberSet';
      readonly name: NodeId;
      readonly role: MemberRole;
      readonly peerId?: string;
      readonly address?: string;
      /** The box that leaves as this one gets its vote. */
      readonly replaces?: NodeId;
      /** Only the address is to change, of a box that is known by this incarnation; `role` and `peerId` are for when no row says them yet. */
      readonly movedAs?: number;
    }
  /** A member greeted with this incarnation, or from this start of it, for the first time. */
  | { readonly type: 'memberSeen'; readonly name: NodeId; readonly incarnation: number; readonly run?: number; readonly start?: number }
  /** A member cannot trust its memory, and asks to begin anew under another incarnation. `role`: what it is to be, when no row says so. */
  | { readonly type: 'memberHeal'; readonly name: NodeId; readonly incarnation: number; readonly role: Exclude<MemberRole, 'none'> }
  /** What a member that is to become this incarnation was has left the membership. */
  | { readonly type: 'memberRenewed'; readonly name: NodeId; readonly incarnation: number }
  /** A member is, as this incarnation, again what it is to be. */
  | { readonly type: 'memberHealed'; readonly name: NodeId; readonly incarnation: number }
  /** A member that was to leave is in no membership any more. */
  | { readonly type: 'memberGone'; readonly name: NodeId }
  /** A box is to be given nothing new, and why; `null` lifts that. */
  | { readonly type: 'maintenanceSet'; readonly node: NodeId; readonly reason: string | null }
  /** Names this site's log for child sites, once. */
  | { readonly type: 'nameLog'; readonly name: string };

/** What makes a change that is sent twice happen once; one of the two at most. */
export interface Sender {
  readonly request?: SessionRequest;
  readonly idempotencyKey?: string;
}

/** A command and who sent it. */
export interface Envelope extends Sender {
  readonly command: Command;
}

export type RefusalCode =
  | 'BAD_COMMAND'
  | 'KEY_INVALID'
  | 'VALUE_TOO_LARGE'
  | 'STATE_FULL'
  | 'REVISION_CONFLICT'
  | 'GUARD_FAILED'
  | 'TXN_INVALID'
  | 'NOT_FOUND'
  | 'NAME_TAKEN'
  | 'STALE_AUTHORITY'
  | 'STALE_INTENT'
  | 'STALE_PLAN'
  | 'SESSION_EXPIRED'
  | 'SESSION_MOVED'
  | 'TTL_INVALID'
  | 'MEMBER_INVALID'
  | 'MEMBER_LEAVING'
  | 'SEQUENCE_FORGOTTEN'
  | 'WINDOW_FULL';

/** `key`: where a number was added to it. `deleted`: how many keys a deletion found. */
export interface OperationResult {
  readonly key?: string;
  readonly deleted?: number;
}

/** What a command came to. `revision` is the log index at which it was decided. */
export type Outcome =
  | {
      readonly ok: true;
      readonly revision: number;
      readonly detail?: { readonly changed: readonly string[]; readonly unchanged: readonly string[] };
      /** The key that was written, where a number was added to it. */
      readonly key?: string;
      /** What became of each operation of a transaction, in its order. */
      readonly results?: readonly OperationResult[];
    }
  | { readonly ok: false; readonly revision: number; readonly code: RefusalCode; readonly message: string };

/** Bounds of the replicated state; beyond them a command is refused with a code. */
export const stateLimits = {
  keyBytesMax: 512,
  valueBytesMax: 64 * 1024,
  keysMax: 100_000,
  guardsMax: 64,
  operationsMax: 64,
  /** Keys the deletions by prefix of one transaction may take: applying it must not hold anybody up. */
  prefixDeletesMax: 10_000,
  sessionsMax: 20_000,
  /** Boxes remembered, those that left included. */
  membersMax: 256,
  workloadsMax: 1024,
  maintenanceMax: 256,
  assignmentsMax: 8192,
  /** Idempotency-Keys whose results are remembered; the one decided longest ago is forgotten first. */
  idempotencyKeysMax: 4096,
  /** Results a session may await at one time. */
  resultsPerClientMax: 64,
  idempotencyKeyLengthMax: 128,
} as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export function encodeEnvelope(envelope: Envelope): Uint8Array {
  return encoder.encode(JSON.stringify(envelope));
}

/** Undefined for bytes that are no envelope this version knows; `apply` answers BAD_COMMAND then. */
export function decodeEnvelope(data: Uint8Array): Envelope | undefined {
  try {
    const value = JSON.parse(decoder.decode(data)) as Partial<Envelope> | null;
    if (typeof value !== 'object' || value === null || !isCommand(value.command) || !isSender(value)) return undefined;
    return value as Envelope;
  } catch {
    return undefined;
  }
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isCounts = (value: unknown): boolean => Array.isArray(value) && value.every(isCount);
const isListOf = (test: (item: Record<string, unknown>) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null && test(item as Record<string, unknown>));
const optional = (test: (value: unknown) => boolean) => (value: unknown) => value === undefined || test(value);

const isClaim = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  'session' in value &&
  'ownerEpoch' in value &&
  isCount(value.session) &&
  isCount(value.ownerEpoch);

const isGuard = (guard: Record<string, unknown>): boolean =>
  'session' in guard ? isClaim(guard['session']) : isText(guard['key']) && (isText(guard['value']) || isCount(guard['revision']));

const isOperation = (operation: Record<string, unknown>): boolean => {
  switch (operation['type']) {
    case 'put':
      return Object.entries(shapes.kvPut).every(([name, test]) => test(operation[name]));
    case 'delete':
      return isText(operation['key']);
    case 'deletePrefix':
      return isText(operation['prefix']);
    default:
      return false;
  }
};

/** The fields `apply` relies on. Documents inside (specs) were checked against their schemas where they came in. */
const shapes: Readonly<Record<Command['type'], Readonly<Record<string, (value: unknown) => boolean>>>> = {
  kvPut: {
    key: isText,
    value: isText,
    expectRevision: optional(isCount),
    session: optional(isClaim),
    sequential: optional((value) => typeof value === 'boolean'),
  },
  sessionOpen: { ttlMs: isCount, owner: isText },
  sessionMove: { session: isCount, owner: isText },
  sessionClose: { session: isCount },
  sessionsExpire: { sessions: isCounts, heard: optional(isCounts) },
  kvDelete: { key: isText, expectRevision: optional(isCount) },
  kvTxn: { guards: isListOf(isGuard), operations: isListOf(isOperation) },
  workloadsApply: { origin: isText, replace: (value) => typeof value === 'boolean', specs: isListOf(({ name }) => isText(name)) },
  workloadDelete: { name: isText },
  planCommit: {
    by: (value) => value === 'upper' || value === 'local',
    authorityEpoch: isCount,
    basisRevision: isCount,
    expectPlan: optional(isCount),
    provisional: (value) => typeof value === 'boolean',
    assignments: isListOf((item) => isText(item['workload']) && isCount(item['replica']) && isText(item['node']) && isText(item['class'])),
  },
  release: { workload: isText, replica: isCount, epoch: isCount },
  authority: {
    mode: (value) => value === 'connected' || value === 'autonomous' || value === 'rejoining',
    fromEpoch: isCount,
    basisLog: optional(isText),
  },
  memberSet: {
    name: isText,
    role: (value) => value === 'voter' || value === 'learner' || value === 'witness' || value === 'none',
    peerId: optional(isText),
    address: optional(isText),
    replaces: optional(isText),
    movedAs: optional(isCount),
  },
  memberSeen: { name: isText, incarnation: isCount, run: optional(isCount), start: optional(isCount) },
  memberHeal: {
    name: isText,
    incarnation: isCount,
    role: (value) => value === 'voter' || value === 'learner' || value === 'witness',
  },
  memberRenewed: { name: isText, incarnation: isCount },
  memberHealed: { name: isText, incarnation: isCount },
  memberGone: { name: isText },
  maintenanceSet: { node: isText, reason: (value) => value === null || isText(value) },
  nameLog: { name: isText },
};

function isCommand(value: unknown): value is Command {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Record<string, unknown>;
  const type = fields['type'];
  if (typeof type !== 'string' || !Object.hasOwn(shapes, type)) return false;
  return Object.entries(shapes[type as Command['type']]).every(([name, test]) => test(fields[name]));
}

function isSender({ request, idempotencyKey }: Partial<Envelope>): boolean {
  if (idempotencyKey !== undefined)
    return (
      request === undefined &&
      typeof idempotencyKey === 'string' &&
      idempotencyKey.length > 0 &&
      idempotencyKey.length <= stateLimits.idempotencyKeyLengthMax
    );
  if (request === undefined) return true;
  return isClaim(request) && isCount(request.sequence) && isCount(request.lowestAwaited) && request.lowestAwaited <= request.sequence;
}
