/**
 * Workloads that can be cut into stages (SEEDS.md 003, extension a): a directed graph of parts, each with its own needs and data, and what
 * flows between them. A workload is cut where that gives a better plan than leaving it whole, and its parts are then placed like workloads.
 */
import type { PlacedReplica, PlacementPart, PlacementProblem, PlacementWorkload, Plan } from '../../schemas/generated/types.ts';
import { PlacementError } from './placement-error.ts';

/** A plan and the problem it is of: parts take the places of the workloads that were cut. */
export interface Decomposed {
  readonly problem: PlacementProblem;
  readonly plan: Plan;
  /** Workloads that were cut. */
  readonly cut: readonly string[];
  /** Workloads that were not tried one by one, for that would have taken too many searches: some of them cut, or left whole, may be better. */
  readonly together: readonly string[];
}

/** Kinds of workloads that are tried by themselves, the most critical first; all others are tried together. */
const kindsMax = 7;
/** Searches at the most, beside the one with everything whole. */
const searchesMax = 16;

export function partName(workload: string, part: string): string {
  return `${workload}--${part}`;
}

/**
 * The best plan over cutting none, one, or several of the workloads that have parts. Of those that are alike it only matters how many are
 * cut: all are tried, then half as many more or fewer, and so on, as far as that is better. Each is tried, if only with others; in the end whether it is better whole again.
 * @param solve plans a problem; asked at most once more than `partsTried` says.
 * @throws {PlacementError} when parts contradict each other.
 */
export function planWithParts(problem: PlacementProblem, solve: (problem: PlacementProblem) => Plan): Decomposed {
  const none = cutProblem(problem, new Set());
  let best: Decomposed = { problem: none, plan: solve(none), cut: [], together: [] };
  const { kinds, others } = kindsOf(problem);
  const together = new Set(others);
  let left = searchesMax;
  for (const [index, kind] of kinds.entries()) {
    const before = best.cut;
    const tried = new Set([0]);
    // Of this kind the first `count` are cut.
    let count = 0;
    const tryOf = (other: number): boolean => {
      if (other < 0 || other > kind.length || tried.has(other)) return false;
      // One search is left for each kind to come.
      if (left <= kinds.length - 1 - index || tried.size > searchesOf(kind)) {
        for (const id of kind) together.add(id);
        return false;
      }
      left -= 1;
      tried.add(other);
      const cut = [...before, ...kind.slice(0, other)];
      const changed = cutProblem(problem, new Set(cut));
      const candidate = { ...best, problem: changed, plan: solve(changed), cut };
      if (!isBetter(problem, candidate, best)) return false;
      best = candidate;
      count = other;
      return true;
    };
    for (let step = kind.length; step >= 1; ) if (!tryOf(count + step) && !tryOf(count - step)) step = Math.floor(step / 2);
  }
  // What was cut when others were whole may be better whole again: of those cut, all but the last kind that was tried.
  for (const kind of kinds.slice(0, -1)) {
    const cut = best.cut.filter((id) => !kind.includes(id));
    if (left === 0 || cut.length === best.cut.length) continue;
    left -= 1;
    const changed = cutProblem(problem, new Set(cut));
    const candidate = { ...best, problem: changed, plan: solve(changed), cut };
    if (isBetter(problem, candidate, best)) best = candidate;
  }
  return { ...best, together: [...together] };
}

/** Searches that `planWithParts` makes at the most, beside the one with everything whole. */
export function partsTried(problem: PlacementProblem): number {
  const { kinds } = kindsOf(problem);
  return Math.min(
    searchesMax,
    kinds.reduce((sum, kind) => sum + searchesOf(kind), Math.max(0, kinds.length - 1)),
  );
}

/** At the most for one kind: twice for each step, and never the same number twice. */
function searchesOf({ length }: readonly string[]): number {
  const halvings = 32 - Math.clz32(length - 1);
  return Math.min(length, 2 * halvings + 1);
}

/** Workloads that may be cut, those together that differ in nothing but their names, the most critical first; and those of the last kind that do differ. */
function kindsOf(problem: PlacementProblem): {
  readonly kinds: readonly (readonly string[])[];
  readonly others: readonly string[];
} {
  const { workloads, fixed } = problem;
  const alike = new Map<string, string[]>();
  const mentions = mentionsOf(problem);
  const stays = new Set(fixed.map(({ workload }) => workload));
  for (const workload of [...workloads].sort((a, b) => b.criticality - a.criticality)) {
    const { id, ...rest } = workload;
    if (rest.parts === undefined || stays.has(id)) continue;
    const key = JSON.stringify([rest, mentions.get(id) ?? []]);
    const known = alike.get(key);
    if (known === undefined) alike.set(key, [id]);
    else known.push(id);
  }
  const all = [...alike.values()];
  if (all.length <= kindsMax + 1) return { kinds: all, others: [] };
  const others = all.slice(kindsMax).flat();
  return { kinds: [...all.slice(0, kindsMax), others], others };
}

/** Of which workload each is a part, for the parts of all that may be cut in any of the problems. */
export function wholeNames(...problems: readonly PlacementProblem[]): ReadonlyMap<string, string> {
  return new Map(
    problems.flatMap(({ workloads }) =>
      workloads.flatMap(({ id, parts = [] }) => parts.map((part) => [partName(id, part.id), id] as const)),
    ),
  );
}

/** What else is said of a workload than what it says itself: where it is, and by whom it is named. */
function mentionsOf({ workloads, current, groups = [] }: PlacementProblem): ReadonlyMap<string, readonly unknown[]> {
  const mentions = new Map<string, unknown[]>();
  const mention = (name: string, ...what: unknown[]): void => {
    const known = mentions.get(name);
    if (known === undefined) mentions.set(name, [what]);
    else known.push(what);
  };
  for (const { workload, ...where } of current) mention(workload, where);
  for (const { id, members } of groups) for (const name of members) mention(name, 'group', id);
  for (const { id, antiAffinity, affinity, flows = [] } of workloads) {
    for (const name of antiAffinity) mention(name, 'apart', id);
    for (const name of affinity) mention(name, 'near', id);
    for (const { from, mbPerRun } of flows) mention(from, 'flow', id, mbPerRun);
  }
  return mentions;
}

/** The problem with these workloads replaced by their parts, and the others whole. @throws {PlacementError} */
export function cutProblem(problem: PlacementProblem, cut: ReadonlySet<string>): PlacementProblem {
  const names = new Set(problem.workloads.map(({ id }) => id));
  problem.workloads.forEach(({ id, parts }, index) => {
    if (parts !== undefined) checkParts(id, parts, index, names);
  });
  const partsOf = new Map(problem.workloads.flatMap(({ id, parts }) => (parts !== undefined && cut.has(id) ? [[id, parts] as const] : [])));
  const each = (name: string): readonly string[] => partsOf.get(name)?.map((part) => partName(name, part.id)) ?? [name];
  // Whoever wants to be near a workload, or takes its data, means where its result is.
  const result = (name: string): readonly string[] => {
    const parts = partsOf.get(name);
    return parts === undefined ? [name] : lastOf(parts).map((part) => partName(name, part.id));
  };
  const workloads = problem.workloads.flatMap((workload): PlacementWorkload[] => {
    const { parts = [], ...whole } = workload;
    const rewritten: PlacementWorkload = {
      ...whole,
      antiAffinity: whole.antiAffinity.flatMap(each).slice(0, 32),
      affinity: whole.affinity.flatMap(result).slice(0, 32),
      ...(whole.flows === undefined
        ? {}
        : { flows: whole.flows.flatMap(({ from, mbPerRun }) => shareOut(result(from), mbPerRun)).slice(0, 32) }),
    };
    return partsOf.has(workload.id)
      ? parts.map((part) =>
          asWorkload(rewritten, part, {
            isFirst: part === parts.find(({ takes }) => takes.length === 0),
            isLast: lastOf(parts).includes(part),
          }),
        )
      : [rewritten];
  });
  const groups = problem.groups?.map((group) => ({ ...group, members: group.members.flatMap(each) }));
  return { ...problem, ...(groups === undefined ? {} : { groups }), workloads, current: standing(problem, partsOf) };
}

function shareOut(names: readonly string[], mbPerRun: number): { from: string; mbPerRun: number }[] {
  return names.map((from) => ({ from, mbPerRun: mbPerRun / names.length }));
}

/** Parts nobody takes from: the result is there. */
function lastOf(parts: readonly PlacementPart[]): readonly PlacementPart[] {
  const taken = new Set(parts.flatMap(({ takes }) => takes.map(({ part }) => part)));
  return parts.filter(({ id }) => !taken.has(id));
}

/** What comes from other workloads goes to the first part, and who wants to be near others is the last. */
function asWorkload(
  whole: PlacementWorkload,
  { id, demand, durationSeconds, inputs, takes }: PlacementPart,
  { isFirst, isLast }: { readonly isFirst: boolean; readonly isLast: boolean },
): PlacementWorkload {
  const { measured: _, flows: given = [], ...rest } = whole;
  const flows = [...(isFirst ? given : []), ...takes.map(({ part, mbPerRun }) => ({ from: partName(whole.id, part), mbPerRun }))];
  return {
    ...rest,
    id: partName(whole.id, id),
    demand,
    durationSeconds,
    inputs,
    affinity: isLast ? whole.affinity : [],
    ...(flows.length === 0 ? {} : { flows: flows.slice(0, 32) }),
  };
}

/**
 * What stands, in the words of the problem as it is cut: the parts of a whole stand where it stands, and a whole where its result is, so
 * that cutting and joining cost the moves they take. What is named as it is now goes before what follows from something else.
 */
function standing({ workloads, current }: PlacementProblem, partsOf: ReadonlyMap<string, readonly PlacementPart[]>): PlacedReplica[] {
  const joined = new Map<string, string>();
  for (const { id, parts = [] } of workloads)
    for (const last of partsOf.has(id) ? [] : lastOf(parts).slice(0, 1)) joined.set(partName(id, last.id), id);
  const isNow = ({ workload }: PlacedReplica): boolean => !partsOf.has(workload) && !joined.has(workload);
  const derived = current
    .filter((placed) => !isNow(placed))
    .flatMap((placed): PlacedReplica[] => {
      const parts = partsOf.get(placed.workload);
      if (parts !== undefined) return parts.map(({ id }) => ({ ...placed, workload: partName(placed.workload, id) }));
      return [{ ...placed, workload: joined.get(placed.workload) ?? placed.workload }];
    });
  const seen = new Set<string>();
  return [...current.filter(isNow), ...derived].filter(({ workload, replica }) => {
    const key = `${workload}/${replica}`;
    return !seen.has(key) && seen.add(key);
  });
}

function checkParts(workload: string, parts: readonly PlacementPart[], index: number, names: ReadonlySet<string>): void {
  const pointer = `/workloads/${index}/parts`;
  const known = new Set<string>();
  parts.forEach(({ id }, position) => {
    if (known.has(id)) throw new PlacementError(`${pointer}/${position}/id`, `repeats ${id}: every part needs its own`);
    known.add(id);
    const name = partName(workload, id);
    if (name.length > 63)
      throw new PlacementError(`${pointer}/${position}/id`, `${name} is longer than 63 characters: shorten one of the names`);
    if (names.has(name)) throw new PlacementError(`${pointer}/${position}/id`, `${name} is also a workload: rename one`);
  });
  parts.forEach(({ takes }, position) => {
    for (const { part } of takes)
      if (!known.has(part)) throw new PlacementError(`${pointer}/${position}/takes`, `names ${part}, which is no part of ${workload}`);
  });
  // Parts that only take from parts already reached can be reached; what is left goes round in a circle.
  const reached = new Set<string>();
  for (let before = -1; before < reached.size; ) {
    before = reached.size;
    for (const { id, takes } of parts) if (takes.every(({ part }) => reached.has(part))) reached.add(id);
  }
  const circle = parts.filter(({ id }) => !reached.has(id)).map(({ id }) => id);
  if (circle.length > 0) throw new PlacementError(pointer, `go round in a circle: ${circle.join(', ')}; data must flow one way`);
}

/** Critical work first, then cost. A workload that is cut has its place only with all its parts. */
function isBetter(given: PlacementProblem, a: Decomposed, b: Decomposed): boolean {
  const [missingA, missingB] = [missing(given, a), missing(given, b)];
  const difference = missingA.map((count, level) => count - (missingB[level] ?? 0)).find((one) => one !== 0) ?? 0;
  return difference === 0 ? a.plan.objective.total < b.plan.objective.total : difference < 0;
}

/** Replicas of the problem as given without a place, per level of criticality, most critical first. */
function missing({ workloads }: PlacementProblem, { plan, cut }: Decomposed): readonly number[] {
  const wholeOf = new Map(
    workloads.flatMap(({ id, parts = [] }) => (cut.includes(id) ? parts.map((part) => [partName(id, part.id), id] as const) : [])),
  );
  const homeless = new Set(plan.unplaced.map(({ workload, replica }) => `${wholeOf.get(workload) ?? workload}/${replica}`));
  const levels = [...new Set(workloads.map(({ criticality }) => criticality))].sort((a, b) => b - a);
  return levels.map((level) =>
    workloads
      .filter(({ criticality }) => criticality === level)
      .reduce(
        (sum, { id, replicas }) =>
          sum + Array.from({ length: replicas }, (_, replica) => homeless.has(`${id}/${replica}`)).filter(Boolean).length,
        0,
      ),
  );
}
