/** The leader's duty to keep a plan in force that fits what is known: replans when something it depends on changed. */
import type { Clock } from '../../consensus/driver/ports.ts';
import type { ReportedNode } from '../../schemas/generated/types.ts';
import type { Log, PlanningInput, PlanningPort, PlanResult, SiteAccess } from '../ports.ts';
import { describeMoves, heldElsewhere, localAssignments } from './assignments.ts';

export interface PlanningDutyComponents {
  readonly site: SiteAccess;
  readonly planner: PlanningPort;
  readonly clock: Clock;
  readonly log: Log;
  /** This site's boxes and those of its child sites. */
  readonly nodes: () => readonly ReportedNode[];
  /** Boxes without a view: those that are gone, and members not heard of yet. */
  readonly unseen: () => { readonly absent: readonly string[]; readonly unheard: readonly string[] };
  /** False while decisions of a child site are being taken over: a plan made from half of them would undo the rest. */
  readonly settled: () => boolean;
  readonly onPlanned: (result: PlanResult) => void;
}

export interface PlanningDutyOptions {
  readonly hasUpper: boolean;
  readonly hasChildren: boolean;
  readonly uplink: { readonly latencyMs: number; readonly mbps: number };
  /** Milliseconds that news is gathered before a plan is made. @default 30 */
  readonly gatherMs?: number;
  /** After a failure the duty waits, doubling from this many milliseconds. @default 250 */
  readonly retryMs?: number;
}

const retryMaxMs = 10_000;
/** A new leader waits this long to hear of every member before it plans without some of them. */
const patienceMs = 5000;

export class PlanningDuty {
  readonly #parts: PlanningDutyComponents;
  readonly #options: Required<PlanningDutyOptions>;
  #planned: string | undefined;
  #cancel: (() => void) | undefined;
  #running: AbortController | undefined;
  #retryMs: number;
  #unplaced: PlanResult['unplaced'] = [];

  constructor(components: PlanningDutyComponents, options: PlanningDutyOptions) {
    this.#parts = components;
    this.#options = { gatherMs: 30, retryMs: 250, ...options };
    this.#retryMs = this.#options.retryMs;
  }

  /** True while the plan in force does not answer what is known now. */
  pending(): boolean {
    return this.#mayPlan() && this.#signature() !== this.#planned;
  }

  /** Replicas the newest plan made here had no place for. */
  unplaced(): PlanResult['unplaced'] {
    return this.#unplaced;
  }

  /** To be called whenever a fact or the state changed; cheap when nothing relevant did. */
  check(): void {
    if (!this.#mayPlan()) {
      this.#running?.abort();
      // Whatever was waited for belongs to the time before: whoever may plan again plans at once.
      this.#cancel?.();
      this.#cancel = undefined;
      this.#retryMs = this.#options.retryMs;
      this.#planned = undefined;
      return;
    }
    if (this.#running !== undefined || this.#cancel !== undefined || !this.pending()) return;
    this.#cancel = this.#parts.clock.after(this.#options.gatherMs, () => {
      this.#cancel = undefined;
      void this.#plan();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#running?.abort();
  }

  /** What a plan would be made from now, and for whom nothing may be decided. */
  input(): PlanningInput {
    const { site, nodes, unseen } = this.#parts;
    const known = nodes();
    const { absent, unheard } = unseen();
    const specs = site.state.workloads().map(({ spec }) => spec);
    const current = site.state.placements();
    const held = heldElsewhere(
      current,
      (name) => site.state.workload(name)?.spec,
      new Set([...known.map(({ topology }) => topology.node), ...absent]),
      new Set(unheard),
      this.#options.hasChildren,
    );
    return { nodes: known, specs, current, held, uplink: this.#options.uplink, unreachableArtefacts: this.#unreachable() };
  }

  /** Artefacts of known workloads that no usable box holds. */
  #unreachable(): ReadonlySet<string> {
    const reachable = new Set(
      this.#parts
        .nodes()
        .filter(({ usable }) => usable)
        .flatMap(({ staged }) => staged),
    );
    const needed = this.#parts.site.state.workloads().flatMap(({ spec }) => (spec.artefacts ?? []).map(({ sha256 }) => sha256));
    return new Set(needed.filter((sha256) => !reachable.has(sha256)));
  }

  #mayPlan(): boolean {
    const { site, unseen, clock, settled } = this.#parts;
    if (!settled() || !site.leads() || site.state.authority().mode !== 'autonomous') return false;
    return unseen().unheard.length === 0 || clock.nowMs() - (site.leadsSince() ?? 0) > patienceMs;
  }

  /** Not `stop` work of the upper site that it gave no box here: it may run in another tier, or wait for a box there to let go. */
  #mayBegin(name: string): boolean {
    const row = this.#parts.site.state.workload(name);
    return row?.origin !== 'upper' || row.spec.onSplit !== 'stop';
  }

  /** Everything a plan depends on, but not what it produces: health ages and loads are left out, or every sample would replan. */
  #signature(): string {
    const { site, nodes } = this.#parts;
    const boxes = nodes().map(({ topology, usable, risk }) => [{ ...topology, run: 0, seq: 0 }, usable, risk >= 0.5]);
    const workloads = site.state.workloads().map(({ spec, revision }) => [spec.name, revision]);
    return JSON.stringify([
      site.state.authority().epoch,
      [boxes, this.#parts.unseen()],
      workloads,
      [...this.#unreachable()],
      site.state.placements().map(({ workload, replica, node }) => [workload, replica, node]),
    ]);
  }

  async #plan(): Promise<void> {
    if (!this.#mayPlan()) return;
    const { site, planner, log, clock } = this.#parts;
    const input = this.input();
    if (input.specs.length === 0 && input.current.length === 0) {
      this.#planned = this.#signature();
      return;
    }
    // A plan made from placements that were replaced meanwhile would undo what replaced them.
    const expectPlan = site.state.plan()?.revision ?? 0;
    const abort = new AbortController();
    this.#running = abort;
    const begun = clock.nowMs();
    try {
      const before = this.#signature();
      const result = await planner.solve(input, abort.signal);
      const { epoch, basisRevision } = site.state.authority();
      const placements = site.state.placements();
      const assignments = localAssignments(result.assignments, placements, input.held, this.#options.hasUpper, (name) =>
        this.#mayBegin(name),
      );
      const outcome = await site.propose({
        type: 'planCommit',
        by: 'local',
        authorityEpoch: epoch,
        basisRevision,
        expectPlan,
        provisional: this.#options.hasUpper,
        assignments,
        plan: result.plan,
      });
      if (!outcome.ok && outcome.code === 'STALE_PLAN') {
        this.#running = undefined;
        this.check();
        return;
      }
      if (!outcome.ok) throw new Error(`${outcome.code}: ${outcome.message}`);
      this.#unplaced = result.unplaced;
      this.#retryMs = this.#options.retryMs;
      // Placements are part of the signature, and the plan itself has just changed them: only other news counts as news.
      this.#planned = sameButPlacements(before, this.#signature()) ? this.#signature() : undefined;
      log.info('plan.committed', {
        revision: outcome.revision,
        assignments: assignments.length,
        moves: describeMoves(placements, assignments),
        unplaced: result.unplaced.length,
        ms: Math.round(clock.nowMs() - begun),
      });
      this.#parts.onPlanned(result);
      this.#running = undefined;
      this.check();
    } catch (error) {
      this.#running = undefined;
      if (abort.signal.aborted) return;
      log.warn('plan.failed', { message: error instanceof Error ? error.message : String(error), retryMs: this.#retryMs });
      this.#cancel = clock.after(this.#retryMs, () => {
        this.#cancel = undefined;
        this.check();
      });
      this.#retryMs = Math.min(retryMaxMs, this.#retryMs * 2);
    }
  }
}

function sameButPlacements(a: string, b: string): boolean {
  const head = (text: string): string => JSON.stringify((JSON.parse(text) as unknown[]).slice(0, 4));
  return head(a) === head(b);
}
