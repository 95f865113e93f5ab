/**
 * Machine reassignment of the ROADEF/EURO challenge 2012, translated into placement problems as far as these carry it.
 *
 * Mapped: machines are boxes, processes workloads of one replica, locations failure domains, the present assignment `current`; up to
 * five resources (an amount in cache storage is a warm image); conflicts are anti-affinities; safety capacities are comfort; moving a
 * process costs what the process costs to move.
 * Different: load above the safety capacity costs its square here, the excess there, and all resources weigh alike here.
 * Not carried, and so left out: further resources, the spread of a service over a number of locations, dependencies between services in
 * a neighbourhood, resources that a moving process takes at both ends, balance between resources, costs by service and by pair of
 * machines, conflicts of services of more than 65 processes.
 * What comes out is judged by the rules of the challenge, so that what is left out shows.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultWeights } from '../../../agent/placement/spec-to-problem.ts';
import type { PlacementNode, PlacementProblem, PlacementWorkload } from '../../../schemas/generated/types.ts';

export interface Reassignment {
  readonly resources: readonly { readonly transient: boolean; readonly weight: number }[];
  readonly machines: readonly {
    readonly neighbourhood: number;
    readonly location: number;
    readonly capacity: readonly number[];
    readonly safety: readonly number[];
    readonly moveCost: readonly number[];
  }[];
  readonly services: readonly { readonly spread: number; readonly needs: readonly number[] }[];
  readonly processes: readonly { readonly service: number; readonly takes: readonly number[]; readonly moveCost: number }[];
  readonly balances: readonly { readonly one: number; readonly other: number; readonly target: number; readonly weight: number }[];
  readonly weights: { readonly process: number; readonly service: number; readonly machine: number };
  readonly initial: readonly number[];
}

export interface NamedReassignment {
  readonly name: string;
  readonly instance: Reassignment;
  readonly winner: number;
  readonly original: number;
}

/** Instances of a folder, in the format of the challenge. */
export function* readRoadefFolder(folder: string, only: string): Generator<NamedReassignment> {
  const lines = readFileSync(join(folder, 'best.csv'), 'utf8').trim().split('\n').slice(1);
  for (const line of lines) {
    const [name = '', winner] = line.trim().split(',');
    if (!name.startsWith(only) || !existsSync(join(folder, `model_${name}.txt`))) continue;
    const read = (kind: string): number[] =>
      readFileSync(join(folder, `${kind}_${name}.txt`), 'utf8')
        .trim()
        .split(/\s+/)
        .map(Number);
    yield {
      name,
      instance: parseReassignment(read('model'), read('assignment')),
      winner: Number(winner),
      original: read('original_cost')[0] ?? Number.NaN,
    };
  }
}

export function parseReassignment(numbers: readonly number[], initial: readonly number[]): Reassignment {
  let next = 0;
  const take = (): number => {
    const value = numbers[next];
    if (value === undefined) throw new RangeError('The file ends too early');
    next += 1;
    return value;
  };
  const list = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
  const resources = list(take(), () => ({ transient: take() === 1, weight: take() }));
  const machineCount = take();
  const machines = list(machineCount, () => ({
    neighbourhood: take(),
    location: take(),
    capacity: list(resources.length, take),
    safety: list(resources.length, take),
    moveCost: list(machineCount, take),
  }));
  const services = list(take(), () => ({ spread: take(), needs: list(take(), take) }));
  const processes = list(take(), () => ({ service: take(), takes: list(resources.length, take), moveCost: take() }));
  const balances = list(take(), () => ({ one: take(), other: take(), target: take(), weight: take() }));
  return { resources, machines, services, processes, balances, weights: { process: take(), service: take(), machine: take() }, initial };
}

/** Places for amounts in the public problem. */
const carried = ['memoryMiB', 'diskMiB', 'cpuCores', 'cacheMiB', 'vramMiB'] as const;
type Carried = (typeof carried)[number];
/** Migration weight: leaves room for costs of moves from a thousandth of a second upward. */
const migration = 0.001;
const cpuMax = 80_000;
const enemiesMax = 32;

export function reassignmentProblem({ resources, machines, processes, weights, initial }: Reassignment): PlacementProblem {
  const kept = resources.length <= carried.length ? resources.map((_, index) => index) : heaviest(resources, carried.length);
  const largest = Math.max(1, ...processes.map(({ takes }) => takes[kept[2] ?? -1] ?? 0));
  const scaleOf = (place: Carried): number => (place === 'cpuCores' ? cpuMax / largest : 1);
  const amount = (values: readonly number[], place: Carried): number => {
    const resource = kept[carried.indexOf(place)];
    return resource === undefined ? 0 : (values[resource] ?? 0) * scaleOf(place);
  };
  const vector = (values: readonly number[]): PlacementNode['capacity'] => ({
    memoryMiB: amount(values, 'memoryMiB'),
    cacheMiB: amount(values, 'cacheMiB'),
    cpuCores: amount(values, 'cpuCores'),
    diskMiB: amount(values, 'diskMiB'),
    vramMiB: amount(values, 'vramMiB'),
  });
  const excesses = machines.flatMap(({ capacity, safety }) =>
    kept.map((resource) => (resources[resource]?.weight ?? 0) * ((capacity[resource] ?? 0) - (safety[resource] ?? 0))),
  );
  // Ten seconds per hour is one resource of one box in full use.
  const unitsPerSecond = Math.max(1, excesses.reduce((sum, excess) => sum + excess, 0) / Math.max(1, excesses.length) / 10);
  const byService = Map.groupBy(processes.keys(), (process) => processes[process]?.service ?? -1);
  return {
    version: 1,
    weights: { ...defaultWeights, latency: 0, hops: 0, robustness: 0, minimumSize: 0, colocation: 0, migration },
    moveThresholdSeconds: 0,
    nodes: machines.map(({ location, capacity, safety }, machine): PlacementNode => {
      const whole = vector(capacity);
      const safe = vector(safety);
      const share = (place: Carried): number => (whole[place] > 0 ? Math.min(1, safe[place] / whole[place]) : 1);
      return {
        id: `m${machine}`,
        domain: `l${location}`,
        level: 0,
        capacity: whole,
        comfort: {
          memoryMiB: share('memoryMiB'),
          cacheMiB: share('cacheMiB'),
          cpuCores: share('cpuCores'),
          diskMiB: share('diskMiB'),
          vramMiB: share('vramMiB'),
        },
        tags: [],
        extras: [],
        admits: {},
        health: { usable: true, risk: 0 },
        speed: { diskMBps: 200, cacheMBps: 2000 },
        stagedArtefacts: [],
      };
    }),
    links: [],
    sources: [],
    workloads: processes.map(({ service, takes, moveCost }, process): PlacementWorkload => {
      const { memoryMiB, cacheMiB, cpuCores, diskMiB, vramMiB } = vector(takes);
      return {
        id: `p${process}`,
        tags: [],
        // Runs all the time, and so takes all its memory in the one class that takes cache storage as well.
        demand: { memoryMiB, imageMiB: cacheMiB, cpuSeconds: cpuCores, diskMiB, vramMiB },
        perHour: 3600,
        durationSeconds: 1,
        inputs: [],
        criticality: 1,
        replicas: 1,
        spread: 'node',
        antiAffinity: enemiesOf(process, byService.get(service) ?? []).map((other) => `p${other}`),
        affinity: [],
        requires: { tags: [], extras: [] },
        startup: { initSeconds: Math.min(3600, Math.max(0, (weights.process * moveCost) / unitsPerSecond / migration - 1)) },
        classes: ['warm'],
        artefacts: [],
        mustBeStaged: false,
      };
    }),
    current: initial.map((machine, process) => ({ workload: `p${process}`, replica: 0, node: `m${machine}`, class: 'warm' })),
    fixed: [],
    limits: { steps: 2_147_483_647, seed: 1, starts: 1 },
  };
}

/** Resources with the highest weights, in their order. */
function heaviest(resources: Reassignment['resources'], count: number): readonly number[] {
  return [...resources.keys()]
    .sort((a, b) => (resources[b]?.weight ?? 0) - (resources[a]?.weight ?? 0) || a - b)
    .slice(0, count)
    .sort((a, b) => a - b);
}

/** Each process names half of the others, so that every pair is named once. */
function enemiesOf(process: number, group: readonly number[]): readonly number[] {
  const self = group.indexOf(process);
  const half = Math.floor((group.length - 1) / 2) + (group.length % 2 === 0 && self < group.length / 2 ? 1 : 0);
  return Array.from({ length: Math.min(enemiesMax, half) }, (_, step) => group[(self + step + 1) % group.length] ?? process);
}
