/** Files of the generalised assignment problem, translated into placement problems: jobs are workloads, agents boxes. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultWeights } from '../../../agent/placement/spec-to-problem.ts';
import type { PlacementNode, PlacementProblem } from '../../../schemas/generated/types.ts';

export interface NamedProblem {
  readonly name: string;
  readonly size: string;
  readonly problem: PlacementProblem;
  /** Value to compare with, and what it is. */
  readonly reference: number | undefined;
  readonly referenceKind: string;
}

/** Instances of a folder, in the format of OR-Library: m n, costs by agent, resources by agent, capacities. */
export function readGapFolder(folder: string): readonly NamedProblem[] {
  const best = new Map(
    readFileSync(join(folder, 'best.csv'), 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(','))
      .map(([name = '', , , value]) => [name, Number(value)] as const),
  );
  return readdirSync(folder)
    .filter((name) => !name.includes('.'))
    .sort()
    .map((name) => {
      const numbers = readFileSync(join(folder, name), 'utf8').trim().split(/\s+/).map(Number);
      const problem = gapProblem(numbers);
      return {
        name,
        size: `${problem.workloads.length}x${problem.nodes.length}`,
        problem,
        reference: best.get(name),
        referenceKind: 'best known',
      };
    });
}

export function gapProblem(numbers: readonly number[]): PlacementProblem {
  const [agents = 0, jobs = 0] = numbers;
  const value = (table: number, agent: number, job: number): number => numbers[2 + (table * agents + agent) * jobs + job] ?? Number.NaN;
  return {
    version: 1,
    weights: { ...defaultWeights, balance: 0, robustness: 0 },
    moveThresholdSeconds: 0,
    nodes: Array.from({ length: agents }, (_, agent) => box(`n${agent}`, numbers[2 + 2 * agents * jobs + agent] ?? Number.NaN)),
    links: [],
    sources: [],
    workloads: Array.from({ length: jobs }, (_, job) => ({
      id: `w${job}`,
      tags: [],
      demand: { memoryMiB: 0, imageMiB: 0, cpuSeconds: 0, diskMiB: 0, vramMiB: 0 },
      perHour: 1,
      durationSeconds: 1,
      inputs: [],
      criticality: 1,
      replicas: 1,
      spread: 'node' as const,
      antiAffinity: [],
      affinity: [],
      requires: { tags: [], extras: [] },
      startup: { initSeconds: 0 },
      classes: ['hot' as const],
      artefacts: [],
      mustBeStaged: false,
      measured: Array.from({ length: agents }, (_, agent) => ({
        node: `n${agent}`,
        startSeconds: value(0, agent, job),
        memoryMiB: value(1, agent, job),
      })),
    })),
    current: [],
    fixed: [],
    limits: { steps: 2_147_483_647, seed: 1, starts: 2 },
  };
}

function box(id: string, memoryMiB: number): PlacementNode {
  return {
    id,
    domain: id,
    level: 0,
    capacity: { memoryMiB, cacheMiB: 0, cpuCores: 0, diskMiB: 0, vramMiB: 0 },
    tags: [],
    extras: [],
    admits: {},
    health: { usable: true, risk: 0 },
    speed: { diskMBps: 200, cacheMBps: 2000 },
    stagedArtefacts: [],
  };
}
