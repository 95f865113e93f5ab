/** Decisions about placements: whether a plan is worth its moves, and the record that says so. */
import type { Decision, DecisionCandidate, Placement, Plan, Trigger } from '../../schemas/generated/types.ts';
import { checkDocument } from '../../schemas/validate.ts';
import type { PlanResult } from '../ports.ts';
import type { Assignment } from '../state/commands.ts';

/** What a plan gains, and whether that is enough. */
export interface Verdict {
  readonly apply: boolean;
  readonly reason: string;
  /** Seconds per hour the moves save, before what moving costs; undefined where staying is not possible. */
  readonly gain: number | undefined;
  /** Seconds per hour charged for moving, threshold included. */
  readonly movingCost: number;
}

const keyOf = ({ workload, replica }: { readonly workload: string; readonly replica: number }): string => `${workload}/${replica}`;

/**
 * Whether a plan is to be carried out. It is when something could not stay, or gets a place; else only when it gains more than its
 * moves cost. Pure.
 * @param assignments that would be committed, and `current` placements: both without replicas held back.
 */
export function weigh({ plan, standing }: PlanResult, assignments: readonly Assignment[], current: readonly Placement[]): Verdict {
  const movingCost = plan.objective.terms.find(({ name }) => name === 'migration')?.cost ?? 0;
  const placed = new Map(assignments.map((one) => [keyOf(one), one]));
  const present = new Map(current.map((one) => [keyOf(one), one]));
  const homeless = new Set(standing.homeless);
  const displaced = current.filter((one) => homeless.has(keyOf(one)) || !placed.has(keyOf(one)));
  const begun = assignments.filter((one) => !present.has(keyOf(one)));
  if (displaced.length > 0 || begun.length > 0) {
    const victims = victimsOf({ plan, standing }, displaced).map(keyOf);
    const forced = displaced.length - victims.length;
    const parts = [
      ...(forced > 0 ? [`${counted(forced)} cannot stay`] : []),
      ...(victims.length > 0 ? [`${counted(victims.length)} gave way to more critical work (${victims.slice(0, 8).join(', ')})`] : []),
      ...(begun.length > 0 ? [`${counted(begun.length)} had no place`] : []),
    ];
    return { apply: true, reason: parts.join(', '), gain: undefined, movingCost };
  }
  const gain = micros(standing.total - (plan.objective.total - movingCost));
  const changes = assignments.filter((one) => {
    const was = present.get(keyOf(one));
    return was?.node !== one.node || was.class !== one.class;
  });
  if (changes.length === 0) return { apply: false, reason: 'no better plan was found than to stay', gain, movingCost };
  const apply = gain > movingCost;
  return {
    apply,
    reason: `${counted(changes.length)} changed: ${apply ? 'saves' : 'would save only'} ${gain} s/h, ${apply ? 'more than' : 'and'} moving costs ${movingCost} s/h`,
    gain,
    movingCost,
  };
}

/** Replicas that could stay and lose their place to more critical work. */
export function victimsOf({ plan, standing }: Pick<PlanResult, 'plan' | 'standing'>, current: readonly Placement[]): readonly Placement[] {
  const away = new Set(plan.unplaced.map(keyOf));
  const homeless = new Set(standing.homeless);
  return current.filter((one) => away.has(keyOf(one)) && !homeless.has(keyOf(one)));
}

export interface DecisionFacts {
  readonly by: string;
  readonly at: Date;
  readonly triggers: readonly Trigger[];
  readonly result: PlanResult;
  readonly verdict: Verdict;
  readonly applied: boolean;
  /** What would change, in words. */
  readonly moves: readonly string[];
  readonly ms: number;
}

const triggersMax = 16;
const movesMax = 32;
const candidatesMax = 8;

/** The record of a decision, bounded whatever it was about. Pure. */
export function recordOf({ by, at, triggers, result, verdict, applied, moves: changes, ms }: DecisionFacts): Decision {
  const moves = applied ? changes : [];
  const shown: Trigger[] = triggers
    .slice(0, triggers.length > triggersMax ? triggersMax - 1 : triggersMax)
    .map(({ kind, subject, detail }) => ({ kind, subject: subject.slice(0, 160), detail: detail.slice(0, 300) }));
  const last = triggers[triggersMax - 1];
  if (last !== undefined && triggers.length > triggersMax)
    shown.push({ kind: last.kind, subject: 'more', detail: `${triggers.length - triggersMax + 1} more pieces of news` });
  return {
    by,
    at: at.toISOString(),
    triggers: shown,
    scope: result.partial ? 'partial' : 'whole',
    freed: result.freed,
    candidates: candidatesOf(result, applied),
    outcome: applied ? 'applied' : 'kept',
    reason: verdict.reason.slice(0, 1024),
    gain: verdict.gain ?? null,
    movingCost: verdict.movingCost,
    moves: moves.slice(0, movesMax).map((move) => move.slice(0, 300)),
    movesLeftOut: Math.max(0, moves.length - movesMax),
    unplaced: result.unplaced.length,
    planRevision: null,
    ms: Math.round(ms),
  };
}

function candidatesOf({ plan, standing }: PlanResult, applied: boolean): DecisionCandidate[] {
  const now = new Map(plan.moves.map((move) => [keyOf(move), move.from]));
  const stands = new Map(plan.assignments.map((one) => [keyOf(one), now.get(keyOf(one)) ?? one.node]));
  const others = plan.alternatives.slice(0, candidatesMax - 2).map(
    ({ madeBy, hash, objective, unplaced, assignments }): DecisionCandidate => ({
      madeBy,
      hash,
      total: objective.total,
      unplaced,
      moves: assignments.filter((one) => (stands.get(keyOf(one)) ?? one.node) !== one.node).length,
      chosen: false,
    }),
  );
  return [
    candidateOf(plan, applied),
    ...others,
    { madeBy: 'stay', hash: null, total: standing.total, unplaced: standing.homeless.length, moves: 0, chosen: !applied },
  ];
}

function candidateOf({ trace, hash, objective, unplaced, moves }: Plan, chosen: boolean): DecisionCandidate {
  return { madeBy: trace.madeBy, hash, total: objective.total, unplaced: unplaced.length, moves: moves.length, chosen };
}

/** The newest decisions this box knows of, oldest first. */
export class DecisionBook {
  readonly #max: number;
  readonly #kept: Decision[] = [];
  #forgotten = 0;
  #newestPlan = -1;

  /** @param max decisions kept. */
  constructor(max: number) {
    this.#max = max;
  }

  add(decision: Decision): void {
    this.#kept.push(decision);
    if (this.#kept.length > this.#max) {
      this.#kept.shift();
      this.#forgotten += 1;
    }
  }

  /** A decision as it came with a plan through the log; each counts once. What is no decision is left out. */
  addCommitted(revision: number, decision: unknown): void {
    if (revision <= this.#newestPlan) return;
    this.#newestPlan = revision;
    const { planRevision: _, ...rest } = (decision ?? {}) as Partial<Decision>;
    const checked = checkDocument('DecisionsDocument', { revision, forgotten: 0, decisions: [{ ...rest, planRevision: revision }] });
    const [sound] = checked.ok ? checked.value.decisions : [];
    // The upper site's plan may come in pieces, as replicas are handed on: it is one decision.
    const same = (one: Decision): boolean => one.outcome === 'applied' && one.by === sound?.by && one.at === sound.at;
    if (sound !== undefined && !this.#kept.some(same)) this.add(sound);
  }

  list(): { readonly forgotten: number; readonly decisions: readonly Decision[] } {
    return { forgotten: this.#forgotten, decisions: [...this.#kept] };
  }
}

function counted(replicas: number): string {
  return replicas === 1 ? '1 replica' : `${replicas} replicas`;
}

function micros(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}
