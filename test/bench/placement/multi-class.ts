/**
 * Seeded multi-class problems: boxes in three tiers, links between them, shared data sources, replicas spread over boxes and failure
 * domains, work that must not meet, special hardware and administrative limits. A plan is planted first and the boxes are made to hold
 * it, so that a plan exists; hot, all work would need about twice the memory there is.
 */
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { defaultWeights } from '../../../agent/placement/spec-to-problem.ts';
import type { PlacedReplica, PlacementNode, PlacementProblem, PlacementWorkload } from '../../../schemas/generated/types.ts';

export interface MultiClassShape {
  readonly workloads: number;
  readonly nodes: number;
  readonly seed: number;
  /** All resources as scarce as memory, not memory and cache storage alone. */
  readonly tight?: boolean;
}

type Class = PlacementWorkload['classes'][number];
interface Load {
  memoryMiB: number;
  cacheMiB: number;
  cpuCores: number;
  diskMiB: number;
  vramMiB: number;
  replicas: number;
  /** The largest single run: a box must hold each while it runs. */
  runMiB: number;
  runVramMiB: number;
}

export interface PlantedProblem {
  readonly problem: PlacementProblem;
  /** A plan that keeps every rule; far from the best. */
  readonly planted: readonly PlacedReplica[];
}

/** Boxes of a cell, its gateway not counted. */
const cellBoxes = 8;
/** Room left over by the planted plan: a box has at least so much, and up to so much more. */
const scarce = { least: 1.02, more: 0.13 };
const ample = { least: 1.1, more: 0.5 };
const hotShare = 0.34;
const warmShare = 0.36;

export function multiClassProblem({ workloads: count, nodes: boxes, seed, tight = false }: MultiClassShape): PlantedProblem {
  const random = new PlacementRandom(seed * 7919 + count * 31 + boxes);
  const pick = <T>(items: readonly T[]): T => items[random.nextInt(items.length)] as T;
  const cellOf = (box: number): number => Math.floor(box / (cellBoxes + 1));
  const isGateway = (box: number): boolean => box % (cellBoxes + 1) === 0;
  const cells = cellOf(boxes - 1) + 1;
  const boxesOf = (cell: number): readonly number[] =>
    Array.from({ length: Math.min(cellBoxes + 1, boxes - cell * (cellBoxes + 1)) }, (_, index) => cell * (cellBoxes + 1) + index);
  const sources = Array.from({ length: Math.max(4, boxes >> 1) }, (_, index) => {
    const cell = random.nextInt(cells);
    const at = boxesOf(cell);
    return { id: `s${index}`, cell, nodes: [...new Set(random.nextInt(4) === 0 ? [pick(at), pick(at)] : [pick(at)])].map(name) };
  });
  const hasGpu = Array.from({ length: boxes }, () => random.nextInt(8) === 0);
  const load = Array.from(
    { length: boxes },
    (): Load => ({ memoryMiB: 0, cacheMiB: 0, cpuCores: 0, diskMiB: 0, vramMiB: 0, replicas: 0, runMiB: 0, runVramMiB: 0 }),
  );
  const boxesOfWork: (readonly number[])[] = [];
  const planted: PlacedReplica[] = [];

  const workloads = Array.from({ length: count }, (_, index): PlacementWorkload => {
    const memoryMiB = 40 + random.nextInt(900);
    const replicas = random.nextInt(8) === 0 ? 2 + random.nextInt(2) : 1;
    const byDomain = cells > 3 && random.nextInt(3) === 0;
    const vramMiB = random.nextInt(20) === 0 ? 256 * (1 + random.nextInt(8)) : 0;
    const enemy = index > 0 && random.nextInt(20) === 0 ? random.nextInt(index) : -1;
    const perHour = pick([1, 4, 12, 60, 180, 400]);
    const durationSeconds = 1 + random.nextInt(6);
    const work = {
      demand: {
        memoryMiB,
        imageMiB: 20 + random.nextInt(400),
        cpuSeconds: 0.05 + random.nextInt(200) / 100,
        diskMiB: random.nextInt(500),
        vramMiB,
      },
      perHour,
      durationSeconds,
    };
    const where = plant(replicas, byDomain, vramMiB > 0, enemy === -1 ? [] : (boxesOfWork[enemy] ?? []));
    boxesOfWork.push(where);
    const drawn = random.next();
    const workClass: Class = drawn < hotShare ? 'hot' : drawn < hotShare + warmShare ? 'warm' : 'cold';
    for (const [replica, box] of where.entries()) {
      occupy(load[box], work, workClass);
      planted.push({ workload: `w${index}`, replica, node: name(box), class: workClass });
    }
    const near = sources.filter(({ cell }) => cell === cellOf(where[0] ?? 0));
    const strict = near.length > 0 && where.length === 1 && random.nextInt(6) === 0;
    const inputs = Array.from({ length: random.nextInt(3) }, (__, number) => ({
      source: (strict && number === 0 ? pick(near) : pick(sources)).id,
      mbPerCall: random.nextInt(20),
      hard: true,
      ...(strict && number === 0 ? { maxHops: 2 } : {}),
    }));
    return {
      id: `w${index}`,
      tags: random.nextInt(10) === 0 ? ['batch'] : ['line'],
      ...work,
      inputs: inputs.filter(({ source }, number) => inputs.findIndex((one) => one.source === source) === number),
      criticality: pick([0.2, 0.5, 1]),
      replicas: where.length,
      spread: byDomain ? 'domain' : 'node',
      antiAffinity: enemy === -1 ? [] : [`w${enemy}`],
      affinity: [],
      requires: { tags: [], extras: vramMiB > 0 ? ['gpu'] : [] },
      startup: { initSeconds: 0.5 + random.nextInt(80) / 10 },
      classes: ['hot', 'warm', 'cold'],
      artefacts: [],
      mustBeStaged: false,
    };
  });

  function plant(replicas: number, byDomain: boolean, gpu: boolean, avoided: readonly number[]): readonly number[] {
    const where: number[] = [];
    const may = (box: number): boolean =>
      !avoided.includes(box) && !where.some((other) => other === box || (byDomain && cellOf(other) === cellOf(box)));
    const start = random.nextInt(boxes);
    for (let turn = 0; turn < boxes && where.length < replicas; turn += 1) {
      const box = gpu || turn > 20 ? (start + turn) % boxes : random.nextInt(boxes);
      if (!may(box)) continue;
      // A problem without enough such boxes gets one.
      if (gpu && turn > boxes / 2) hasGpu[box] = true;
      if (!gpu || hasGpu[box] === true) where.push(box);
    }
    return where;
  }

  const roomFor = (amount: number, least: number, room = scarce): number =>
    Math.ceil(Math.max(least, amount) * (room.least + room.more * random.next()));
  const others = tight ? scarce : ample;
  const problem: PlacementProblem = {
    version: 1,
    weights: { ...defaultWeights },
    moveThresholdSeconds: 0,
    nodes: load.map((used, box): PlacementNode => {
      const gateway = isGateway(box);
      return {
        id: name(box),
        ...(gateway ? (box === 0 ? {} : { parent: name(0) }) : { parent: name(cellOf(box) * (cellBoxes + 1)) }),
        domain: `cell-${cellOf(box)}`,
        level: gateway ? (box === 0 ? 2 : 1) : 0,
        capacity: {
          memoryMiB: roomFor(used.memoryMiB, Math.max(256, used.runMiB)),
          cacheMiB: roomFor(used.cacheMiB, 64),
          cpuCores: roomFor(used.cpuCores * 100, 50, others) / 100,
          diskMiB: roomFor(used.diskMiB, 1000, others),
          vramMiB: hasGpu[box] === true ? roomFor(used.vramMiB, Math.max(2048, used.runVramMiB), others) : 0,
        },
        ...(random.nextInt(6) === 0 ? { maxWorkloads: used.replicas + 2 } : {}),
        tags: [],
        extras: hasGpu[box] === true ? ['gpu'] : [],
        admits: {},
        health: { usable: true, risk: pick([0, 0, 0, 0.05, 0.2]) },
        speed: { diskMBps: 100 + random.nextInt(400), cacheMBps: 1000 + random.nextInt(2000) },
        stagedArtefacts: [],
      };
    }),
    links: Array.from({ length: boxes - 1 }, (_, index) => {
      const box = index + 1;
      return isGateway(box)
        ? { a: name(box), b: name(0), latencyMs: 5 + random.nextInt(20), mbps: pick([100, 1000]) }
        : { a: name(box), b: name(cellOf(box) * (cellBoxes + 1)), latencyMs: 1 + random.nextInt(3), mbps: pick([100, 1000, 1000]) };
    }),
    sources: sources.map(({ id, nodes }) => ({ id, nodes, rateMBps: 1 })),
    workloads,
    current: [],
    fixed: [],
    limits: { steps: 2_147_483_647, seed: 1, starts: 2 },
  };
  return { problem, planted };
}

function name(box: number): string {
  return `n${box}`;
}

/** Adds what a replica in a class uses: the model's own rule. */
function occupy(
  load: Load | undefined,
  {
    demand,
    perHour,
    durationSeconds,
  }: { readonly demand: PlacementWorkload['demand']; readonly perHour: number; readonly durationSeconds: number },
  workClass: Class,
): void {
  if (load === undefined) return;
  const busy = workClass === 'hot' ? 1 : Math.min(1, (perHour * durationSeconds) / 3600);
  load.memoryMiB += busy * demand.memoryMiB;
  load.cacheMiB += workClass === 'warm' ? demand.imageMiB : 0;
  load.cpuCores += (perHour * demand.cpuSeconds) / 3600;
  load.diskMiB += demand.diskMiB;
  load.vramMiB += busy * demand.vramMiB;
  load.replicas += 1;
  load.runMiB = Math.max(load.runMiB, demand.memoryMiB);
  load.runVramMiB = Math.max(load.runVramMiB, demand.vramMiB);
}
