/** The agent as its HTTP interface sees it: reads from the answers, writes through the log. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isWitness } from '../consensus/core/membership.ts';
import { tickMs } from '../consensus/core/types.ts';
import { ConsensusError } from '../consensus/driver/errors.ts';
import type {
  DecisionsDocument,
  KvTransaction,
  NodesDocument,
  PlacementProblem,
  PlacementsDocument,
  Plan,
  StatusDocument,
  WorkloadFile,
  WorkloadsDocument,
} from '../schemas/generated/types.ts';
import type { Agreement } from './agreement.ts';
import type { Answers } from './answers.ts';
import type { DecisionBook } from './control/decisions.ts';
import type { PlanningDuty } from './control/planning-duty.ts';
import type { EnginePlanner } from './engine-planner.ts';
import type { LogCollector } from './log-collector.ts';
import { MaintenanceService } from './maintenance-service.ts';
import { MembersService } from './members-service.ts';
import type { AgentMetrics } from './metrics.ts';
import { PlannerError } from './placement/planner.ts';
import type { PeerView } from './ports.ts';
import type { Command, Outcome, RefusalCode, Sender } from './state/commands.ts';
import type { SessionClaim } from './state/session-table.ts';
import {
  type AgentApi,
  ApiError,
  type KvPutOptions,
  type KvValue,
  type LogLines,
  type SessionHandle,
  type Staleness,
  type Transacted,
  type Written,
} from './status/agent-api.ts';
import type { EventRing } from './status/event-ring.ts';
import type { MaintenanceApi, MembersApi } from './status/members-api.ts';
import { WatchLog } from './status/watch-log.ts';
import type { ArtefactStore } from './workload/artefact-store.ts';

export interface AgentServiceComponents {
  readonly agreement: Agreement;
  readonly answers: Answers;
  readonly duty: PlanningDuty;
  readonly decisions: DecisionBook;
  readonly planner: EnginePlanner;
  readonly store: ArtefactStore;
  readonly logs: LogCollector;
  readonly metrics: AgentMetrics;
  readonly events: EventRing;
  readonly peers: () => readonly PeerView[];
  readonly isolated: () => boolean;
  /** Milliseconds since boot. */
  readonly nowMs: () => number;
}

const httpStatus: Readonly<Record<RefusalCode, number>> = {
  BAD_COMMAND: 400,
  KEY_INVALID: 400,
  VALUE_TOO_LARGE: 413,
  STATE_FULL: 507,
  REVISION_CONFLICT: 409,
  GUARD_FAILED: 409,
  TXN_INVALID: 400,
  NOT_FOUND: 404,
  NAME_TAKEN: 409,
  STALE_AUTHORITY: 409,
  STALE_INTENT: 409,
  STALE_PLAN: 409,
  SEQUENCE_FORGOTTEN: 409,
  WINDOW_FULL: 429,
  SESSION_EXPIRED: 404,
  SESSION_MOVED: 409,
  TTL_INVALID: 400,
  MEMBER_INVALID: 400,
  MEMBER_LEAVING: 409,
};

const transferDeadlineMs = 2000;

export class AgentService implements AgentApi {
  readonly events: EventRing;
  readonly members: MembersApi;
  readonly maintenance: MaintenanceApi;
  readonly watchLog: WatchLog;
  #loads: number;
  readonly #parts: AgentServiceComponents;
  readonly #waiters = new Set<(applied: number) => void>();

  constructor(components: AgentServiceComponents) {
    this.#parts = components;
    this.events = components.events;
    const { agreement, peers } = components;
    this.members = new MembersService({ agreement, peers, write: (command) => this.#write(command) });
    const known = (): string[] => components.answers.nodes().nodes.map(({ name }) => name);
    this.maintenance = new MaintenanceService({ agreement, known, write: (command) => this.#write(command) });
    this.watchLog = new WatchLog(components.agreement.status().appliedIndex);
    this.#loads = components.agreement.state.loads;
    components.agreement.onApplied((revision, changes) => {
      this.noticeReplaced(revision - 1);
      this.watchLog.add(revision, changes);
      for (const wake of this.#waiters) wake(revision);
    });
  }

  /** A snapshot took the place of the state: watchers must read again. To be called now and then; cheap. */
  noticeReplaced(revision = this.revision()): void {
    const { loads } = this.#parts.agreement.state;
    if (loads === this.#loads) return;
    this.#loads = loads;
    this.watchLog.reset(revision);
  }

  status(): StatusDocument {
    return this.#parts.answers.status();
  }
  nodes(): NodesDocument {
    return this.#parts.answers.nodes();
  }
  workloads(): WorkloadsDocument {
    return this.#parts.answers.workloads();
  }
  placements(): PlacementsDocument {
    return { revision: this.revision(), placements: this.#parts.agreement.state.placements().map((placement) => ({ ...placement })) };
  }
  plan(): { readonly by: 'upper' | 'local'; readonly revision: number; readonly plan: unknown } | undefined {
    return this.#parts.agreement.state.plan();
  }

  decisions(): DecisionsDocument {
    const { forgotten, decisions } = this.#parts.decisions.list();
    return { revision: this.revision(), forgotten, decisions: [...decisions] };
  }

  async explain(workload: string): Promise<object> {
    const { agreement, duty, planner } = this.#parts;
    if (agreement.state.workload(workload) === undefined)
      throw new ApiError(404, 'WORKLOAD_NOT_FOUND', `There is no workload ${workload}: see \`holdfast workload list\``);
    const plan = agreement.state.plan()?.plan as Plan | null | undefined;
    if (plan === undefined || plan === null) throw new ApiError(404, 'NO_PLAN', 'There is no plan yet: it is being made');
    const planned = () => planner.explain(duty.input(), plan, workload);
    return this.#engine(planned);
  }

  problem(): Promise<PlacementProblem> {
    const { duty, planner } = this.#parts;
    return this.#engine(() => planner.problem(duty.input()));
  }

  async dryRun(file: WorkloadFile): Promise<object> {
    const { duty, planner } = this.#parts;
    const input = duty.input();
    const names = new Set(file.workloads.map(({ name }) => name));
    const specs = [...input.specs.filter(({ name }) => !names.has(name)), ...file.workloads];
    const result = await this.#engine(() => planner.solve({ ...input, specs }, AbortSignal.timeout(60_000)));
    return result.plan;
  }

  async kvGet(key: string, stale: boolean): Promise<KvValue | undefined> {
    if (!stale) await this.#barrier();
    const row = this.#parts.agreement.state.kv(key);
    return row === undefined ? undefined : { key, ...row };
  }

  staleness(): Staleness {
    const at = this.#parts.agreement.countedInAt();
    return { revision: this.revision(), ageMs: at === undefined ? null : Math.max(0, Math.round(this.#parts.nowMs() - at)) };
  }

  async kvList(prefix: string, stale: boolean): Promise<{ readonly revision: number; readonly items: readonly KvValue[] }> {
    if (!stale) await this.#barrier();
    return { revision: this.revision(), items: this.#parts.agreement.state.kvList(prefix).map(([key, row]) => ({ key, ...row })) };
  }

  async kvPut(key: string, value: string, options: KvPutOptions, sender: Sender): Promise<Written & { readonly key?: string }> {
    const outcome = await this.#propose({ type: 'kvPut', key, value, ...options }, sender);
    return { revision: outcome.revision, ...(outcome.key === undefined ? {} : { key: outcome.key }) };
  }

  kvDelete(key: string, options: { readonly expectRevision?: number }, sender: Sender): Promise<Written> {
    return this.#write({ type: 'kvDelete', key, ...options }, sender);
  }

  async kvTransact({ guards = [], operations }: KvTransaction, sender: Sender): Promise<Transacted> {
    const { revision, results = [] } = await this.#propose({ type: 'kvTxn', guards, operations }, sender);
    return { revision, results };
  }

  async sessionOpen(ttlMs: number): Promise<SessionHandle> {
    const { revision } = await this.#propose({ type: 'sessionOpen', ttlMs, owner: this.#parts.agreement.self });
    return { session: revision, ownerEpoch: revision, ttlMs, revision };
  }

  sessionTouch({ session, ownerEpoch }: SessionClaim): void {
    const { agreement } = this.#parts;
    const row = agreement.state.session(session);
    const { membership, ready } = agreement.status();
    if (isWitness(membership, agreement.self)) throw new ApiError(503, 'WITNESS', 'A witness keeps no data: ask another member');
    if (row === undefined && !ready)
      throw new ApiError(503, 'NOT_LEADER', 'This box does not know everything yet: try again, or another box');
    if (row === undefined)
      throw new ApiError(404, 'SESSION_EXPIRED', `There is no session ${session}: it expired or was closed; open another`);
    if (row.owner !== agreement.self || row.ownerEpoch !== ownerEpoch)
      throw new ApiError(409, 'SESSION_MOVED', `Session ${session} belongs to ${row.owner} now: touch it there, or revalidate it here`);
    if (!agreement.node.touch({ session, ttlTicks: Math.ceil(row.ttlMs / tickMs) }))
      throw new ApiError(503, 'NOT_LEADER', 'No leader is known here: the session may expire; try again, or another box');
  }

  async sessionMove(session: number): Promise<SessionHandle> {
    const { agreement } = this.#parts;
    const { revision } = await this.#propose({ type: 'sessionMove', session, owner: agreement.self });
    const row = agreement.state.session(session);
    if (row?.owner !== agreement.self)
      throw new ApiError(409, 'SESSION_MOVED', `Session ${session} ended or was taken elsewhere at the same moment: revalidate it again`);
    return { session, ownerEpoch: row.ownerEpoch, ttlMs: row.ttlMs, revision };
  }

  sessionClose(session: number): Promise<Written> {
    return this.#write({ type: 'sessionClose', session });
  }

  async transferLeadership(to: string | undefined): Promise<{ readonly from: string; readonly to: string }> {
    const { agreement } = this.#parts;
    const { role, leader } = agreement.status();
    if (role !== 'leader')
      throw new ApiError(409, 'NOT_LEADER', `${leader ?? 'Nobody'} leads the site: ask ${leader ?? 'again in a moment'}`);
    if (to !== undefined && !agreement.members.includes(to))
      throw new ApiError(404, 'NOT_FOUND', `${to} is no member of the site: ${agreement.members.join(', ')} are`);
    if (to === agreement.self || !agreement.node.transferLeadership(to))
      throw new ApiError(
        409,
        'TRANSFER_REFUSED',
        `Leadership cannot be handed to ${to ?? 'anybody'} now: is that box reached, and is it another one?`,
      );
    const end = performance.now() + transferDeadlineMs;
    for (;;) {
      const next = agreement.leader;
      if (next !== undefined && next !== agreement.self) return { from: agreement.self, to: next };
      if (performance.now() > end)
        throw new ApiError(504, 'TRANSFER_FAILED', `Nobody took over within ${transferDeadlineMs / 1000} s: ${agreement.self} leads on`);
      await sleep(2);
    }
  }

  sessions(): object {
    return { revision: this.revision(), sessions: this.#parts.agreement.state.sessions() };
  }

  async applyWorkloads(
    file: WorkloadFile,
  ): Promise<Written & { readonly changed: readonly string[]; readonly unchanged: readonly string[] }> {
    // Where a file was found is the business of the machine it was applied from.
    const specs = file.workloads.map((spec) => ({
      ...spec,
      ...(spec.artefacts === undefined ? {} : { artefacts: spec.artefacts.map(({ source: _, ...artefact }) => artefact) }),
    }));
    const outcome = await this.#propose({ type: 'workloadsApply', origin: 'site', specs, replace: false });
    return { revision: outcome.revision, changed: outcome.detail?.changed ?? [], unchanged: outcome.detail?.unchanged ?? [] };
  }

  deleteWorkload(name: string): Promise<Written> {
    return this.#write({ type: 'workloadDelete', name });
  }

  hasArtefact(sha256: string): boolean {
    return this.#parts.store.has(sha256);
  }

  async putArtefact(sha256: string, bytes: number, source: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      await this.#parts.store.putStream(sha256, bytes, source);
    } catch (error) {
      const { code, message } = error as { readonly code?: string; readonly message?: string };
      throw new ApiError(422, /^[A-Z][A-Z0-9_]+$/.test(code ?? '') ? (code as string) : 'ARTEFACT_REFUSED', message ?? String(error));
    }
  }

  logs(workload: string, options: { readonly replica?: number; readonly lines: number }): Promise<readonly LogLines[]> {
    if (this.#parts.agreement.state.workload(workload) === undefined)
      return Promise.reject(new ApiError(404, 'WORKLOAD_NOT_FOUND', `There is no workload ${workload}`));
    return this.#parts.logs.collect(workload, options);
  }

  revision(): number {
    return this.#parts.agreement.status().appliedIndex;
  }

  async waitForRevision(revision: number, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    if (this.revision() >= revision) return true;
    const timeout = new AbortController();
    let wake: (applied: number) => void = () => undefined;
    const reached = new Promise<boolean>((resolve) => {
      wake = (applied) => {
        if (applied >= revision) resolve(true);
      };
    });
    this.#waiters.add(wake);
    const late = sleep(timeoutMs, false, { signal: AbortSignal.any([signal, timeout.signal]) }).catch(() => false);
    const inTime = await Promise.race([reached, late]);
    timeout.abort();
    this.#waiters.delete(wake);
    return inTime;
  }

  ready(): { readonly ready: boolean; readonly reasons: readonly string[] } {
    const view = this.#parts.agreement.status();
    const reasons = [
      ...(this.#parts.isolated() ? ['this box reaches no quorum'] : []),
      ...(view.leader === undefined ? ['no leader is known'] : view.ready ? [] : ['not caught up with the leader yet']),
      ...(view.storageFailure === undefined ? [] : [`the disk refuses writes: ${view.storageFailure.code}`]),
    ];
    return { ready: reasons.length === 0, reasons };
  }

  metrics(): Promise<string> {
    return this.#parts.metrics.text();
  }

  async #barrier(): Promise<void> {
    try {
      await this.#parts.agreement.barrier();
    } catch (error) {
      throw unavailable(error);
    }
  }

  async #write(command: Command, sender?: Sender): Promise<Written> {
    return { revision: (await this.#propose(command, sender)).revision };
  }

  async #propose(command: Command, sender?: Sender): Promise<Extract<Outcome, { ok: true }>> {
    let outcome: Outcome;
    try {
      outcome = await this.#parts.agreement.propose(command, sender);
    } catch (error) {
      throw unavailable(error);
    }
    if (!outcome.ok) throw new ApiError(httpStatus[outcome.code], outcome.code, outcome.message);
    return outcome;
  }

  async #engine<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof PlannerError)
        throw new ApiError(error.code === 'BAD_PROBLEM' ? 422 : 503, `PLANNER_${error.code}`, error.message);
      throw error;
    }
  }
}

function unavailable(error: unknown): Error {
  if (!(error instanceof ConsensusError)) return error instanceof Error ? error : new Error(String(error));
  const { code, definite, message } = error;
  return new ApiError(code === 'TOO_LARGE' ? 413 : 503, code, message, definite);
}
