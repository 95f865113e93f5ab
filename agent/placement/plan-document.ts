/** From the best candidates to the plan document: alternatives, pros and cons, what has no place, what moves. */
import type { Objective, PlacedReplica, Plan, PlanAlternative, UnplacedReplica } from '../../schemas/generated/types.ts';
import type { Candidate } from './candidate.ts';
import { relaxation } from './enumerate.ts';
import { refusals, summarise } from './explain.ts';
import { objectiveOf } from './merit.ts';
import { at, compareText, toSeconds } from './model.ts';

export type MadeBy = PlanAlternative['madeBy'];

/** A finished candidate, kept by value. */
export interface Finished {
  readonly madeBy: MadeBy;
  readonly placed: Int32Array;
  readonly unplaced: Int32Array;
  readonly cost: number;
  readonly assignments: PlacedReplica[];
  readonly objective: Objective;
  readonly hash: string;
}

const alternativesMax = 3;
const reasonsMax = 64;

export function finish(candidate: Candidate, madeBy: MadeBy): Finished {
  const { instance, placed, unplaced, cost } = candidate;
  const assignments = assignmentsOf(candidate);
  return {
    madeBy,
    placed: placed.slice(),
    unplaced: unplaced.slice(),
    cost,
    assignments,
    objective: objectiveOf(instance.site.problem, candidate.terms()),
    hash: planHash(assignments),
  };
}

/** Less than 0 when `a` is better. Ties by hash, so that the choice does not depend on the order of arrival. */
export function compareFinished(a: Finished, b: Finished): number {
  for (let level = 0; level < a.unplaced.length; level += 1) {
    const difference = at(a.unplaced, level) - at(b.unplaced, level);
    if (difference !== 0) return difference;
  }
  return a.cost - b.cost || compareText(a.hash, b.hash);
}

/** Hash of the assignments, 16 hexadecimal digits (two FNV-1a of 32 bits with different offsets). Not for security. */
export function planHash(assignments: readonly PlacedReplica[]): string {
  const text = assignments.map(({ workload, replica, node, class: workClass }) => `${workload}/${replica}@${node}:${workClass}`).join('\n');
  return [0x811c9dc5, 0x9dc5811c]
    .map((offset) => {
      let hash = offset;
      for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
      return (hash >>> 0).toString(16).padStart(8, '0');
    })
    .join('');
}

/**
 * The document of the best of `pool`.
 * @param candidate holds the best plan.
 * @param optimal every other plan was ruled out.
 * @param lower no plan with everything placed costs less, micro-seconds per hour.
 */
export function planDocument(
  candidate: Candidate,
  best: Finished,
  pool: readonly Finished[],
  optimal: boolean,
  lower: number,
  trace: Plan['trace'],
): Plan {
  const { instance } = candidate;
  const others = pool.filter(({ hash }) => hash !== best.hash).slice(0, alternativesMax);
  const alternatives = others.map((other): PlanAlternative => {
    const { pros, cons } = compareTerms(other, best);
    return {
      hash: other.hash,
      madeBy: other.madeBy,
      assignments: other.assignments,
      unplaced: count(other),
      objective: other.objective,
      pros,
      cons,
    };
  });
  const unplaced = unplacedOf(candidate);
  const relaxed = toSeconds(lower);
  const provenBy = optimal ? 'enumeration' : unplaced.length > 0 ? 'none' : lower > relaxation(instance) ? 'lagrangian' : 'relaxation';
  const { total } = best.objective;
  const bound = optimal ? total : provenBy === 'none' ? 0 : Math.min(relaxed, total);
  return {
    version: 1,
    assignments: best.assignments,
    objective: best.objective,
    bound,
    ...(provenBy === 'none' || (bound === 0 && total > 0) ? {} : { gapPercent: total === bound ? 0 : ((total - bound) / bound) * 100 }),
    provenBy,
    unplaced,
    alternatives,
    explanation: explanationOf(best, others[0], unplaced),
    moves: movesOf(candidate, best.assignments),
    hash: best.hash,
    trace,
  };
}

function assignmentsOf(candidate: Candidate): PlacedReplica[] {
  const { slots, fixed, site } = candidate.instance;
  const name = (workload: number): string => at(site.workloads, workload).id;
  const kept = fixed.map(
    ({ workload, replica, nodeName, class: workClass }): PlacedReplica => ({
      workload: name(workload),
      replica,
      node: nodeName,
      class: workClass,
    }),
  );
  const placed = slots.flatMap(({ workload, replica }, slot): PlacedReplica[] => {
    const column = candidate.column(slot);
    return column === undefined ? [] : [{ workload: name(workload), replica, node: at(site.nodes, column.node).id, class: column.class }];
  });
  return [...kept, ...placed].sort((a, b) => compareText(a.workload, b.workload) || a.replica - b.replica);
}

function unplacedOf(candidate: Candidate): UnplacedReplica[] {
  const { slots, site, checkpoint } = candidate.instance;
  return slots.flatMap(({ workload, replica }, slot): UnplacedReplica[] => {
    if (at(candidate.placed, slot) !== -1) return [];
    checkpoint();
    const { id } = at(site.workloads, workload);
    const reasons = refusals(candidate, slot);
    return [{ workload: id, replica, summary: summarise(`${id}/${replica}`, reasons), reasons: reasons.slice(0, reasonsMax) }];
  });
}

function movesOf(candidate: Candidate, assignments: readonly PlacedReplica[]): Plan['moves'] {
  const now = new Map(candidate.instance.site.problem.current.map((placed) => [`${placed.workload}/${placed.replica}`, placed.node]));
  return assignments.flatMap(({ workload, replica, node }) => {
    const from = now.get(`${workload}/${replica}`);
    return from === undefined || from === node ? [] : [{ workload, replica, from, to: node }];
  });
}

/** What `plan` does better and worse than `than`, term by term. */
function compareTerms(plan: Finished, than: Finished): { readonly pros: string[]; readonly cons: string[] } {
  const pros: string[] = [];
  const cons: string[] = [];
  const missing = count(plan) - count(than);
  if (missing > 0) cons.push(`${missing} more replicas without a place`);
  if (missing < 0) pros.push(`${-missing} fewer replicas without a place`);
  plan.objective.terms.forEach(({ name, cost, unit }, index) => {
    const difference = Math.round((cost - at(than.objective.terms, index).cost) * 1e6) / 1e6;
    if (difference < 0) pros.push(`${name}: ${-difference} ${unit} less`);
    if (difference > 0) cons.push(`${name}: ${difference} ${unit} more`);
  });
  if (pros.length + cons.length === 0) pros.push('equal in every term');
  return { pros, cons };
}

function explanationOf(best: Finished, other: Finished | undefined, unplaced: readonly UnplacedReplica[]): Plan['explanation'] {
  const cons = unplaced.slice(0, 16).map(({ summary }) => summary.slice(0, 1024));
  if (other === undefined) return { pros: ['no other plan was found'], cons };
  const compared = compareTerms(best, other);
  return {
    pros: compared.pros.map((text) => `${text} than the next best plan`),
    cons: [...cons, ...compared.cons.map((text) => `${text} than the next best plan`)],
  };
}

function count({ unplaced }: Finished): number {
  return unplaced.reduce((sum, slots) => sum + slots, 0);
}
