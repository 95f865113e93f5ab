import { PlacementRandom } from '../../../agent/placement/random.ts';
import type { PlacementNode, PlacementProblem, PlacementWorkload } from '../../../schemas/generated/types.ts';
import { randomProblem } from './random-problem.ts';

/** What can stand against a place. Each changes a drawn problem so that it matters often. */
export const kinds = [
  'caps',
  'minimumMemory',
  'tags',
  'extras',
  'requesters',
  'workloadTags',
  'cordon',
  'unusable',
  'pin',
  'requiredNodes',
  'linkKinds',
  'minMbps',
  'rate',
  'maxLatency',
  'staged',
  'current',
  'fixed',
  'disk',
  'vram',
  'minimumVram',
  'reserved',
  'energy',
  'affinity',
] as const;
export type Kind = (typeof kinds)[number];

const image = 'a'.repeat(64);

/** How large a problem is. */
export interface Shape {
  /** 1 to 4. */
  readonly boxes: number;
  readonly workloads: number;
  /** At the most, of all workloads together. */
  readonly replicas: number;
}

/** A problem of at most three replicas on three boxes, or of a shape, with these kinds of constraints switched on. */
export function constrained(seed: number, on: ReadonlySet<Kind>, shape?: Shape): PlacementProblem {
  const random = new PlacementRandom(seed);
  const base = shape === undefined ? randomProblem(random, 3, 2 + random.nextInt(2)) : shaped(random, shape);
  const sometimes = <T extends object>(kind: Kind, parts: () => T): Partial<T> => (on.has(kind) && random.nextInt(2) === 0 ? parts() : {});
  const nodes = base.nodes.map(
    (node): PlacementNode => ({
      ...node,
      ...sometimes('caps', () => ({ maxWorkloads: random.nextInt(2) })),
      ...sometimes('minimumMemory', () => ({ minimumMemoryMiB: 200 })),
      ...sometimes('staged', () => ({ stagedArtefacts: [image] })),
      tags: on.has('tags') && random.nextInt(2) === 0 ? ['line'] : [],
      extras: on.has('extras') && random.nextInt(2) === 0 ? ['camera'] : [],
      admits: {
        ...sometimes('requesters', () => ({ requesters: ['shift'] })),
        ...sometimes('workloadTags', () => ({ workloadTags: ['batch'] })),
      },
      health: {
        ...node.health,
        ...sometimes('cordon', () => ({ cordoned: true })),
        ...(on.has('unusable') && random.nextInt(4) === 0 ? { usable: false } : {}),
      },
      capacity: {
        ...node.capacity,
        ...sometimes('disk', () => ({ diskMiB: 150 })),
        ...sometimes('vram', () => ({ vramMiB: 500 + random.nextInt(2500) })),
        ...sometimes('minimumVram', () => ({ vramMiB: 4000 })),
      },
      ...sometimes('minimumVram', () => ({ minimumVramMiB: 500 })),
      ...sometimes('reserved', () => ({
        reserved: {
          memoryMiB: random.nextInt(250),
          cacheMiB: random.nextInt(80),
          cpuCores: 0.5,
          diskMiB: 50,
          vramMiB: random.nextInt(900),
        },
      })),
      ...sometimes('energy', () => ({
        energy: { idleWatts: 20 + random.nextInt(100), fullWatts: 130, maySwitchOff: random.nextInt(3) > 0 },
      })),
    }),
  );
  const nameOf = (): string => nodes[random.nextInt(nodes.length)]?.id ?? '';
  const workloads = base.workloads.map(
    (workload): PlacementWorkload => ({
      ...workload,
      ...sometimes('requesters', () => ({ requester: random.nextInt(2) === 0 ? 'shift' : 'office' })),
      ...sometimes('pin', () => ({ pin: nameOf() })),
      ...sometimes('staged', () => ({ artefacts: [{ sha256: image, bytes: 1000 }], mustBeStaged: true })),
      tags: on.has('workloadTags') && random.nextInt(2) === 0 ? ['batch'] : [],
      demand: {
        ...workload.demand,
        ...sometimes('disk', () => ({ diskMiB: 60 + random.nextInt(60) })),
        ...sometimes('vram', () => ({ vramMiB: 100 + random.nextInt(2500) })),
      },
      ...sometimes('affinity', () => ({ affinity: base.workloads.map(({ id }) => id).filter(() => random.nextInt(2) === 0) })),
      requires: {
        tags: on.has('tags') && random.nextInt(2) === 0 ? ['line'] : [],
        extras: on.has('extras') && random.nextInt(2) === 0 ? ['camera'] : [],
        ...sometimes('requiredNodes', () => ({ nodes: [...new Set([nameOf(), nameOf()])] })),
      },
      inputs: workload.inputs.map((input) => ({
        ...input,
        ...sometimes('linkKinds', () => ({ linkKinds: ['fibre'] })),
        ...sometimes('minMbps', () => ({ minMbps: 100 })),
        ...sometimes('rate', () => ({ rateMBps: random.nextInt(3) === 0 ? 2 : 1 })),
        ...sometimes('maxLatency', () => ({ maxLatencyMs: 8 })),
      })),
    }),
  );
  const links = base.links.map((link) => (on.has('linkKinds') ? { ...link, kind: random.nextInt(2) === 0 ? 'fibre' : 'radio' } : link));
  const usable = nodes.filter(({ health }) => health.usable);
  const placed = workloads.slice(0, 1).flatMap(({ id, classes: [workClass] }) => {
    const node = usable[random.nextInt(usable.length)];
    return node === undefined || workClass === undefined ? [] : [{ workload: id, replica: 0, node: node.id, class: workClass }];
  });
  return {
    ...base,
    ...(on.has('energy') ? { energyPrice: 0.3, weights: { ...base.weights, energy: 1 + random.nextInt(300) } } : {}),
    nodes,
    links,
    workloads,
    current: on.has('current') || on.has('fixed') ? placed : [],
    fixed: on.has('fixed') ? placed : [],
  };
}

/** Of that many workloads, with any of the three classes. */
function shaped(random: PlacementRandom, { boxes, workloads: count, replicas: most }: Shape): PlacementProblem {
  const base = randomProblem(random, boxes, 2 * count);
  let left = most - count;
  const subsets = [['hot'], ['warm'], ['cold'], ['hot', 'warm'], ['warm', 'cold'], ['hot', 'cold'], ['hot', 'warm', 'cold']] as const;
  const workloads = base.workloads.slice(0, count).map((workload): PlacementWorkload => {
    const replicas = Math.min(workload.replicas, 1 + left);
    left -= replicas - 1;
    return { ...workload, replicas, classes: [...(subsets[random.nextInt(subsets.length)] ?? subsets[0])] };
  });
  return { ...base, workloads };
}

/** What replicas have to do with each other, and what moves and load cost beside. */
export const bonds = [
  'further',
  'held',
  'apart',
  'leastDomains',
  'near',
  'aboveComfort',
  'proportions',
  'leaving',
  'moveSeconds',
  'groupMoves',
] as const;
export type Bond = (typeof bonds)[number];

/** Such bonds added to a problem: few boxes and replicas, so that they matter often. Where nothing stands, some replicas are given a box. */
export function withBonds(problem: PlacementProblem, seed: number, on: ReadonlySet<Bond>): PlacementProblem {
  const random = new PlacementRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[random.nextInt(items.length)] as T;
  const { nodes, workloads } = problem;
  const further = on.has('further') || on.has('held') || on.has('proportions');
  const names = workloads.map(({ id }) => id);
  const some = (): string[] => names.filter(() => random.nextInt(3) > 0);
  const near = on.has('near');
  const groups = [
    { id: 'g0', members: some(), apart: on.has('apart'), leastDomains: on.has('leastDomains') ? 2 + random.nextInt(2) : 1 },
    { id: 'g1', members: some(), ...(near ? { near: ['g2'] } : {}) },
    { id: 'g2', members: some(), ...(near && random.nextInt(2) === 0 ? { near: ['g0'] } : {}) },
  ];
  const moving = on.has('held') || on.has('leaving') || on.has('moveSeconds') || on.has('groupMoves');
  const standing = workloads.flatMap(({ id, classes, replicas }) =>
    Array.from({ length: replicas }, (_, replica) => ({ workload: id, replica, node: pick(nodes).id, class: pick(classes) })).filter(
      () => random.nextInt(4) > 0,
    ),
  );
  return {
    ...problem,
    weights: { ...problem.weights, ...(on.has('groupMoves') ? { groupMoves: 5 } : {}) },
    ...(further || on.has('aboveComfort')
      ? {
          resources: [
            ...(further ? [{ id: 'seats', heldWhileMoving: on.has('held'), ...(on.has('aboveComfort') ? { aboveComfort: 3 } : {}) }] : []),
            { id: 'memoryMiB', heldWhileMoving: on.has('held'), ...(on.has('aboveComfort') ? { aboveComfort: 0.1 } : {}) },
          ],
        }
      : {}),
    ...(on.has('proportions')
      ? { proportions: [{ of: 'seats', other: 'memoryMiB', ratio: pick([60, 200]), price: pick([0.2, 20]) }] }
      : {}),
    groups,
    ...(on.has('moveSeconds') ? { moveThresholdSeconds: 0 } : {}),
    current: moving && problem.current.length === 0 ? standing : problem.current,
    nodes: nodes.map((node) => ({
      ...node,
      ...(random.nextInt(2) === 0 ? { area: pick(['one', 'two']) } : {}),
      ...(on.has('leaving') ? { leaving: nodes.slice(1).map(({ id }) => ({ to: id, seconds: random.nextInt(30) })) } : {}),
      capacity: { ...node.capacity, ...(further ? { more: { seats: 2 + random.nextInt(4) } } : {}) },
    })),
    workloads: workloads.map((workload) => ({
      ...workload,
      ...(on.has('moveSeconds') ? { moveSeconds: pick([0, 0, 30]) } : {}),
      demand: { ...workload.demand, ...(further ? { more: { seats: random.nextInt(4) } } : {}) },
    })),
  };
}
