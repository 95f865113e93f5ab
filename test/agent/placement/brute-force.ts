/** The simpler truth: every plan of a tiny problem, its cost written from the model's formulas, its rules from the checker. */
import { checkPlan } from '../../../agent/placement/checker.ts';
import type { PlacedReplica, PlacementNode, PlacementProblem, PlacementWorkload, Plan } from '../../../schemas/generated/types.ts';

export interface Best {
  /** Unplaced replicas per criticality, most critical first. */
  readonly unplaced: readonly number[];
  /** Seconds per hour. */
  readonly cost: number;
}

/**
 * Best plan by trying all. Passed over are only plans that hold one already found invalid (taking a replica away never breaks a rule), that
 * leave out more critical work than the best, or that cost more by their replicas alone.
 */
export function bruteForce(problem: PlacementProblem): Best {
  const levels = [...new Set(problem.workloads.map(({ criticality }) => criticality))].sort((a, b) => b - a);
  const isFixed = ({ workload, replica }: { readonly workload: string; readonly replica: number }): boolean =>
    problem.fixed.some((placed) => placed.workload === workload && placed.replica === replica);
  const replicas = problem.workloads
    .flatMap((workload) => Array.from({ length: workload.replicas }, (_, replica) => ({ workload, replica })))
    .filter(({ workload, replica }) => !isFixed({ workload: workload.id, replica }))
    .sort((a, b) => b.workload.criticality - a.workload.criticality)
    .map(({ workload, replica }) => {
      const base = { workload: workload.id, replica };
      const options = problem.nodes
        .flatMap(({ id }) => workload.classes.map((workClass): PlacedReplica => ({ ...base, node: id, class: workClass })))
        .map((placed) => ({ placed, own: ownCost(problem, placed) }))
        .sort((a, b) => a.own - b.own);
      return { level: levels.indexOf(workload.criticality), out: { ...base, node: '', class: 'cold' as const }, options };
    });
  let best: Best | undefined;
  const isValid = (assignments: PlacedReplica[]): boolean => {
    const names = new Set(assignments.map((placed) => `${placed.workload}/${placed.replica}`));
    const rest = replicas.map(({ out }) => out).filter((out) => !names.has(`${out.workload}/${out.replica}`));
    return checkPlan(problem, asPlan(assignments, rest)).length === 0;
  };
  const visit = (index: number, assignments: PlacedReplica[], owns: number, missing: readonly number[]): void => {
    if (best !== undefined) {
      const difference = compareMissing(missing, best.unplaced);
      if (difference > 0 || (difference === 0 && owns >= best.cost)) return;
    }
    const next = replicas[index];
    if (next === undefined) {
      const cost = owns + sharedCost(problem, assignments);
      if (best === undefined || compareMissing(missing, best.unplaced) < 0 || cost < best.cost) best = { unplaced: missing, cost };
      return;
    }
    for (const { placed, own } of next.options) {
      const more = [...assignments, placed];
      if (isValid(more)) visit(index + 1, more, owns + own, missing);
    }
    visit(index + 1, assignments, owns, missing.toSpliced(next.level, 1, (missing[next.level] ?? 0) + 1));
  };
  // What is fixed is there from the beginning: what it breaks by itself is excused to the others, too.
  const fixed = problem.fixed.filter(({ workload }) => problem.workloads.some(({ id }) => id === workload));
  visit(
    0,
    [...fixed],
    fixed.reduce((sum, placed) => sum + ownCost(problem, placed), 0),
    levels.map(() => 0),
  );
  if (best === undefined) throw new Error('Leaving everything out must be allowed');
  return best;
}

type Five = Exclude<keyof PlacementProblem['nodes'][number]['capacity'], 'more'>;

/** The objective, once more, from the model's formulas. */
export function costOf(problem: PlacementProblem, assignments: readonly PlacedReplica[]): number {
  return assignments.reduce((sum, placed) => sum + ownCost(problem, placed), 0) + sharedCost(problem, assignments);
}

function known(problem: PlacementProblem, { node: at, workload }: PlacedReplica): { node: PlacementNode; work: PlacementWorkload } {
  const node = problem.nodes.find(({ id }) => id === at);
  const work = problem.workloads.find(({ id }) => id === workload);
  if (node === undefined || work === undefined) throw new Error('unknown name');
  return { node, work };
}

const runsOf = ({ perHour, idleGapSeconds = 0, durationSeconds }: PlacementWorkload): number =>
  perHour ?? 3600 / (idleGapSeconds + durationSeconds);

/** What a replica costs wherever the others are: startup, staging, transfer, hops, robustness, minimum size, power for work, migration. */
function ownCost(problem: PlacementProblem, placed: PlacedReplica): number {
  const { node, work } = known(problem, placed);
  const { demand, startup, criticality } = work;
  const runs = runsOf(work);
  const image = (demand.imageMiB * 2 ** 20) / 1e6;
  const start = {
    hot: 0,
    warm: 0.2 * startup.initSeconds + image / node.speed.cacheMBps,
    cold: startup.initSeconds + image / node.speed.diskMBps,
  }[placed.class];
  let cost = runs * criticality * start + criticality * node.health.risk * 60;
  const absent = work.artefacts.filter(({ sha256 }) => !node.stagedArtefacts.includes(sha256)).reduce((sum, { bytes }) => sum + bytes, 0);
  const widest = Math.max(0, ...problem.links.filter(({ a, b }) => a === node.id || b === node.id).map(({ mbps }) => mbps));
  cost += (criticality * absent * 8) / 1e6 / (widest || 100);
  const { vramMiB } = node.capacity;
  if (vramMiB > 0) cost += problem.weights.minimumSize * Math.max(0, 1 - demand.vramMiB / vramMiB);
  const { fullWatts = 0, idleWatts = 0 } = node.energy ?? {};
  const busy = Math.min(1, (runs * demand.cpuSeconds) / 3600 / node.capacity.cpuCores);
  cost += ((problem.weights.energy ?? 0) * (problem.energyPrice ?? 0) * (fullWatts - idleWatts) * busy) / 1000;
  for (const input of work.inputs) {
    const passable = { ...problem, links: problem.links.filter((link) => mayTake(problem, input, link)) };
    const ways = problem.sources.find(({ id }) => id === input.source)?.nodes.flatMap((from) => simplePaths(passable, from, node.id)) ?? [];
    if (ways.length === 0) continue; // Refused by the checker.
    const quick = ways.toSorted((a, b) => a.latencyMs - b.latencyMs || a.hops - b.hops || b.mbps - a.mbps)[0];
    cost += runs * criticality * ((quick?.latencyMs ?? 0) / 1000 + (input.mbPerCall * 8) / (quick?.mbps ?? 1));
    cost += runs * criticality * 0.001 * Math.min(...ways.map(({ hops }) => hops));
  }
  const now = problem.current.find(({ workload, replica }) => workload === placed.workload && replica === placed.replica);
  return cost + moving(problem, work, placed, now);
}

/** What replicas cost together: load, copies of shared data, partners apart, boxes that are on, the group of which most are moved. Never below 0. */
function sharedCost(problem: PlacementProblem, assignments: readonly PlacedReplica[]): number {
  let cost = 0;
  const load = new Map<string, Record<string, number>>();
  const readers = new Map<string, { readonly nodes: Set<string>; readonly all: Set<string> }>();
  for (const { id, inputs } of problem.workloads) {
    for (const { source } of inputs) {
      const reading = readers.get(source) ?? { nodes: new Set(), all: new Set() };
      reading.all.add(id);
      readers.set(source, reading);
    }
  }
  for (const placed of assignments) {
    const { work } = known(problem, placed);
    const { demand, durationSeconds } = work;
    const runs = runsOf(work);
    for (const { source } of work.inputs) readers.get(source)?.nodes.add(placed.node);
    const share = placed.class === 'hot' ? 1 : Math.min(1, (runs * durationSeconds) / 3600);
    const sum = load.get(placed.node) ?? { memoryMiB: 0, cacheMiB: 0, cpuCores: 0, diskMiB: 0, vramMiB: 0 };
    const further = Object.entries(demand.more ?? {}).map(([name, amount]) => [name, (sum[name] ?? 0) + amount]);
    load.set(placed.node, {
      ...sum,
      ...Object.fromEntries(further),
      memoryMiB: (sum['memoryMiB'] ?? 0) + share * demand.memoryMiB,
      cacheMiB: (sum['cacheMiB'] ?? 0) + (placed.class === 'warm' ? demand.imageMiB : 0),
      cpuCores: (sum['cpuCores'] ?? 0) + (runs * demand.cpuSeconds) / 3600,
      diskMiB: (sum['diskMiB'] ?? 0) + demand.diskMiB,
      vramMiB: (sum['vramMiB'] ?? 0) + share * demand.vramMiB,
    });
    cost += apart(problem, placed, work, assignments);
  }
  for (const node of problem.nodes) {
    const { id, comfort, energy } = node;
    const here = load.get(id);
    if (here === undefined) continue;
    cost += problem.weights.hardware ?? 0;
    if (energy?.maySwitchOff === true) cost += ((problem.weights.energy ?? 0) * (problem.energyPrice ?? 0) * energy.idleWatts) / 1000;
    for (const [resource, used] of Object.entries(here)) {
      const whole = roomFor(node, resource);
      const share = comfort?.[resource as Five] ?? comfort?.more?.[resource] ?? 0.7;
      const easy = Math.min(0.999, share);
      const price = problem.resources?.find((kind) => kind.id === resource)?.aboveComfort;
      if (price !== undefined) cost += problem.weights.balance * price * Math.max(0, used - share * whole);
      else if (whole > 0) cost += problem.weights.balance * 10 * (Math.max(0, used / whole - easy) / (1 - easy)) ** 2;
    }
  }
  for (const node of problem.nodes)
    for (const { of, other, ratio, price } of problem.proportions ?? []) {
      const free = (resource: string): number => roomFor(node, resource) - (load.get(node.id)?.[resource] ?? 0);
      cost += problem.weights.balance * price * Math.max(0, ratio * free(of) - free(other));
    }
  const movedOf = (problem.groups ?? []).map(
    ({ members }) => assignments.filter((placed) => members.includes(placed.workload) && isMoved(problem, placed)).length,
  );
  cost += (problem.weights.groupMoves ?? 0) * Math.max(0, ...movedOf);
  for (const { nodes, all } of readers.values()) if (all.size > 1) cost += Math.max(0, nodes.size - 1);
  return cost;
}

function roomFor({ capacity, reserved }: PlacementNode, resource: string): number {
  const of = (amounts: typeof reserved): number => amounts?.[resource as Five] ?? amounts?.more?.[resource] ?? 0;
  return Math.max(0, of(capacity) - of(reserved));
}

/** A millisecond and the way there and back to the nearest replica of each workload it wants to be near; a second where there is no way. */
function apart(problem: PlacementProblem, { node }: PlacedReplica, work: PlacementWorkload, all: readonly PlacedReplica[]): number {
  const usable = (name: string): boolean => problem.nodes.some(({ id, health }) => id === name && health.usable);
  const passable = { ...problem, links: problem.links.filter(({ a, b }) => usable(a) && usable(b)) };
  const secondsTo = (there: string): number => {
    if (there === node) return 0;
    const ways = simplePaths(passable, there, node);
    return ways.length === 0 ? 1 : 0.001 + (2 * Math.min(...ways.map(({ latencyMs }) => latencyMs))) / 1000;
  };
  const partners = new Set(work.affinity.filter((name) => name !== work.id));
  return [...partners].reduce((sum, name) => {
    const there = all.filter(({ workload }) => workload === name).map((partner) => secondsTo(partner.node));
    return there.length === 0 ? sum : sum + problem.weights.colocation * runsOf(work) * work.criticality * Math.min(...there);
  }, 0);
}

function mayTake(
  { nodes }: PlacementProblem,
  { minMbps = 0, rateMBps = 0, linkKinds }: PlacementWorkload['inputs'][number],
  { a, b, mbps, kind }: PlacementProblem['links'][number],
): boolean {
  const usable = (name: string): boolean => nodes.some(({ id, health }) => id === name && health.usable);
  return (
    usable(a) && usable(b) && mbps >= minMbps && mbps >= 8 * rateMBps && (linkKinds === undefined || linkKinds.some((one) => one === kind))
  );
}

function moving(
  problem: PlacementProblem,
  { startup, criticality, moveSeconds }: PlacementWorkload,
  placed: PlacedReplica,
  now: PlacedReplica | undefined,
): number {
  if (now === undefined || !mayStay(problem, { ...placed, node: now.node }) || (now.node === placed.node && now.class === placed.class))
    return 0;
  const whole = (moveSeconds ?? 1 + criticality * startup.initSeconds) + problem.moveThresholdSeconds;
  if (now.node === placed.node) return whole / 4;
  const leaving = problem.nodes.find(({ id }) => id === now.node)?.leaving ?? [];
  return whole + (leaving.find(({ to }) => to === placed.node)?.seconds ?? 0);
}

/** On another box than the one it might have stayed on. */
function isMoved(problem: PlacementProblem, placed: PlacedReplica): boolean {
  const now = problem.current.find(({ workload, replica }) => workload === placed.workload && replica === placed.replica);
  return now !== undefined && now.node !== placed.node && mayStay(problem, { ...placed, node: now.node });
}

const stays = new WeakMap<PlacementProblem, Map<string, boolean>>();

/** Whether a replica alone could be where it is now, in any class, caps on the number of replicas aside: else leaving it is no choice, and costs nothing. */
function mayStay(problem: PlacementProblem, { workload, replica, node }: PlacedReplica): boolean {
  const answers = stays.get(problem) ?? new Map<string, boolean>();
  stays.set(problem, answers);
  const key = `${workload}/${replica}@${node}`;
  const answer =
    answers.get(key) ??
    problem.workloads
      .filter(({ id }) => id === workload)
      .some(({ classes }) =>
        classes.some((workClass) => {
          const here: PlacedReplica = { workload, replica, node, class: workClass };
          const alone = {
            ...problem,
            workloads: problem.workloads.filter(({ id }) => id === workload),
            fixed: [],
            current: [here],
            groups: [],
          };
          return !checkPlan(alone, asPlan([here], [])).some(
            (text) => text.startsWith(`${workload}/${replica} at`) || text.startsWith(`${node} is asked`),
          );
        }),
      );
  answers.set(key, answer);
  return answer;
}

/** Every way without a circle. */
export function simplePaths(
  problem: PlacementProblem,
  from: string,
  to: string,
  seen: readonly string[] = [],
): readonly { readonly hops: number; readonly latencyMs: number; readonly mbps: number }[] {
  if (from === to) return [{ hops: 0, latencyMs: 0, mbps: Number.POSITIVE_INFINITY }];
  return problem.links.flatMap(({ a, b, latencyMs, mbps }) => {
    const next = a === from ? b : b === from ? a : undefined;
    if (next === undefined || next === from || seen.includes(next)) return [];
    return simplePaths(problem, next, to, [...seen, from]).map((rest) => ({
      hops: rest.hops + 1,
      latencyMs: rest.latencyMs + latencyMs,
      mbps: Math.min(rest.mbps, mbps),
    }));
  });
}

function compareMissing(a: readonly number[], b: readonly number[]): number {
  return a.map((count, index) => count - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

/** A plan document with only what the checker reads. */
export function asPlan(assignments: PlacedReplica[], unplaced: readonly PlacedReplica[]): Plan {
  return {
    version: 1,
    assignments,
    objective: { total: 0, terms: [] },
    bound: 0,
    provenBy: 'none',
    unplaced: unplaced.map(({ workload, replica }) => ({ workload, replica, summary: '', reasons: [] })),
    alternatives: [],
    explanation: { pros: [], cons: [] },
    moves: [],
    hash: '0000000000000000',
    trace: { seed: 0, steps: 0, interrupted: false, madeBy: 'enumeration', starts: [] },
  };
}
