/** The leader's duty to keep a plan in force that fits what is known: replans when something it depends on changed. */
import type { Clock } from '../../consensus/driver/ports.ts';
import type { AgentConfig, Decision, ReportedNode, Trigger } from '../../schemas/generated/types.ts';
import type { Log, PlanningInput, PlanningPort, PlanResult, SiteAccess } from '../ports.ts';
import { describeMoves, heldElsewhere, localAssignments } from './assignments.ts';
import { committedPlan } from './committed-plan.ts';
import { recordOf, victimsOf, weigh } from './decisions.ts';
import { RunBook, ratesOf } from './run-book.ts';
import { affected, type Basis, basisOf, drift, placementsKey, type TriggerCriteria, triggersBetween } from './triggers.ts';

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
  /** A new plan was not worth its moves; decisions that were applied travel with their plan. */
  readonly onKept?: (decision: Decision) => void;
  /** Boxes that are to take nothing new. */
  readonly cordoned?: () => ReadonlySet<string>;
  /** Price of energy per kWh. */
  readonly price?: () => number | undefined;
  /** For the records only: no decision looks at it. */
  readonly wallClock?: () => Date;
}

export interface ReplanOptions extends TriggerCriteria {
  /** Milliseconds between a decision and the next one that only drift calls for. */
  readonly restMs: number;
  /** After a partial plan and this many milliseconds without another decision, everything is planned. */
  readonly calmMs: number;
  /** Sites of more replicas than this are planned in part, where that is enough. */
  readonly partialAbove: number;
  readonly moveThresholdSeconds: number;
  /** Replicas one decision may take the place of for more critical work. */
  readonly preemptionsMax: number;
  /** Seconds one unit of money for energy is worth. */
  readonly secondsPerMoney: number;
}

export const defaultReplan: ReplanOptions = {
  ignore: new Set(),
  frequencyBandPercent: 30,
  restMs: 30_000,
  calmMs: 60_000,
  partialAbove: 64,
  moveThresholdSeconds: 1,
  preemptionsMax: 1_000_000,
  secondsPerMoney: 0,
};

/** From the words of the configuration. */
export function replanOptions(
  { ignore, restSeconds, calmSeconds, ...rest }: Required<NonNullable<AgentConfig['replan']>>,
  energy: AgentConfig['energy'],
): ReplanOptions {
  return {
    ...rest,
    secondsPerMoney: energy?.secondsPerMoney ?? 0,
    ignore: new Set(ignore),
    restMs: restSeconds * 1000,
    calmMs: calmSeconds * 1000,
  };
}

export interface PlanningDutyOptions {
  readonly hasUpper: boolean;
  readonly hasChildren: boolean;
  readonly uplink: { readonly latencyMs: number; readonly mbps: number };
  readonly replan?: ReplanOptions;
  readonly weights?: NonNullable<PlanningInput['weights']>;
  /** Milliseconds that news is gathered before a plan is made. @default 30 */
  readonly gatherMs?: number;
  /** The same when boxes came and nothing else: seldom comes one alone, and each plan would move work once more. @default 500 */
  readonly gatherJoiningMs?: number;
  /** After a failure the duty waits, doubling from this many milliseconds. @default 250 */
  readonly retryMs?: number;
}

const retryMaxMs = 10_000;
/** A new leader waits this long to hear of every member before it plans without some of them. */
const patienceMs = 5000;
/**
 * News that gets a plan of its own even if nothing moves: who decides has changed, or what is to run, and sites below hear of either by
 * the plan's revision alone.
 */
const announced: ReadonlySet<Trigger['kind']> = new Set(['first', 'authority', 'workload']);
const joining: ReadonlySet<Trigger['kind']> = new Set(['node-joined', 'node-returned', 'load']);
const calm: Trigger = { kind: 'calm', subject: 'site', detail: 'all is planned again after a partial plan' };

export class PlanningDuty {
  readonly #parts: PlanningDutyComponents;
  readonly #options: Required<PlanningDutyOptions>;
  readonly #runs = new RunBook();
  /** What the newest decision was made from. */
  #basis: Basis | undefined;
  #decidedAt = 0;
  /** The newest plan was made in part. */
  #partly = false;
  #cancel: (() => void) | undefined;
  #running: AbortController | undefined;
  #retryMs: number;
  #unplaced: PlanResult['unplaced'] = [];

  constructor(components: PlanningDutyComponents, options: PlanningDutyOptions) {
    this.#parts = components;
    this.#options = { gatherMs: 30, gatherJoiningMs: 500, retryMs: 250, replan: defaultReplan, weights: {}, ...options };
    this.#retryMs = this.#options.retryMs;
  }

  /** True while the plan in force does not answer what is known now. */
  pending(): boolean {
    return this.#mayPlan() && this.#triggers().length > 0;
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
      this.#basis = undefined;
      this.#partly = false;
      return;
    }
    if (this.#running !== undefined || this.#cancel !== undefined) return;
    const triggers = this.#triggers();
    if (triggers.length === 0) return;
    const { gatherMs, gatherJoiningMs } = this.#options;
    const hurry = triggers.some(({ kind }) => !joining.has(kind));
    this.#cancel = this.#parts.clock.after(hurry ? gatherMs : gatherJoiningMs, () => {
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
    const { site, nodes, unseen, cordoned, price } = this.#parts;
    const energyPrice = price?.();
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
    return {
      nodes: known,
      specs,
      current,
      held,
      uplink: this.#options.uplink,
      unreachableArtefacts: this.#unreachable(known),
      cordoned: cordoned?.() ?? new Set(),
      learned: this.#runs.learned(),
      ...(energyPrice === undefined ? {} : { energy: { price: energyPrice, secondsPerMoney: this.#options.replan.secondsPerMoney } }),
      moveThresholdSeconds: this.#options.replan.moveThresholdSeconds,
      weights: this.#options.weights,
    };
  }

  /** Artefacts of known workloads that no usable box holds. */
  #unreachable(nodes: readonly ReportedNode[]): ReadonlySet<string> {
    const needed = this.#parts.site.state.workloads().flatMap(({ spec }) => (spec.artefacts ?? []).map(({ sha256 }) => sha256));
    const reachable = new Set(nodes.filter(({ usable }) => usable).flatMap(({ staged }) => staged));
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

  #basisNow(): Basis {
    const { site, nodes, unseen, cordoned, price } = this.#parts;
    const known = nodes();
    const workloads = site.state.workloads();
    const specs = workloads.map(({ spec }) => spec);
    this.#runs.learn(known, specs);
    return basisOf({
      epoch: site.state.authority().epoch,
      nodes: known,
      unseen: unseen(),
      workloads,
      placements: site.state.placements(),
      unreachable: this.#unreachable(known),
      cordoned: cordoned?.() ?? new Set(),
      rates: ratesOf(specs, this.#runs.learned()),
      price: price?.(),
    });
  }

  /** What calls for a plan now. Drift alone has to wait until the last decision has had some time. */
  #triggers(now: Basis = this.#basisNow()): readonly Trigger[] {
    const { replan } = this.#options;
    const found = triggersBetween(this.#basis, now, replan);
    const restedMs = this.#parts.clock.nowMs() - this.#decidedAt;
    const all = this.#partly && restedMs >= replan.calmMs && !replan.ignore.has('calm') ? [...found, calm] : found;
    return restedMs < replan.restMs && all.every(({ kind }) => drift.has(kind)) ? [] : all;
  }

  async #plan(): Promise<void> {
    if (!this.#mayPlan()) return;
    const { site, planner, log, clock, wallClock } = this.#parts;
    const inTerm = site.leadsIn();
    if (inTerm === undefined) return;
    const basis = this.#basisNow();
    const triggers = this.#triggers(basis);
    if (triggers.length === 0) return;
    const current = site.state.placements();
    const free = current.length > this.#options.replan.partialAbove ? affected(triggers, current) : undefined;
    const input = { ...this.input(), ...(free === undefined ? {} : { free }) };
    if (input.specs.length === 0 && input.current.length === 0) {
      this.#basis = basis;
      this.#decidedAt = clock.nowMs();
      this.#partly = false;
      this.#unplaced = [];
      return;
    }
    // A plan made from placements that were replaced meanwhile would undo what replaced them.
    const expectPlan = site.state.plan()?.revision ?? 0;
    const abort = new AbortController();
    this.#running = abort;
    const begun = clock.nowMs();
    try {
      const wished = await planner.solve(input, abort.signal);
      const dear = victimsOf(wished, input.current).length > this.#options.replan.preemptionsMax;
      const result = dear ? await planner.solve({ ...input, free: new Set(), partOnly: true }, abort.signal) : wished;
      const placements = site.state.placements();
      const assignments = localAssignments(result.assignments, placements, input.held, this.#options.hasUpper, (name) =>
        this.#mayBegin(name),
      );
      const movable = ({ workload, replica }: { readonly workload: string; readonly replica: number }): boolean =>
        !input.held.has(`${workload}/${replica}`);
      const verdict = weigh(result, assignments.filter(movable), input.current.filter(movable));
      const applied = verdict.apply || triggers.some(({ kind }) => announced.has(kind));
      const moves = describeMoves(placements, assignments);
      const record = recordOf({
        by: site.self,
        at: wallClock?.() ?? new Date(0),
        triggers,
        result,
        verdict,
        applied,
        moves,
        ms: clock.nowMs() - begun,
      });
      if (applied) {
        // To write a large plan takes as long as to weigh it: heartbeats are answered in between.
        await new Promise<void>((resolve) => clock.after(0, resolve));
        abort.signal.throwIfAborted();
        const { epoch, basisRevision } = site.state.authority();
        const outcome = await site.propose(
          {
            type: 'planCommit',
            by: 'local',
            authorityEpoch: epoch,
            basisRevision,
            expectPlan,
            provisional: this.#options.hasUpper,
            assignments,
            plan: committedPlan(result.plan),
            decision: record,
          },
          { inTerm },
        );
        if (!outcome.ok && outcome.code === 'STALE_PLAN') {
          this.#running = undefined;
          this.check();
          return;
        }
        if (!outcome.ok) throw new Error(`${outcome.code}: ${outcome.message}`);
        log.info('plan.committed', {
          revision: outcome.revision,
          triggers: record.triggers,
          assignments: assignments.length,
          moves,
          unplaced: result.unplaced.length,
          ms: Math.round(clock.nowMs() - begun),
        });
      } else {
        log.info('plan.kept', { triggers: record.triggers, reason: record.reason, ms: record.ms });
        this.#parts.onKept?.(record);
      }
      this.#unplaced = result.unplaced;
      this.#retryMs = this.#options.retryMs;
      // Placements are part of the picture, and the plan itself has just changed them: only other news counts as news.
      this.#basis = applied ? { ...basis, placements: placementsKey(site.state.placements()) } : basis;
      this.#decidedAt = clock.nowMs();
      // Where the budget forbade more, more calm changes nothing.
      this.#partly = result.partial && !dear;
      if (applied) this.#parts.onPlanned(result);
      this.#running = undefined;
      this.check();
    } catch (error) {
      this.#running = undefined;
      // Made for a term that is over: whoever leads now looks for itself.
      if (abort.signal.aborted || (error as { readonly code?: string }).code === 'NOT_LEADER') return;
      log.warn('plan.failed', { message: error instanceof Error ? error.message : String(error), retryMs: this.#retryMs });
      this.#cancel = clock.after(this.#retryMs, () => {
        this.#cancel = undefined;
        this.check();
      });
      this.#retryMs = Math.min(retryMaxMs, this.#retryMs * 2);
    }
  }
}
