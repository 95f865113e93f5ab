/** The replicated state of a site. Pure and total: same log, same state, and a bad command gets a code, never a throw. */
import type { RevalidateItem, VerdictItem } from '../../consensus/core/messages.ts';
import type { Entry, NodeId } from '../../consensus/core/types.ts';
import type { Applied, RowChange, StateMachine } from '../../consensus/driver/ports.ts';
import type { Placement, WorkloadSpec } from '../../schemas/generated/types.ts';
import { type KeyRow, onceByKey, onceInSession } from './clients.ts';
import {
  type Command,
  decodeEnvelope,
  type Envelope,
  type Outcome,
  type RefusalCode,
  type SiteMode,
  stateLimits,
  type WorkloadOrigin,
} from './commands.ts';
import { type KvRow, KvTable } from './kv-table.ts';
import { landsOnMaintained, type MaintenanceRow, setMaintenance } from './maintenance-table.ts';
import {
  forgetMember,
  healedMember,
  healMember,
  type IncarnationRow,
  type MemberRow,
  type MemberTables,
  renewMember,
  seeMember,
  setMember,
} from './member-table.ts';
import { commitPlan, type Holder, release, removePlacement, replicaKey } from './placement-table.ts';
import { byCodeUnit, Table } from './rows.ts';
import { endSessions, expireSessions, moveSession, openSession, type SessionRow, sessionRow } from './session-table.ts';

export interface WorkloadRow {
  readonly spec: WorkloadSpec;
  readonly origin: WorkloadOrigin;
  /** Log index of its last change. */
  readonly revision: number;
}
export interface AuthorityRow {
  readonly mode: SiteMode;
  /** Grows with every change of mode. Intent and local plans made under another one are refused. */
  readonly epoch: number;
  /** Revision of the newest intent of the upper site taken in. */
  readonly basisRevision: number;
  /** The log of the upper site that revision counts in; absent before it was first heard of. */
  readonly basisLog?: string;
}
export interface PlanRow {
  readonly by: 'upper' | 'local';
  readonly revision: number;
  readonly basisRevision: number;
  readonly plan: unknown;
  /** Why it was made; absent when it was taken over from elsewhere. */
  readonly decision?: unknown;
}

const onlyRow = 'now';

export class SiteState implements StateMachine {
  readonly #changes: RowChange[] = [];
  readonly #kv = new KvTable(this.#changes);
  readonly #workloads = new Table<WorkloadRow>('workload/', this.#changes);
  readonly #placements = new Table<Placement>('placement/', this.#changes);
  readonly #holders = new Table<Holder>('holder/', this.#changes);
  readonly #idempotencyKeys = new Table<KeyRow>('once/', this.#changes);
  readonly #authority = new Table<AuthorityRow>('authority/', this.#changes);
  readonly #plan = new Table<PlanRow>('plan/', this.#changes);
  readonly #members = new Table<MemberRow>('member/', this.#changes);
  readonly #incarnations = new Table<IncarnationRow>('incarnation/', this.#changes);
  readonly #maintenance = new Table<MaintenanceRow>('maintenance/', this.#changes);
  readonly #log = new Table<{ readonly name: string }>('log/', this.#changes);
  readonly #tables: readonly Table<unknown>[] = [
    this.#kv.rows,
    this.#kv.sessions.sessions,
    this.#kv.sessions.requests,
    this.#workloads,
    this.#placements,
    this.#holders,
    this.#idempotencyKeys,
    this.#authority,
    this.#plan,
    this.#members,
    this.#maintenance,
    this.#incarnations,
    this.#log,
  ];
  readonly #initial: AuthorityRow;
  #loads = 0;

  /** @param hasUpper without an upper site a site is `autonomous` for good. */
  constructor(hasUpper: boolean) {
    this.#initial = { mode: hasUpper ? 'connected' : 'autonomous', epoch: 0, basisRevision: 0 };
  }

  // --- reads -------------------------------------------------------------------------------------------------------

  kv(key: string): KvRow | undefined {
    return this.#kv.get(key);
  }
  /** Sorted by key. */
  kvList(prefix: string): readonly (readonly [string, KvRow])[] {
    return this.#kv.list(prefix);
  }
  session(session: number): SessionRow | undefined {
    return sessionRow(this.#kv.sessions, session);
  }
  /** Sorted by number: oldest first. */
  sessions(): readonly (SessionRow & { readonly session: number; readonly keys: number })[] {
    return [...this.#kv.sessions.sessions.entries()]
      .map(([key, row]) => ({ ...row, session: Number(key), keys: this.#kv.keysOf(Number(key)) }))
      .sort((a, b) => a.session - b.session);
  }
  workload(name: string): WorkloadRow | undefined {
    return this.#workloads.get(name);
  }
  workloads(): readonly WorkloadRow[] {
    return [...this.#workloads.values()].sort((a, b) => byCodeUnit(a.spec.name, b.spec.name));
  }
  placement(workload: string, replica: number): Placement | undefined {
    return this.#placements.get(replicaKey(workload, replica));
  }
  placements(): readonly Placement[] {
    return [...this.#placements.values()].sort((a, b) => byCodeUnit(a.workload, b.workload) || a.replica - b.replica);
  }
  /** Former holders of `onSplit: stop` replicas that have not let go yet. */
  holders(): readonly (Holder & { readonly workload: string; readonly replica: number })[] {
    return [...this.#holders.entries()].map(([key, holder]) => {
      const cut = key.lastIndexOf('/');
      return { ...holder, workload: key.slice(0, cut), replica: Number(key.slice(cut + 1)) };
    });
  }
  /** Boxes that are to join or leave, or did, by name. */
  /** Boxes that are given nothing new. */
  maintenance(): ReadonlyMap<NodeId, MaintenanceRow> {
    return new Map(this.#maintenance.entries());
  }
  members(): ReadonlyMap<NodeId, MemberRow> {
    return new Map(this.#members.entries());
  }
  /** The one incarnation of each member that is listened to, and its newest start. */
  starts(): ReadonlyMap<NodeId, IncarnationRow> {
    return new Map(this.#incarnations.entries());
  }
  authority(): AuthorityRow {
    return this.#authority.get(onlyRow) ?? this.#initial;
  }
  plan(): PlanRow | undefined {
    return this.#plan.get(onlyRow);
  }
  /** What child sites know this log by; undefined until it was named. */
  logName(): string | undefined {
    return this.#log.get(onlyRow)?.name;
  }

  // --- the state machine ---------------------------------------------------------------------------------------------

  apply(entry: Entry): Applied {
    if (entry.kind !== 'command') return { result: undefined, changes: [] };
    const revision = entry.index as number;
    const envelope = decodeEnvelope(entry.data);
    const outcome =
      envelope === undefined
        ? refuse(revision, 'BAD_COMMAND', 'The log entry holds no command this version knows')
        : this.#once(envelope, revision);
    return { result: outcome, changes: this.#changes.splice(0) };
  }

  *rows(): Iterable<readonly [string, Uint8Array]> {
    for (const table of this.#tables) yield* table.rows();
  }

  /** How often the whole was replaced: what changed then, `apply` did not say. */
  get loads(): number {
    return this.#loads;
  }

  load(rows: Iterable<readonly [string, Uint8Array]>): void {
    this.#loads += 1;
    for (const table of this.#tables) table.clear();
    for (const [key, value] of rows) this.#tables.find(({ prefix }) => key.startsWith(prefix))?.load(key, value);
    this.#changes.length = 0;
    this.#kv.loaded();
  }

  revalidate(from: NodeId, items: readonly RevalidateItem[]): readonly VerdictItem[] {
    return items.map((item) => {
      const placement = this.placement(item.workload, item.replica);
      if (placement === undefined) return { ...item, verdict: 'invalid' };
      return { ...item, verdict: placement.node === from && placement.epoch === item.epoch ? 'valid' : 'moved' };
    });
  }

  #once({ request, idempotencyKey, command }: Envelope, revision: number): Outcome {
    const decide = (): Outcome => this.#applyCommand(command, revision);
    if (request !== undefined) return onceInSession(this.#kv.sessions, request, revision, decide);
    return idempotencyKey === undefined ? decide() : onceByKey(this.#idempotencyKeys, idempotencyKey, revision, decide);
  }

  #applyCommand(command: Command, revision: number): Outcome {
    switch (command.type) {
      case 'kvPut':
        return this.#kv.put(command, revision);
      case 'kvDelete':
        return this.#kv.delete(command, revision);
      case 'kvTxn':
        return this.#kv.transact(command.guards, command.operations, revision);
      case 'sessionOpen':
        return openSession(this.#kv.sessions, command.ttlMs, command.owner, revision);
      case 'sessionMove':
        return moveSession(this.#kv.sessions, command.session, command.owner, revision);
      case 'sessionClose':
        return endSessions(this.#kv.sessions, [command.session], revision);
      case 'sessionsExpire':
        return expireSessions(this.#kv.sessions, command.sessions, command.heard, revision);
      case 'workloadsApply':
        return this.#workloadsApply(command, revision);
      case 'workloadDelete':
        return this.#workloadDelete(command.name, revision);
      case 'planCommit':
        return this.#planCommit(command, revision);
      case 'release':
        if (release(this.#placementTables(), command.workload, command.replica, command.epoch)) return { ok: true, revision };
        return refuse(revision, 'NOT_FOUND', `Nobody waits for ${command.workload}/${command.replica} of epoch ${command.epoch}`);
      case 'authority':
        return this.#setAuthority(command, revision);
      case 'memberSet':
        return setMember(this.#memberTables(), command, revision);
      case 'memberSeen':
        return seeMember(this.#memberTables(), command, revision);
      case 'memberHeal':
        return healMember(this.#memberTables(), command, revision);
      case 'memberRenewed':
        return renewMember(this.#memberTables(), command.name, command.incarnation, revision);
      case 'memberHealed':
        return healedMember(this.#memberTables(), command.name, command.incarnation, revision);
      case 'memberGone':
        return forgetMember(this.#memberTables(), command.name, revision);
      case 'maintenanceSet':
        return setMaintenance(this.#maintenance, command, revision);
      case 'nameLog':
        // The first name stays, whoever else gave one.
        if (this.#log.get(onlyRow) === undefined) this.#log.set(onlyRow, { name: command.name });
        return { ok: true, revision };
      default:
        return refuse(revision, 'BAD_COMMAND', 'The log entry holds a command this version does not know');
    }
  }

  #workloadsApply(command: Extract<Command, { type: 'workloadsApply' }>, revision: number): Outcome {
    const { origin, specs, replace } = command;
    const names = new Set(specs.map(({ name }) => name));
    for (const { name } of specs) {
      const present = this.#workloads.get(name);
      if (present !== undefined && present.origin !== origin)
        return refuse(
          revision,
          'NAME_TAKEN',
          `Workload ${name} is already given by ${present.origin}: choose another name, or delete it there`,
        );
    }
    const added = [...names].filter((name) => this.#workloads.get(name) === undefined).length;
    if (this.#workloads.size + added > stateLimits.workloadsMax)
      return refuse(revision, 'STATE_FULL', `A site holds at most ${stateLimits.workloadsMax} workloads`);
    const changed: string[] = [];
    const unchanged: string[] = [];
    for (const spec of specs) {
      const present = this.#workloads.get(spec.name);
      if (present !== undefined && JSON.stringify(present.spec) === JSON.stringify(spec)) unchanged.push(spec.name);
      else {
        this.#workloads.set(spec.name, { spec, origin, revision });
        changed.push(spec.name);
        this.#dropReplicasBeyond(spec);
      }
    }
    if (replace) {
      for (const row of [...this.#workloads.values()]) if (row.origin === origin && !names.has(row.spec.name)) this.#forget(row);
    }
    return { ok: true, revision, detail: { changed, unchanged } };
  }

  #workloadDelete(name: string, revision: number): Outcome {
    const row = this.#workloads.get(name);
    if (row === undefined) return refuse(revision, 'NOT_FOUND', `There is no workload ${name}`);
    this.#forget(row);
    return { ok: true, revision };
  }

  #forget(row: WorkloadRow): void {
    for (const placement of [...this.#placements.values()])
      if (placement.workload === row.spec.name) removePlacement(this.#placementTables(), row.spec, placement);
    this.#workloads.delete(row.spec.name);
  }

  #dropReplicasBeyond(spec: WorkloadSpec): void {
    for (const placement of [...this.#placements.values()]) {
      if (placement.workload === spec.name && placement.replica >= (spec.replicas ?? 1))
        removePlacement(this.#placementTables(), spec, placement);
    }
  }

  #planCommit(command: Extract<Command, { type: 'planCommit' }>, revision: number): Outcome {
    const authority = this.authority();
    const mayDecide = command.by === 'local' ? authority.mode === 'autonomous' : authority.mode !== 'autonomous';
    if (command.authorityEpoch !== authority.epoch || !mayDecide) {
      return refuse(
        revision,
        'STALE_AUTHORITY',
        `The plan was made by ${command.by} under authority epoch ${command.authorityEpoch}; the site is ${authority.mode} in epoch ${authority.epoch}`,
      );
    }
    const inForce = this.plan()?.revision ?? 0;
    if (command.expectPlan !== undefined && command.expectPlan !== inForce)
      return refuse(revision, 'STALE_PLAN', `The plan started from plan ${command.expectPlan}; plan ${inForce} is in force`);
    if (command.by === 'upper' && command.basisRevision < authority.basisRevision) {
      return refuse(
        revision,
        'STALE_INTENT',
        `Intent ${command.basisRevision} is older than ${authority.basisRevision}, which is in force`,
      );
    }
    if (command.assignments.length > stateLimits.assignmentsMax)
      return refuse(revision, 'STATE_FULL', `A plan has at most ${stateLimits.assignmentsMax} assignments`);
    // What is taken over from a site that decided alone is a fact already; a plan made here or above is not.
    const landing =
      command.by === 'upper' || command.decision !== undefined
        ? landsOnMaintained(this.#maintenance, command.assignments, (workload, replica) => this.placement(workload, replica))
        : undefined;
    if (landing !== undefined)
      return refuse(
        revision,
        command.by === 'upper' ? 'STALE_INTENT' : 'STALE_PLAN',
        `The plan brings ${landing.workload}/${landing.replica} to ${landing.node}, which is under maintenance`,
      );
    const { provisional, basisRevision } = command;
    commitPlan(this.#placementTables(), (name) => this.#workloads.get(name)?.spec, command.assignments, {
      index: revision,
      provisional,
      basisRevision,
    });
    const { decision } = command;
    this.#plan.set(onlyRow, {
      by: command.by,
      revision,
      basisRevision,
      plan: command.plan,
      ...(decision === undefined ? {} : { decision }),
    });
    if (command.by === 'upper') this.#authority.set(onlyRow, { ...authority, basisRevision });
    return { ok: true, revision };
  }

  #setAuthority(command: Extract<Command, { type: 'authority' }>, revision: number): Outcome {
    const present = this.authority();
    if (command.fromEpoch !== present.epoch)
      return refuse(revision, 'STALE_AUTHORITY', `The site is in authority epoch ${present.epoch}, not ${command.fromEpoch}`);
    const { mode, basisLog } = command;
    const next = { ...present, mode, epoch: present.epoch + 1 };
    if (basisLog !== undefined && basisLog !== present.basisLog) {
      if (present.basisLog !== undefined) this.#inherit(revision);
      this.#authority.set(onlyRow, { ...next, basisLog, basisRevision: 0 });
    } else if (mode !== present.mode) this.#authority.set(onlyRow, next);
    return { ok: true, revision };
  }

  /** The upper site that gave these workloads has lost its memory. They go on, as this site's own. */
  #inherit(revision: number): void {
    for (const row of [...this.#workloads.values()])
      if (row.origin === 'upper') this.#workloads.set(row.spec.name, { ...row, origin: 'site', revision });
  }

  #memberTables(): MemberTables {
    return { members: this.#members, incarnations: this.#incarnations };
  }

  #placementTables(): { placements: Table<Placement>; holders: Table<Holder> } {
    return { placements: this.#placements, holders: this.#holders };
  }
}

function refuse(revision: number, code: RefusalCode, message: string): Outcome {
  return { ok: false, revision, code, message };
}
