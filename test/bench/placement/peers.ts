/**
 * Other ways to place the same problems, told apart from this engine by a name. None of them has more than eligible places to choose
 * from: rules that schedulers elsewhere lack (classes, links, failure domains) are kept for them.
 */
import { Candidate } from '../../../agent/placement/candidate.ts';
import { bestColumns, placingOrder } from '../../../agent/placement/construct.ts';
import { at, resources } from '../../../agent/placement/model.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { compile, type Instance } from '../../../agent/placement/slots.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';
import { evolve } from './genetic.ts';
import { kubeScore, nomadScore, type Scores } from './scheduler-scores.ts';
import { type Subject, takenFrom } from './subject.ts';

export const peers: readonly Subject[] = [
  { name: 'kube-scheduler (emulated)', plan: (problem) => scheduled(problem, kubeScore) },
  { name: 'nomad (emulated)', plan: (problem) => scheduled(problem, nomadScore) },
  { name: 'greedy', plan: greedy },
  { name: 'ga', plan: evolve },
  { name: 'random', plan: randomly },
];

/**
 * One replica after the other to the box with the best score, as a scheduler does that sees requests come one by one. Neither has
 * classes: requests are those of the class that needs least, and what room is left is then given, by criticality and rate, to the
 * classes that start sooner, where the replica is.
 */
function scheduled(problem: PlacementProblem, scores: Scores): ReturnType<Subject['plan']> {
  const candidate = new Candidate(compile(problem));
  const { slots, site } = candidate.instance;
  for (const [slot, { columns }] of slots.entries()) {
    const leanest = leanestByBox(candidate.instance, slot);
    let best = -1;
    let most = Number.NEGATIVE_INFINITY;
    for (const index of leanest) {
      const column = at(columns, index);
      if (!candidate.fits(slot, column)) continue;
      const score = scores(candidate, slot, column);
      if (score <= most) continue;
      most = score;
      best = index;
    }
    if (best !== -1) candidate.put(slot, best);
  }
  const worth = (slot: number): number => {
    const workload = at(site.workloads, at(slots, slot).workload);
    return workload.criticality * (workload.perHour ?? 0);
  };
  for (const slot of [...slots.keys()].sort((a, b) => worth(b) - worth(a) || a - b)) upgrade(candidate, slot);
  return takenFrom(candidate);
}

/** Of the columns of each box, the one that takes least memory and cache storage. */
function leanestByBox({ slots }: Instance, slot: number): readonly number[] {
  const leanest = new Map<number, number>();
  const { columns } = at(slots, slot);
  const size = (index: number): number =>
    at(at(columns, index).demand, resources.indexOf('memoryMiB')) + at(at(columns, index).demand, resources.indexOf('cacheMiB'));
  columns.forEach(({ node }, index) => {
    const known = leanest.get(node);
    if (known === undefined || size(index) < size(known)) leanest.set(node, index);
  });
  return [...leanest.values()];
}

function upgrade(candidate: Candidate, slot: number): void {
  const now = at(candidate.placed, slot);
  if (now === -1) return;
  const { columns } = at(candidate.instance.slots, slot);
  const { node } = at(columns, now);
  candidate.take(slot);
  // Columns come cheapest first: of one box, that is the class that starts soonest.
  const better = columns.findIndex((column) => column.node === node && candidate.fits(slot, column));
  candidate.put(slot, better === -1 ? now : better);
}

/** Most critical first, each to its cheapest place. */
function greedy(problem: PlacementProblem): ReturnType<Subject['plan']> {
  const candidate = new Candidate(compile(problem));
  for (const slot of placingOrder(candidate)) {
    const { column } = bestColumns(candidate, slot);
    if (column !== -1) candidate.put(slot, column);
  }
  return takenFrom(candidate);
}

/** Any order, any place that fits; again until the time is over, the best is kept. */
function randomly(problem: PlacementProblem, over: () => boolean): ReturnType<Subject['plan']> {
  const random = new PlacementRandom(problem.limits.seed);
  const instance = compile(problem);
  let best: Candidate | undefined;
  do {
    const candidate = new Candidate(instance);
    for (const slot of random.shuffle([...instance.slots.keys()])) {
      const { columns } = at(instance.slots, slot);
      for (let tries = 0; tries < Math.min(64, 4 * columns.length); tries += 1) {
        const index = random.nextInt(columns.length);
        if (!candidate.fits(slot, at(columns, index))) continue;
        candidate.put(slot, index);
        break;
      }
    }
    if (best === undefined || candidate.compare(best.unplaced, best.cost) < 0) best = candidate;
  } while (!over());
  return takenFrom(best);
}
