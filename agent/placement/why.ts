/** Answers to "why there?" and "why not there?": terms against the next best, constraints, and what would have to change. */
import type { Misfit, PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import type { Explanation, Option, ReplicaExplanation } from './explain.ts';
import { describeMisfit, shortfall } from './misfit.ts';
import type { Resource } from './model.ts';
import { changed } from './what-if.ts';

/** What a replica and a box have to do with each other. */
export interface Answer {
  readonly replica: number;
  /** It is on that box. */
  readonly isThere: boolean;
  /** The answer in a sentence. */
  readonly text: string;
  /** Terms that speak for the other place, and what would have to change, one each. */
  readonly details: readonly string[];
  /** What stands against the box, in the class with the least against it; empty when it would fit. */
  readonly misfits: readonly Misfit[];
}

const shortOf: Partial<Readonly<Record<Misfit['code'], Resource>>> = {
  MEMORY_SHORT: 'memoryMiB',
  CACHE_SHORT: 'cacheMiB',
  CPU_SHORT: 'cpuCores',
  DISK_SHORT: 'diskMiB',
  VRAM_SHORT: 'vramMiB',
};

/** One answer for each replica of the workload; none when the explanation knows nothing of the workload or the box. */
export function why({ workload, replicas }: Explanation, node: string): readonly Answer[] {
  return replicas.flatMap((replica): readonly Answer[] => {
    const name = `${workload}/${replica.replica}`;
    const here = replica.options.filter((option) => option.node === node);
    if (replica.fixed)
      return [
        plain(replica, node, `${name} is fixed on ${replica.chosen?.node ?? 'its box'}: the problem says so, nothing else was considered`),
      ];
    if (here.length === 0) return [];
    return [replica.chosen?.node === node ? whyThere(name, replica, node) : whyNotThere(name, replica, here, node)];
  });
}

function whyThere(name: string, replica: ReplicaExplanation, node: string): Answer {
  const chosen = replica.options.find((option) => option.chosen);
  const next = cheapest(replica.options.filter((option) => option.node !== node && option.misfits.length === 0));
  const away = new Set(replica.options.map((option) => option.node));
  const where = `${name} is on ${node} (${replica.chosen?.class ?? '-'})`;
  if (next === undefined) {
    const reasons = replica.options.filter((option) => option.node !== node).map(({ text }) => text);
    return { ...plain(replica, node, `${where}: it fits on none of the other ${away.size - 1} boxes`), details: reasons };
  }
  const difference = next.costDifference ?? 0;
  const text =
    difference >= 0
      ? `${where}: the best other place, ${next.node} (${next.class}), costs ${short(difference)} s/h more`
      : `${where}, though ${next.node} (${next.class}) would cost ${short(-difference)} s/h less: plan again with more steps`;
  return { ...plain(replica, node, text), details: chosen === undefined ? [] : termsAgainst(next, chosen) };
}

function whyNotThere(name: string, replica: ReplicaExplanation, here: readonly Option[], node: string): Answer {
  const chosen = replica.options.find((option) => option.chosen);
  const instead = replica.chosen === null ? 'it has no place' : `it is on ${replica.chosen.node} (${replica.chosen.class})`;
  const fitting = cheapest(here.filter(({ misfits }) => misfits.length === 0));
  if (fitting === undefined) {
    const nearest = [...here].sort((a, b) => shortfall(a.misfits) - shortfall(b.misfits))[0];
    const misfits = nearest?.misfits ?? [];
    const text = `${name} cannot be on ${node}, ${instead}: ${misfits.map(describeMisfit).join('; ')}`;
    return { replica: replica.replica, isThere: false, text, misfits, details: misfits.map((misfit) => remedy(misfit, node)) };
  }
  const difference = fitting.costDifference;
  const text =
    difference === undefined
      ? `${name} would fit on ${node} (${fitting.class})`
      : difference >= 0
        ? `${name} would fit on ${node} (${fitting.class}) but costs ${short(difference)} s/h more there: ${instead}`
        : `${name} would cost ${short(-difference)} s/h less on ${node} (${fitting.class}): plan again with more steps`;
  return {
    replica: replica.replica,
    isThere: false,
    text,
    misfits: [],
    details: chosen === undefined ? [] : termsAgainst(fitting, chosen),
  };
}

/** What would have to change, so that this no longer stands against the box. */
export function remedy({ code, needMiB, freeMiB, needCores, freeCores, limit, actual, names = [] }: Misfit, node: string): string {
  const what = names.join(', ');
  switch (code) {
    case 'MEMORY_SHORT':
    case 'CACHE_SHORT':
    case 'DISK_SHORT':
    case 'VRAM_SHORT':
      return `free or add ${short((needMiB ?? 0) - (freeMiB ?? 0))} MiB of ${shortOf[code]?.replace('MiB', '') ?? 'it'} on ${node}`;
    case 'CPU_SHORT':
      return `free or add ${short((needCores ?? 0) - (freeCores ?? 0))} cores on ${node}`;
    case 'HOPS':
      return `bring ${what} within ${limit ?? 0} hops of ${node}, or allow more`;
    case 'LATENCY':
      return `bring ${what} within ${limit ?? 0} ms of ${node}, or allow more`;
    case 'SOURCE_UNREACHABLE':
      return `link ${node} to a box that delivers ${what}`;
    case 'LINK_UNFIT':
      return `link ${node} to ${what}${limit === undefined ? '' : ` at ${limit} Mbit/s or more`}, or ask less of the links`;
    case 'DATA_RATE':
      return `let ${what} deliver ${limit ?? 0} MB/s, or ask for less`;
    case 'TAG_MISSING':
      return `give ${node} the tag ${what}, or do not require it`;
    case 'EXTRA_MISSING':
      return `attach ${what} to ${node}`;
    case 'NODE_NOT_ALLOWED':
      return `allow ${node} beside ${what}`;
    case 'UNUSABLE':
      return `make ${node} usable: ${what}`;
    case 'CORDONED':
      return `uncordon ${node}: ${what}`;
    case 'REQUESTER':
      return `let ${node} admit the requester, not only ${what}`;
    case 'WORKLOAD_TAG':
      return `tag the workload ${names.join(' or ')}`;
    case 'MINIMUM_CLAIM':
      return `lower the minimum of ${limit ?? 0} ${what} on ${node}: it is kept for larger work`;
    case 'NOT_STAGED':
      return `stage the artefacts on ${node}`;
    case 'MAX_WORKLOADS':
      return `raise the limit of ${limit ?? 0} replicas on ${node}`;
    case 'REPLICA_HERE':
    case 'DOMAIN_TAKEN':
      return `move ${what} elsewhere, or spread the replicas less`;
    case 'ANTI_AFFINITY':
      return `move ${what} elsewhere`;
    case 'RESOURCE_SHORT':
      return `free or add ${short((actual ?? 0) - (limit ?? 0))} of ${what} on ${node}`;
    case 'HELD_SHORT':
      return `wait until the moves under way have freed ${short((actual ?? 0) - (limit ?? 0))} of ${what} on ${node}, or add it`;
    case 'GROUP_APART':
      return `move the one of ${what} that is on ${node} elsewhere`;
    case 'GROUP_SPREAD':
      return `move others of ${what} to further failure domains, or ask for fewer than ${limit ?? 0}`;
    case 'GROUP_NEAR':
      return `bring ${what} into the area of ${node} first`;
    case 'GROUP_MISSED':
      return `let it stay near ${what}, or move these first`;
    case 'CLASS_NOT_ALLOWED':
      return `allow the class ${what}`;
  }
}

/** A resource that is short at a box, and what it is worth to have it there. */
export interface Price {
  readonly resource: Resource;
  /** What is missing, in the unit of the resource. */
  readonly amount: number;
  /** Seconds per hour the plan would save with that much more; 0 when it would not be used, absent when more would get a place. */
  readonly saved?: number;
  /** Replicas that would get a place. */
  readonly placed: number;
}

/** The worth of each resource an answer calls short: what the plan gains when the box has just that much more. */
export function prices(
  problem: PlacementProblem,
  plan: Plan,
  { misfits }: Answer,
  node: string,
  solve: (problem: PlacementProblem) => Plan,
): readonly Price[] {
  const box = problem.nodes.find(({ id }) => id === node);
  return misfits.flatMap(({ code, needMiB = 0, freeMiB = 0, needCores = 0, freeCores = 0 }): readonly Price[] => {
    const resource = shortOf[code];
    if (resource === undefined || box === undefined) return [];
    const amount = resource === 'cpuCores' ? needCores - freeCores : needMiB - freeMiB;
    const capacity = { [resource]: box.capacity[resource] + amount };
    const after = solve(changed(problem, { kind: 'resize', node, capacity }));
    const placed = plan.unplaced.length - after.unplaced.length;
    const saved = Math.max(0, Math.round((plan.objective.total - after.objective.total) * 1e6) / 1e6);
    return [{ resource, amount, placed, ...(placed === 0 ? { saved } : {}) }];
  });
}

function plain({ replica, chosen }: ReplicaExplanation, node: string, text: string): Answer {
  return { replica, isThere: chosen?.node === node, text, details: [], misfits: [] };
}

function cheapest(options: readonly Option[]): Option | undefined {
  return [...options].sort((a, b) => (a.costDifference ?? 0) - (b.costDifference ?? 0))[0];
}

/** Where `option` is worse and better than what was chosen, the largest difference first. */
function termsAgainst(option: Option, chosen: Option): readonly string[] {
  const now = new Map(chosen.terms?.map(({ name, cost }) => [name, cost]));
  return (option.terms ?? [])
    .map(({ name, cost }) => ({ name, difference: cost - (now.get(name) ?? 0) }))
    .filter(({ difference }) => Math.abs(difference) > 5e-7)
    .sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference))
    .map(({ name, difference }) => `${name} ${short(Math.abs(difference))} s/h ${difference > 0 ? 'more' : 'less'} on ${option.node}`);
}

function short(value: number): string {
  return String(Math.round(value * 1e6) / 1e6);
}
