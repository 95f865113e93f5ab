/**
 * Machine reassignment of the ROADEF/EURO challenge 2012, translated into placement problems. Only names and units are translated:
 * machines are boxes, processes workloads of one replica, locations failure domains, neighbourhoods areas, services groups, resources
 * named ones, transient ones held while moving, safety capacities comfort with a price, the present assignment `current`. One unit of cost
 * is a millionth of a second per hour, or less where costs are large. What comes out is judged by the rules of the challenge.
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

/** No total may be above this many seconds per hour. */
const totalMax = 1e8;

export function reassignmentProblem(instance: Reassignment): PlacementProblem {
  const { resources, machines, services, processes, balances, weights, initial } = instance;
  const second = unitsPerSecond(instance);
  const named = resources.map((_, resource) => `r${resource}`);
  const amounts = (values: readonly number[]): Record<string, number> =>
    Object.fromEntries(named.map((name, resource) => [name, values[resource] ?? 0]));
  const none = { memoryMiB: 0, cacheMiB: 0, diskMiB: 0, vramMiB: 0 };
  const members = Map.groupBy(processes.keys(), (process) => processes[process]?.service ?? -1);
  return {
    version: 1,
    weights: {
      ...defaultWeights,
      latency: 0,
      hops: 0,
      robustness: 0,
      minimumSize: 0,
      colocation: 0,
      balance: 1,
      migration: 1,
      groupMoves: weights.service / second,
    },
    moveThresholdSeconds: 0,
    resources: resources.map(({ transient, weight }, resource) => ({
      id: `r${resource}`,
      heldWhileMoving: transient,
      aboveComfort: weight / second,
    })),
    proportions: balances.map(({ one, other, target, weight }) => ({
      of: `r${one}`,
      other: `r${other}`,
      ratio: target,
      price: weight / second,
    })),
    groups: services.map(({ spread, needs }, service) => ({
      id: `s${service}`,
      members: (members.get(service) ?? []).map((process) => `p${process}`),
      apart: true,
      leastDomains: spread,
      near: needs.map((need) => `s${need}`),
    })),
    nodes: machines.map(
      ({ neighbourhood, location, capacity, safety, moveCost }, machine): PlacementNode => ({
        id: `m${machine}`,
        domain: `l${location}`,
        area: `n${neighbourhood}`,
        level: 0,
        capacity: { ...none, cpuCores: 0, more: amounts(capacity) },
        comfort: {
          more: amounts(capacity.map((most, resource) => (most > 0 ? Math.min(1, (safety[resource] ?? 0) / most) : 1))),
        },
        tags: [],
        extras: [],
        admits: {},
        health: { usable: true, risk: 0 },
        speed: { diskMBps: 200, cacheMBps: 2000 },
        stagedArtefacts: [],
        leaving: moveCost.flatMap((cost, to) =>
          cost > 0 && to !== machine ? [{ to: `m${to}`, seconds: (weights.machine * cost) / second }] : [],
        ),
      }),
    ),
    links: [],
    sources: [],
    workloads: processes.map(
      ({ takes, moveCost }, process): PlacementWorkload => ({
        id: `p${process}`,
        tags: [],
        demand: { memoryMiB: 0, imageMiB: 0, cpuSeconds: 0, diskMiB: 0, vramMiB: 0, more: amounts(takes) },
        perHour: 1,
        durationSeconds: 1,
        inputs: [],
        criticality: 1,
        replicas: 1,
        spread: 'node',
        antiAffinity: [],
        affinity: [],
        requires: { tags: [], extras: [] },
        startup: { initSeconds: 0 },
        moveSeconds: (weights.process * moveCost) / second,
        classes: ['hot'],
        artefacts: [],
        mustBeStaged: false,
      }),
    ),
    current: initial.map((machine, process) => ({ workload: `p${process}`, replica: 0, node: `m${machine}`, class: 'hot' })),
    fixed: [],
    limits: { steps: 2_147_483_647, seed: 1, starts: 1 },
  };
}

/** A million, times ten for as long as all load above safety capacities together could be above what totals may be. */
function unitsPerSecond({ resources, processes }: Reassignment): number {
  const most = processes.reduce(
    (sum, { takes }) => takes.reduce((total, amount, resource) => total + amount * (resources[resource]?.weight ?? 0), sum),
    0,
  );
  let units = 1e6;
  while (most / units > totalMax) units *= 10;
  return units;
}
