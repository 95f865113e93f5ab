import { PlacementRandom } from '../../../agent/placement/random.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';
import { makeNode, makeProblem, makeWorkload } from './problems.ts';

/** A tight problem of at most 4 replicas; `nodes` up to 4. Often not everything fits. */
export function randomProblem(random: PlacementRandom, nodes: number, slots: number): PlacementProblem {
  const names = ['a', 'b', 'c', 'd'].slice(0, nodes);
  const pick = <T>(items: readonly T[]): T => items[random.nextInt(items.length)] as T;
  const workloads: PlacementProblem['workloads'] = [];
  for (let left = slots; left > 0; ) {
    const replicas = Math.min(left, 1 + random.nextInt(2));
    left -= replicas;
    const id = `w${workloads.length}`;
    workloads.push(
      makeWorkload(id, {
        replicas,
        criticality: pick([0.2, 0.5, 1]),
        spread: pick(['node', 'domain'] as const),
        perHour: pick([2, 60, 900]),
        durationSeconds: pick([1, 10]),
        demand: { memoryMiB: 50 + random.nextInt(500), imageMiB: 20 + random.nextInt(200), cpuSeconds: random.next() * 5 },
        antiAffinity: random.nextInt(4) === 0 ? ['w0'] : [],
        inputs:
          random.nextInt(2) === 0
            ? [{ source: 's', mbPerCall: random.nextInt(20), hard: true, ...(random.nextInt(3) === 0 ? { maxHops: 1 } : {}) }]
            : [],
        classes: pick([['hot', 'warm'] as const, ['warm', 'cold'] as const, ['hot', 'cold'] as const]).slice(),
      }),
    );
  }
  return makeProblem(
    names.map((id) =>
      makeNode(id, {
        domain: pick(['east', 'west', id]),
        capacity: { memoryMiB: 300 + random.nextInt(500), cacheMiB: 100 + random.nextInt(300), cpuCores: 2 },
        health: { usable: true, risk: pick([0, 0.1, 0.9]) },
      }),
    ),
    workloads,
    {
      links: names.flatMap((a, index) =>
        names
          .slice(index + 1)
          .flatMap((b) => (random.nextInt(3) === 0 ? [] : [{ a, b, latencyMs: 1 + random.nextInt(20), mbps: pick([10, 100, 1000]) }])),
      ),
      sources: [{ id: 's', nodes: [pick(names)], rateMBps: 1 }],
      limits: { steps: 40_000, seed: random.nextInt(1000), starts: 3 },
    },
  );
}

/** One of two to four boxes and one to four replicas. */
export function drawnProblem(seed: number): PlacementProblem {
  const random = new PlacementRandom(seed);
  return randomProblem(random, 2 + random.nextInt(3), 1 + random.nextInt(4));
}
