/** From workload files and reported boxes to a placement problem, with every default filled in. */
import type {
  MeasuredRun,
  PlacedReplica,
  PlacementLink,
  PlacementNode,
  PlacementProblem,
  PlacementSource,
  PlacementWorkload,
  ReportedNode,
  WorkloadSpec,
} from '../../schemas/generated/types.ts';
import { demandOf } from './demand.ts';
import { comfortOf } from './foreign-load.ts';
import { compareText, resources } from './model.ts';

/** What is known when a plan is to be made. */
export interface Planned {
  readonly specs: readonly WorkloadSpec[];
  readonly nodes: readonly ReportedNode[];
  readonly current: readonly PlacedReplica[];
  /** Replicas (`workload/replica`) that must stay where `current` has them. */
  readonly held?: ReadonlySet<string>;
  /** Artefacts that cannot be fetched now: work that needs one may only go where it is staged. */
  readonly unreachableArtefacts?: ReadonlySet<string>;
  /** How often jobs run and what their starts take, as observed; in place of what their specifications say. */
  readonly learned?: ReadonlyMap<string, LearnedRuns>;
  /** Boxes that take nothing new. */
  readonly cordoned?: ReadonlySet<string>;
  /** Between boxes of different tiers without a link of their own. */
  readonly uplink?: { readonly latencyMs: number; readonly mbps: number };
}

export interface LearnedRuns {
  readonly perHour: number;
  readonly durationSeconds: number;
  readonly measured: readonly MeasuredRun[];
}

export interface ProblemOptions {
  readonly weights?: Partial<PlacementProblem['weights']>;
  readonly limits?: Partial<PlacementProblem['limits']>;
  /** @default 1 second per hour */
  readonly moveThresholdSeconds?: number;
  /** Money per kWh. */
  readonly energyPrice?: number;
}

export const defaultWeights = { latency: 1, hops: 1, balance: 1, robustness: 1, minimumSize: 1, colocation: 1, migration: 1 } as const;
export const defaultLimits = { steps: 200_000, seed: 1, starts: 4 } as const;
/** Between boxes of one site that report no link to each other. */
const lan = { latencyMs: 0.5, mbps: 1000 } as const;
const defaultUplink = { latencyMs: 20, mbps: 100 } as const;
/** Boxes do not report these yet: an industrial SSD, and a RAM disk. */
const defaultSpeed = { diskMBps: 200, cacheMBps: 2000 } as const;
const jobRunsPerHour = 1;

/** Builds the problem. Boxes, links, sources and workloads are in order of name, so that equal knowledge gives equal plans. */
export function specsToProblem(known: Planned, options: ProblemOptions = {}): PlacementProblem {
  const nodes = [...known.nodes].sort((a, b) => compareText(a.topology.node, b.topology.node));
  const byReplica = (a: PlacedReplica, b: PlacedReplica): number => compareText(a.workload, b.workload) || a.replica - b.replica;
  const current = known.current
    .map(({ workload, replica, node, class: workClass }) => ({ workload, replica, node, class: workClass }))
    .sort(byReplica);
  const workloads = known.specs
    .map((spec) => withLearned(workloadOf(spec, known.unreachableArtefacts ?? new Set()), known.learned?.get(spec.name)))
    .sort((a, b) => compareText(a.id, b.id));
  const given = assignedBy(workloads, current);
  return {
    version: 1,
    weights: { ...defaultWeights, ...options.weights },
    moveThresholdSeconds: options.moveThresholdSeconds ?? 1,
    ...(options.energyPrice === undefined ? {} : { energyPrice: options.energyPrice }),
    nodes: nodes.map((node) => nodeOf(node, known.cordoned?.has(node.topology.node) ?? false, given(node.topology))),
    links: linksOf(nodes, known.uplink ?? defaultUplink),
    sources: sourcesOf(nodes),
    workloads,
    current,
    fixed: current.filter(({ workload, replica }) => known.held?.has(`${workload}/${replica}`) === true),
    limits: { ...defaultLimits, ...options.limits },
  };
}

/** One workload, defaults filled in. A service runs all the time: busy share 1, class hot, its CPU seconds are per second. */
export function workloadOf(spec: WorkloadSpec, unreachable: ReadonlySet<string>): PlacementWorkload {
  const { name, resources, requires = {}, artefacts = [] } = spec;
  const bytes = artefacts.reduce((sum, artefact) => sum + artefact.bytes, 0);
  const cpuSeconds = resources.cpuSecondsPerRun ?? 0.05;
  const service = spec.kind === 'service';
  const perHour = spec.perHour ?? (spec.idleGapSeconds !== undefined && !service ? undefined : service ? 3600 : jobRunsPerHour);
  const secondsPerRun = 3600 / (perHour ?? 3600);
  return {
    id: name,
    ...(spec.requester === undefined ? {} : { requester: spec.requester }),
    tags: [...(spec.tags ?? [])],
    demand: {
      memoryMiB: resources.memoryMiB,
      imageMiB: Math.max(1, Math.ceil(bytes / 2 ** 20)),
      cpuSeconds: service ? Math.min(86_400, cpuSeconds * secondsPerRun) : cpuSeconds,
      diskMiB: resources.diskMiB ?? 0,
      vramMiB: resources.vramMiB ?? 0,
    },
    ...(perHour === undefined ? { idleGapSeconds: spec.idleGapSeconds ?? 0 } : { perHour }),
    durationSeconds: service ? Math.min(604_800, secondsPerRun) : (spec.durationSeconds ?? 1),
    inputs: (spec.inputs ?? []).map(({ source, mbPerCall = 0, maxHops, maxLatencyMs, minMbps, rateMBps, linkKinds, hard = true }) => ({
      source,
      mbPerCall,
      hard,
      ...(maxHops === undefined ? {} : { maxHops }),
      ...(maxLatencyMs === undefined ? {} : { maxLatencyMs }),
      ...(minMbps === undefined ? {} : { minMbps }),
      ...(rateMBps === undefined ? {} : { rateMBps }),
      ...(linkKinds === undefined ? {} : { linkKinds: [...linkKinds] }),
    })),
    criticality: spec.criticality ?? 0.5,
    replicas: spec.replicas ?? 1,
    spread: spec.spread ?? 'node',
    antiAffinity: [...(spec.antiAffinity ?? [])],
    affinity: [...(spec.affinity ?? [])],
    ...(spec.flows === undefined ? {} : { flows: spec.flows.map(({ from, mbPerRun }) => ({ from, mbPerRun })) }),
    requires: {
      tags: [...(requires.tags ?? [])],
      extras: [...(requires.extras ?? [])],
      ...(requires.nodes === undefined ? {} : { nodes: [...requires.nodes] }),
    },
    startup: { initSeconds: spec.startup?.initSeconds ?? 0.2 },
    classes: service
      ? ['hot']
      : [...(spec.classes ?? (spec.resident === true ? (['hot', 'warm', 'cold'] as const) : (['warm', 'cold'] as const)))],
    artefacts: artefacts.map(({ sha256, bytes: size }) => ({ sha256, bytes: size })),
    mustBeStaged: artefacts.some(({ sha256 }) => unreachable.has(sha256)),
  };
}

/** Share of a box's capacity that work placed there now was given. */
function assignedBy(
  workloads: readonly PlacementWorkload[],
  current: readonly PlacedReplica[],
): (topology: ReportedNode['topology']) => { readonly cpu: number; readonly memory: number } {
  const byName = new Map(workloads.map((workload) => [workload.id, workload]));
  const here = Map.groupBy(current, ({ node }) => node);
  return ({ node, capacity }) => {
    const given = { cpuCores: 0, memoryMiB: 0 };
    for (const placed of here.get(node) ?? []) {
      const workload = byName.get(placed.workload);
      const demand = workload === undefined ? [] : demandOf(workload, placed.class, node);
      for (const key of ['cpuCores', 'memoryMiB'] as const) given[key] += demand[resources.indexOf(key)] ?? 0;
    }
    return { cpu: given.cpuCores / Math.max(0.001, capacity.cpuCores), memory: given.memoryMiB / Math.max(1, capacity.memoryMiB) };
  };
}

/** Services are always busy, however often they are asked: only jobs learn. */
function withLearned(workload: PlacementWorkload, learned: LearnedRuns | undefined): PlacementWorkload {
  if (learned === undefined) return workload;
  const { idleGapSeconds: _, ...rest } = workload;
  const { perHour, durationSeconds, measured } = learned;
  return {
    ...rest,
    perHour: Math.min(3_600_000, perHour),
    durationSeconds: Math.min(604_800, durationSeconds),
    ...(measured.length === 0 ? {} : { measured: measured.slice(0, 4096) }),
  };
}

function nodeOf(
  { topology, usable, reason, risk, staged, availability }: ReportedNode,
  cordoned: boolean,
  assigned: { readonly cpu: number; readonly memory: number },
): PlacementNode {
  const comfort = availability === undefined ? undefined : comfortOf(availability, assigned);
  const { capacity } = topology;
  const { memoryMiB, cacheMiB, cpuCores, diskMiB, vramMiB, maxWorkloads, minimumMemoryMiB, minimumVramMiB, requesters } = capacity;
  return {
    id: topology.node,
    domain: topology.domain,
    level: topology.level,
    capacity: { memoryMiB, cacheMiB, cpuCores, diskMiB, vramMiB },
    ...(comfort === undefined ? {} : { comfort }),
    ...(topology.energy === undefined ? {} : { energy: { ...topology.energy } }),
    tags: [...topology.tags],
    extras: [...topology.extras],
    // An empty list says nothing about who may ask.
    admits: requesters === undefined || requesters.length === 0 ? {} : { requesters: [...requesters] },
    health: { usable, cordoned, risk: Math.min(1, Math.max(0, risk)), ...(reason === null ? {} : { reason: reason.slice(0, 512) }) },
    speed: { ...defaultSpeed },
    stagedArtefacts: [...staged],
    ...(maxWorkloads === undefined ? {} : { maxWorkloads }),
    ...(minimumMemoryMiB === undefined ? {} : { minimumMemoryMiB }),
    ...(minimumVramMiB === undefined ? {} : { minimumVramMiB }),
  };
}

/** Links that either end has not used for some time though both live are lost. Reported links first; boxes of one site are on one LAN; tiers are joined by the uplink. */
function linksOf(nodes: readonly ReportedNode[], uplink: { readonly latencyMs: number; readonly mbps: number }): PlacementLink[] {
  const reported = new Map<string, PlacementLink>();
  const lost = new Set(
    nodes.flatMap(({ topology, unreached = [] }) => unreached.flatMap((to) => [`${topology.node} ${to}`, `${to} ${topology.node}`])),
  );
  for (const { topology } of nodes) {
    for (const { to, latencyMs, mbps, kind: said } of topology.links) {
      const [a, b] = topology.node < to ? [topology.node, to] : [to, topology.node];
      const key = `${a} ${b}`;
      if (lost.has(key)) continue;
      const known = reported.get(key);
      // Both ends report one link: believe the worse.
      const kind = known?.kind ?? said;
      reported.set(key, {
        a,
        b,
        ...(kind === undefined ? {} : { kind }),
        latencyMs: Math.max(latencyMs, known?.latencyMs ?? 0),
        mbps: Math.min(mbps, known?.mbps ?? mbps),
      });
    }
  }
  const links: PlacementLink[] = [...reported.values()];
  nodes.forEach(({ topology: a }, index) => {
    for (const { topology: b } of nodes.slice(index + 1)) {
      if (reported.has(`${a.node} ${b.node}`) || lost.has(`${a.node} ${b.node}`)) continue;
      if (a.site === b.site) links.push({ a: a.node, b: b.node, ...lan });
      else if (a.level !== b.level) links.push({ a: a.node, b: b.node, latencyMs: uplink.latencyMs, mbps: uplink.mbps });
    }
  });
  return links.sort((a, b) => compareText(a.a, b.a) || compareText(a.b, b.b));
}

function sourcesOf(nodes: readonly ReportedNode[]): PlacementSource[] {
  const sources = new Map<string, { readonly nodes: Set<string>; rateMBps: number }>();
  for (const { topology } of nodes) {
    for (const { source, rateMBps } of topology.devices.flatMap(({ delivers }) => delivers)) {
      const known = sources.get(source) ?? { nodes: new Set(), rateMBps: 0 };
      known.nodes.add(topology.node);
      // Any of the boxes may be asked for it: what is known of the slowest holds.
      known.rateMBps = known.rateMBps > 0 && rateMBps > 0 ? Math.min(known.rateMBps, rateMBps) : Math.max(known.rateMBps, rateMBps);
      sources.set(source, known);
    }
  }
  return [...sources].map(([id, { nodes: at, rateMBps }]) => ({ id, nodes: [...at], rateMBps })).sort((a, b) => compareText(a.id, b.id));
}
