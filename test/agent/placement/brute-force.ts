/** The simpler truth: every plan of a tiny problem, its cost written from the model's formulas, its rules from the checker. */
import { checkPlan } from '../../../agent/placement/checker.ts';
import type { PlacedReplica, PlacementProblem, PlacementWorkload, Plan } from '../../../schemas/generated/types.ts';

export interface Best {
  /** Unplaced replicas per criticality, most critical first. */
  readonly unplaced: readonly number[];
  /** Seconds per hour. */
  readonly cost: number;
}

/** Best plan by trying all; affinity is not counted, so the problem must have none. */
export function bruteForce(problem: PlacementProblem): Best {
  const replicas = problem.workloads.flatMap((workload) =>
    Array.from({ length: workload.replicas }, (_, replica) => ({ workload, replica })),
  );
  const levels = [...new Set(problem.workloads.map(({ criticality }) => criticality))].sort((a, b) => b - a);
  let best: Best | undefined;
  const visit = (index: number, assignments: PlacedReplica[], unplaced: PlacedReplica[]): void => {
    const next = replicas[index];
    if (next === undefined) {
      const missing = levels.map(
        (level) => unplaced.filter(({ workload }) => problem.workloads.find(({ id }) => id === workload)?.criticality === level).length,
      );
      if (best !== undefined && compareMissing(missing, best.unplaced) > 0) return;
      const cost = costOf(problem, assignments);
      if (best !== undefined && compareMissing(missing, best.unplaced) === 0 && cost >= best.cost) return;
      if (checkPlan(problem, asPlan(assignments, unplaced)).length === 0) best = { unplaced: missing, cost };
      return;
    }
    const base = { workload: next.workload.id, replica: next.replica };
    for (const { id } of problem.nodes) {
      for (const workClass of next.workload.classes) visit(index + 1, [...assignments, { ...base, node: id, class: workClass }], unplaced);
    }
    visit(index + 1, assignments, [...unplaced, { ...base, node: '', class: 'cold' }]);
  };
  visit(0, [], []);
  if (best === undefined) throw new Error('Leaving everything out must be allowed');
  return best;
}

type Five = Exclude<keyof PlacementProblem['nodes'][number]['capacity'], 'more'>;

/** The objective, once more: startup, transfer, hops, robustness, balance, colocation, migration. */
export function costOf(problem: PlacementProblem, assignments: readonly PlacedReplica[]): number {
  let cost = 0;
  const load = new Map<string, Record<string, number>>();
  const readers = new Map<string, { readonly nodes: Set<string>; readonly all: Set<string> }>();
  for (const { id, inputs } of problem.workloads) {
    for (const { source } of inputs) {
      const known = readers.get(source) ?? { nodes: new Set(), all: new Set() };
      known.all.add(id);
      readers.set(source, known);
    }
  }
  for (const placed of assignments) {
    const { workload, replica, node: at, class: workClass } = placed;
    const node = problem.nodes.find(({ id }) => id === at);
    const work = problem.workloads.find(({ id }) => id === workload);
    if (node === undefined || work === undefined) throw new Error('unknown name');
    const { demand, startup, criticality, durationSeconds } = work;
    const runs = work.perHour ?? 3600 / ((work.idleGapSeconds ?? 0) + durationSeconds);
    const image = (demand.imageMiB * 2 ** 20) / 1e6;
    const start = {
      hot: 0,
      warm: 0.2 * startup.initSeconds + image / node.speed.cacheMBps,
      cold: startup.initSeconds + image / node.speed.diskMBps,
    }[workClass];
    cost += runs * criticality * start + criticality * node.health.risk * 60;
    for (const input of work.inputs) {
      const passable = { ...problem, links: problem.links.filter((link) => mayTake(problem, input, link)) };
      const ways = problem.sources.find(({ id }) => id === input.source)?.nodes.flatMap((from) => simplePaths(passable, from, at)) ?? [];
      if (ways.length === 0) continue; // Refused by the checker.
      const quick = ways.toSorted((a, b) => a.latencyMs - b.latencyMs || a.hops - b.hops || b.mbps - a.mbps)[0];
      cost += runs * criticality * ((quick?.latencyMs ?? 0) / 1000 + (input.mbPerCall * 8) / (quick?.mbps ?? 1));
      cost += runs * criticality * 0.001 * Math.min(...ways.map(({ hops }) => hops));
      readers.get(input.source)?.nodes.add(at);
    }
    const share = workClass === 'hot' ? 1 : Math.min(1, (runs * durationSeconds) / 3600);
    const sum = load.get(at) ?? { memoryMiB: 0, cacheMiB: 0, cpuCores: 0, diskMiB: 0, vramMiB: 0 };
    const further = Object.entries(demand.more ?? {}).map(([name, amount]) => [name, (sum[name] ?? 0) + amount]);
    load.set(at, {
      ...sum,
      ...Object.fromEntries(further),
      memoryMiB: (sum['memoryMiB'] ?? 0) + share * demand.memoryMiB,
      cacheMiB: (sum['cacheMiB'] ?? 0) + (workClass === 'warm' ? demand.imageMiB : 0),
      cpuCores: (sum['cpuCores'] ?? 0) + (runs * demand.cpuSeconds) / 3600,
      diskMiB: (sum['diskMiB'] ?? 0) + demand.diskMiB,
      vramMiB: (sum['vramMiB'] ?? 0) + share * demand.vramMiB,
    });
    cost += moving(
      problem,
      work,
      placed,
      problem.current.find((now) => now.workload === workload && now.replica === replica),
    );
  }
  for (const { id, capacity, comfort } of problem.nodes) {
    const here = load.get(id) ?? {};
    const roomFor = (resource: string): number => capacity[resource as Five] ?? capacity.more?.[resource] ?? 0;
    for (const [resource, used] of Object.entries(here)) {
      const whole = roomFor(resource);
      const share = comfort?.[resource as Five] ?? comfort?.more?.[resource] ?? 0.7;
      const easy = Math.min(0.999, share);
      const price = problem.resources?.find((kind) => kind.id === resource)?.aboveComfort;
      if (price !== undefined) cost += problem.weights.balance * price * Math.max(0, used - share * whole);
      else if (whole > 0) cost += problem.weights.balance * 10 * (Math.max(0, used / whole - easy) / (1 - easy)) ** 2;
    }
  }
  for (const { id } of problem.nodes)
    for (const { of, other, ratio, price } of problem.proportions ?? []) {
      const node = problem.nodes.find((one) => one.id === id);
      const free = (resource: string): number =>
        (node?.capacity[resource as Five] ?? node?.capacity.more?.[resource] ?? 0) - (load.get(id)?.[resource] ?? 0);
      cost += problem.weights.balance * price * Math.max(0, ratio * free(of) - free(other));
    }
  const movedOf = (problem.groups ?? []).map(
    ({ members }) => assignments.filter((placed) => members.includes(placed.workload) && isMoved(problem, placed)).length,
  );
  cost += (problem.weights.groupMoves ?? 0) * Math.max(0, ...movedOf);
  for (const { nodes, all } of readers.values()) if (all.size > 1) cost += Math.max(0, nodes.size - 1);
  return cost;
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
  const known = stays.get(problem) ?? new Map<string, boolean>();
  stays.set(problem, known);
  const key = `${workload}/${replica}@${node}`;
  const answer =
    known.get(key) ??
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
  known.set(key, answer);
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
