/**
 * The figure of merit: named terms in seconds per hour, lower is better for all (PLACEMENT.md 1). Whole micro-seconds inside, so that
 * the terms printed sum exactly to the total.
 */
import type { MeritTerm, Objective, PlacementNode, PlacementProblem, PlacementWorkload } from '../../schemas/generated/types.ts';
import { comfortOf, demandOf, runsPerHour } from './demand.ts';
import { allTerms, at, type OwnTerm, ownTerms, resources, type TermName, toMicros, toSeconds, type WorkClass } from './model.ts';
import type { Route } from './path-finder.ts';
import type { Site } from './site.ts';

/** What the parts of the figure of merit are worth, besides the problem's own weights. */
export const rates = {
  /** A warm start repeats this share of the initialisation. */
  warmInitShare: 0.2,
  /** Seconds a box on the way adds to one run. */
  secondsPerHop: 0.001,
  /** Seconds per hour for one resource of a box in full use. */
  fullLoadSeconds: 10,
  /** Load costs nothing up to this share of the capacity. */
  comfort: 0.7,
  /** Seconds per hour for criticality 1 on a box of risk 1. */
  riskSeconds: 60,
  /** Seconds per hour for work without need of it on a box with accelerator memory. */
  wasteSeconds: 1,
  /** Seconds per hour for each further box a shared source's data must go to. */
  copySeconds: 1,
  /** Seconds per run between partners, besides the latency both ways. */
  apartSeconds: 0.001,
  /** Seconds per run between partners that do not reach each other. */
  apartUnreachableSeconds: 1,
  /** Seconds per hour for moving one replica, besides the threshold and its start. */
  moveSeconds: 1,
  /** A change of class on the same box costs this share of a move. */
  reclassShare: 0.25,
  /** Seconds per run lost when soft data cannot be reached, or for each hop above a soft limit. */
  unreachableSeconds: 60,
  softHopSeconds: 0.01,
  /** Speed of fetching artefacts where no link says more. */
  fetchMbps: 100,
} as const;

/** Weight of each term: several terms share one of the problem's weights. */
export function weightsOf({ weights }: PlacementProblem): Readonly<Record<TermName, number>> {
  const { latency, hops, balance, robustness, minimumSize, colocation, migration, energy = 0, hardware = 0 } = weights;
  return {
    startup: latency,
    staging: latency,
    transfer: latency,
    hops,
    balance,
    robustness,
    minimumSize,
    affinity: colocation,
    colocation,
    migration,
    energy,
    hardware,
  };
}

/** Seconds until a replica answers: measured, or hot at once, warm from cache storage, cold from disk with a full initialisation. */
export function startSeconds({ demand, startup, measured }: PlacementWorkload, { id, speed }: PlacementNode, workClass: WorkClass): number {
  const seen = measured?.find(({ node }) => node === id);
  const measuredSeconds = seen?.startSecondsByClass?.[workClass] ?? seen?.startSeconds;
  if (measuredSeconds !== undefined) return measuredSeconds;
  if (workClass === 'hot') return 0;
  const megabytes = demand.imageMiB * 1.048576;
  if (workClass === 'warm') return startup.initSeconds * rates.warmInitShare + megabytes / speed.cacheMBps;
  return startup.initSeconds + megabytes / speed.diskMBps;
}

/** Seconds to fetch the artefacts that are not at the box yet, over its widest link. */
export function stagingSeconds(site: Site, workload: PlacementWorkload, node: number): number {
  if (workload.artefacts.length === 0) return 0;
  const here = at(site.stagedAt, node);
  const bytes = workload.artefacts.reduce((sum, artefact) => sum + (here.has(artefact.sha256) ? 0 : artefact.bytes), 0);
  if (bytes === 0) return 0;
  const { id } = at(site.nodes, node);
  let mbps = 0;
  for (const link of site.problem.links) if (link.a === id || link.b === id) mbps = Math.max(mbps, link.mbps);
  return (bytes * 8) / 1e6 / (mbps > 0 ? mbps : rates.fetchMbps);
}

/** An input, and the ways its data can take to each box. */
interface Supply {
  readonly input: PlacementWorkload['inputs'][number];
  readonly quickest: readonly Route[];
  readonly shortest: readonly Route[];
}

/** Seconds to bring the inputs of one run to the box by the quickest route; soft limits that are passed cost extra. */
function transferSeconds(supplies: readonly Supply[], node: number): number {
  let seconds = 0;
  for (const { input, quickest, shortest } of supplies) {
    const { mbPerCall, maxHops, maxLatencyMs } = input;
    const { origin, latencyMs, mbps } = quickest[node] as Route;
    if (origin === -1) {
      seconds += rates.unreachableSeconds;
      continue;
    }
    seconds += latencyMs / 1000 + ((mbPerCall ?? 0) * 8) / mbps;
    if (maxLatencyMs !== undefined) seconds += Math.max(0, latencyMs - maxLatencyMs) / 1000;
    if (maxHops !== undefined) seconds += Math.max(0, at(shortest, node).hops - maxHops) * rates.softHopSeconds;
  }
  return seconds;
}

/** Where each stands in lists of numbers. */
const term = { startup: 0, staging: 1, transfer: 2, hops: 3, robustness: 4, minimumSize: 5, energy: 6 } as const satisfies Readonly<
  Record<OwnTerm, number>
>;

/** What one replica of a workload costs by itself, weighted, in micro-seconds per hour. Runs count by criticality; staging happens once. */
export class OwnCosts {
  readonly #site: Site;
  readonly #workload: PlacementWorkload;
  readonly #runs: number;
  /** Of each of `ownTerms`: its weight, and seconds per hour where it was looked at last. Asked for every box: nothing is allocated then. */
  readonly #weight: Float64Array;
  readonly #seconds = new Float64Array(ownTerms.length);
  readonly #supplies: readonly Supply[];
  readonly #usesPower: boolean;

  constructor(site: Site, workload: PlacementWorkload) {
    this.#site = site;
    this.#workload = workload;
    this.#runs = runsPerHour(workload) * workload.criticality;
    const weights = weightsOf(site.problem);
    this.#weight = new Float64Array(ownTerms.length);
    for (const name of ownTerms) this.#weight[term[name]] = weights[name];
    this.#usesPower = (site.problem.energyPrice ?? 0) !== 0;
    this.#supplies = workload.inputs.map((input) => ({
      input,
      quickest: site.routes(input, 'latencyMs'),
      shortest: site.routes(input, 'hops'),
    }));
  }

  /** What a box costs in any class: staging, transfer, hops, robustness, minimum size. */
  place(node: number): number {
    this.#lookAtPlace(node);
    return (
      this.#micros(term.staging) +
      this.#micros(term.transfer) +
      this.#micros(term.hops) +
      this.#micros(term.robustness) +
      this.#micros(term.minimumSize)
    );
  }

  /** What a class adds to that. */
  inClass(node: number, workClass: WorkClass): number {
    this.#lookAtClass(node, workClass);
    return this.#micros(term.startup) + this.#micros(term.energy);
  }

  /** Each term, in the order of `ownTerms`; their sum is that of `place` and `inClass`. */
  terms(node: number, workClass: WorkClass): readonly number[] {
    this.#lookAtPlace(node);
    this.#lookAtClass(node, workClass);
    return ownTerms.map((name) => this.#micros(term[name]));
  }

  #micros(index: number): number {
    const seconds = this.#seconds[index] as number;
    return seconds === 0 ? 0 : toMicros((this.#weight[index] as number) * seconds);
  }

  #lookAtPlace(node: number): void {
    const { criticality, demand } = this.#workload;
    const { capacity, health } = this.#site.nodes[node] as PlacementNode;
    let hops = 0;
    for (const { shortest } of this.#supplies) {
      const count = (shortest[node] as Route).hops;
      if (count < Number.POSITIVE_INFINITY) hops += count;
    }
    const vram = capacity.vramMiB;
    const seconds = this.#seconds;
    seconds[term.staging] = criticality * stagingSeconds(this.#site, this.#workload, node);
    seconds[term.transfer] = this.#runs * transferSeconds(this.#supplies, node);
    seconds[term.hops] = this.#runs * hops * rates.secondsPerHop;
    seconds[term.robustness] = criticality * health.risk * rates.riskSeconds;
    seconds[term.minimumSize] = vram > 0 ? rates.wasteSeconds * Math.max(0, 1 - demand.vramMiB / vram) : 0;
  }

  #lookAtClass(node: number, workClass: WorkClass): void {
    const box = this.#site.nodes[node] as PlacementNode;
    this.#seconds[term.startup] = this.#runs * startSeconds(this.#workload, box, workClass);
    this.#seconds[term.energy] = this.#usesPower ? workingEnergy(this.#site, this.#workload, box, workClass) : 0;
  }
}

/** Money per hour for the power a replica adds while it computes, idle power left out. */
function workingEnergy(
  { problem: { energyPrice = 0 } }: Site,
  workload: PlacementWorkload,
  box: PlacementNode,
  workClass: WorkClass,
): number {
  const { energy, capacity } = box;
  if (energy === undefined || energyPrice === 0 || capacity.cpuCores <= 0) return 0;
  const share = Math.min(1, at(demandOf(workload, workClass, box.id), resources.indexOf('cpuCores')) / capacity.cpuCores);
  return ((energyPrice * Math.max(0, energy.fullWatts - energy.idleWatts)) / 1000) * share;
}

/** What it costs that a box has work at all. */
export function usedCost(problem: PlacementProblem, node: PlacementNode): number {
  return idleCost(problem, node) + hardwareCost(problem);
}

/** For each box in use: what the same speed could be had with fewer of. */
export function hardwareCost({ weights }: PlacementProblem): number {
  return toMicros(weights.hardware ?? 0);
}

/** What it costs that a box which could be switched off is on, because something has its place there. */
export function idleCost({ weights, energyPrice = 0 }: PlacementProblem, { energy }: PlacementNode): number {
  if (energy?.maySwitchOff !== true) return 0;
  return toMicros(((weights.energy ?? 0) * energyPrice * energy.idleWatts) / 1000);
}

/**
 * Load of one box: nothing up to comfort; then for each resource its price for each unit, or where it has none the square of the way to
 * full. What is left free out of proportion is counted by `strandedCost`.
 * @param load of each resource, in the order of `Site.resources`, from `offset` on.
 */
export function balanceCost(site: Site, node: number, load: ArrayLike<number>, offset: number): number {
  const { problem, resources: names } = site;
  const available = at(site.available, node);
  const box = at(site.nodes, node);
  const { priceOf } = loadPrices(problem);
  let seconds = 0;
  let priced = 0;
  names.forEach((resource, index) => {
    const capacity = at(available, index);
    const used = at(load, offset + index);
    if (capacity <= 0 || used <= 0) return;
    const price = priceOf.get(resource);
    const comfort = comfortOf(box, resource) ?? rates.comfort;
    if (price !== undefined) {
      priced += price * Math.max(0, used - comfortLoad(comfort, capacity));
      return;
    }
    const easy = Math.min(0.999, comfort);
    const above = Math.max(0, used / capacity - easy) / (1 - easy);
    seconds += rates.fullLoadSeconds * above * above;
  });
  return toMicros(problem.weights.balance * (seconds + priced));
}

/** Load up to which a priced resource costs nothing. Shares of whole amounts are whole again. */
export function comfortLoad(share: number, capacity: number): number {
  return Math.round(share * capacity * 1e6) / 1e6;
}

/** What is left free of one resource of a box without enough of another beside it. */
export function strandedCost(site: Site, node: number, load: ArrayLike<number>, offset: number): number {
  const { problem, available } = site;
  const { proportions } = loadPrices(problem);
  if (proportions.length === 0) return 0;
  const free = (resource: number): number => at(at(available, node), resource) - at(load, offset + resource);
  let seconds = 0;
  for (const { of, other, ratio, price } of proportions)
    seconds += price * Math.max(0, ratio * free(site.resources.indexOf(of)) - free(site.resources.indexOf(other)));
  return toMicros(problem.weights.balance * seconds);
}

interface LoadPrices {
  readonly priceOf: ReadonlyMap<string, number>;
  readonly proportions: NonNullable<PlacementProblem['proportions']>;
}

const pricesOf = new WeakMap<PlacementProblem, LoadPrices>();

/** What load costs besides the squares. */
export function loadPrices(problem: PlacementProblem): LoadPrices {
  const known = pricesOf.get(problem);
  if (known !== undefined) return known;
  const kinds = problem.resources ?? [];
  const priceOf = new Map(kinds.flatMap(({ id, aboveComfort }) => (aboveComfort === undefined ? [] : [[id, aboveComfort]])));
  const found = { priceOf, proportions: problem.proportions ?? [] };
  pricesOf.set(problem, found);
  return found;
}

/** Moving a replica: its start elsewhere or what the workload says, and a threshold, so that nothing moves for a small gain. */
export function moveCost(problem: PlacementProblem, { criticality, startup, moveSeconds }: PlacementWorkload): number {
  const seconds = moveSeconds ?? rates.moveSeconds + criticality * startup.initSeconds;
  return toMicros(problem.weights.migration * (seconds + problem.moveThresholdSeconds));
}

const leavingOf = new WeakMap<Site, Map<number, ReadonlyMap<number, number>>>();

/** What moving from a box to each other box costs besides, by number; undefined where that is nothing. */
export function leavingCosts(site: Site, from: number): ReadonlyMap<number, number> | undefined {
  const { problem, nodes, nodeIndex } = site;
  const box = nodes[from];
  if (box?.leaving === undefined) return undefined;
  const rows = leavingOf.get(site) ?? new Map<number, ReadonlyMap<number, number>>();
  leavingOf.set(site, rows);
  const known = rows.get(from);
  if (known !== undefined) return known;
  const costs = new Map<number, number>();
  for (const { to, seconds } of box.leaving) {
    const node = nodeIndex.get(to);
    if (node !== undefined) costs.set(node, toMicros(problem.weights.migration * seconds));
  }
  rows.set(from, costs);
  return costs;
}

/** What each moved replica of the group with most of them costs. */
export function groupMoveCost({ weights }: PlacementProblem): number {
  return toMicros(weights.groupMoves ?? 0);
}

/**
 * Being apart, once a run: for a friend the way there and back, for data that comes from a partner the time its transfer takes by the
 * quickest route.
 */
export function partnerCost(
  site: Site,
  workload: PlacementWorkload,
  here: number,
  there: number,
  { friend, mbPerRun }: { readonly friend: boolean; readonly mbPerRun: number },
): number {
  if (here === there) return 0;
  const { origin, latencyMs, mbps } = at(site.paths.routes([there], 'latencyMs'), here);
  const apart = origin === -1 ? rates.apartUnreachableSeconds : rates.apartSeconds + (2 * latencyMs) / 1000;
  const flow = origin === -1 ? rates.unreachableSeconds : latencyMs / 1000 + (mbPerRun * 8) / mbps;
  const seconds = (friend ? apart : 0) + (mbPerRun > 0 ? flow : 0);
  return toMicros(site.problem.weights.colocation * runsPerHour(workload) * workload.criticality * seconds);
}

/** The terms as a document, in their order; the total is their exact sum. */
export function objectiveOf(problem: PlacementProblem, micros: Readonly<Record<TermName, number>>): Objective {
  const weights = weightsOf(problem);
  const terms: MeritTerm[] = allTerms.map((name) => ({ name, unit: 's/h', weight: weights[name], cost: toSeconds(micros[name]) }));
  return { total: toSeconds(allTerms.reduce((sum, name) => sum + micros[name], 0)), terms };
}
