/** Small placement problems for tests: give what matters, the rest is sound. */

import type { PlacementRandom } from '../../../agent/placement/random.ts';
import { defaultWeights } from '../../../agent/placement/spec-to-problem.ts';
import type { PlacementNode, PlacementProblem, PlacementWorkload } from '../../../schemas/generated/types.ts';

type NodeParts = Partial<Omit<PlacementNode, 'capacity'>> & { readonly capacity?: Partial<PlacementNode['capacity']> };
type WorkloadParts = Partial<Omit<PlacementWorkload, 'demand'>> & { readonly demand?: Partial<PlacementWorkload['demand']> };

export function makeNode(id: string, { capacity, ...parts }: NodeParts = {}): PlacementNode {
  return {
    id,
    domain: id,
    level: 0,
    capacity: { memoryMiB: 1024, cacheMiB: 512, cpuCores: 4, diskMiB: 10_000, vramMiB: 0, ...capacity },
    tags: [],
    extras: [],
    admits: {},
    health: { usable: true, risk: 0 },
    speed: { diskMBps: 200, cacheMBps: 2000 },
    stagedArtefacts: [],
    ...parts,
  };
}

export function makeWorkload(id: string, { demand, ...parts }: WorkloadParts = {}): PlacementWorkload {
  return {
    id,
    tags: [],
    demand: { memoryMiB: 100, imageMiB: 50, cpuSeconds: 0.05, diskMiB: 0, vramMiB: 0, ...demand },
    ...(parts.idleGapSeconds === undefined ? { perHour: 60 } : {}),
    durationSeconds: 1,
    inputs: [],
    criticality: 0.5,
    replicas: 1,
    spread: 'node',
    antiAffinity: [],
    affinity: [],
    requires: { tags: [], extras: [] },
    startup: { initSeconds: 2 },
    classes: ['hot', 'warm', 'cold'],
    artefacts: [],
    mustBeStaged: false,
    ...parts,
  };
}

export function makeProblem(
  nodes: PlacementNode[],
  workloads: PlacementWorkload[],
  parts: Partial<PlacementProblem> = {},
): PlacementProblem {
  return {
    version: 1,
    weights: { ...defaultWeights },
    moveThresholdSeconds: 1,
    nodes,
    links: [],
    sources: [],
    workloads,
    current: [],
    fixed: [],
    limits: { steps: 20_000, seed: 7, starts: 3 },
    ...parts,
  };
}

/** Where each replica went: `{ 'w/0': 'a:hot' }`. */
export function placesOf({ assignments }: { readonly assignments: PlacementProblem['current'] }): Record<string, string> {
  return Object.fromEntries(
    assignments.map(({ workload, replica, node, class: workClass }) => [`${workload}/${replica}`, `${node}:${workClass}`]),
  );
}

/** Generalised assignment as its files have it, hard: what costs least takes most, so no replica can be placed well by itself. */
export function correlatedNumbers(random: PlacementRandom, agents: number, jobs: number): readonly number[] {
  const size = Array.from({ length: agents * jobs }, () => 1 + random.nextInt(100));
  const cost = size.map((one) => 121 - one + random.nextInt(21));
  const capacity = Array.from({ length: agents }, (_, agent) =>
    Math.floor((0.9 * size.slice(agent * jobs, (agent + 1) * jobs).reduce((sum, one) => sum + one, 0)) / agents),
  );
  return [agents, jobs, ...cost, ...size, ...capacity];
}
