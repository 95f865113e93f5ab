/** A plain genetic algorithm: plans as lists of columns, two parents by tournament, one-point crossover, mutation, overload at a price. */
import { Candidate } from '../../../agent/placement/candidate.ts';
import { at, resources } from '../../../agent/placement/model.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { compile, type Instance } from '../../../agent/placement/slots.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';
import { type Subject, takenFrom } from './subject.ts';

const population = 40;
const mutations = 2;

interface Individual {
  readonly genes: Int32Array;
  readonly cost: number;
}

export function evolve(problem: PlacementProblem, over: () => boolean): ReturnType<Subject['plan']> {
  const random = new PlacementRandom(problem.limits.seed);
  const instance = compile(problem);
  const { slots } = instance;
  const scale = slots.reduce((sum, { columns }) => sum + (columns.at(-1)?.cost ?? 0), 1);
  const anyColumn = (slot: number): number => {
    const share = random.next();
    return Math.floor(share * share * at(slots, slot).columns.length);
  };
  const born = (genes: Int32Array): Individual => ({ genes, cost: costOf(instance, genes, scale) });
  const crowd: Individual[] = [];
  while (crowd.length < population && (crowd.length === 0 || !over()))
    crowd.push(born(Int32Array.from({ length: slots.length }, (_, slot) => anyColumn(slot))));
  const winner = (): Individual => {
    const [a, b] = [at(crowd, random.nextInt(crowd.length)), at(crowd, random.nextInt(crowd.length))];
    return a.cost <= b.cost ? a : b;
  };
  while (!over() && slots.length > 0) {
    const genes = winner().genes.slice();
    const cut = random.nextInt(slots.length);
    genes.set(winner().genes.subarray(cut), cut);
    for (let turn = 0; turn < mutations; turn += 1) {
      const slot = random.nextInt(slots.length);
      genes[slot] = anyColumn(slot);
    }
    const child = born(genes);
    const worst = crowd.reduce((most, one, index) => (one.cost > at(crowd, most).cost ? index : most), 0);
    if (child.cost < at(crowd, worst).cost) crowd[worst] = child;
  }
  const best = crowd.reduce((least, one) => (one.cost < least.cost ? one : least));
  const candidate = new Candidate(instance);
  best.genes.forEach((column, slot) => {
    const option = at(slots, slot).columns[column];
    if (option !== undefined && candidate.fits(slot, option)) candidate.put(slot, column);
  });
  return takenFrom(candidate);
}

/** Own costs of the columns, and for every rule broken or resource overfull a share of the dearest plan. */
function costOf({ slots, slotsOf, site, apart }: Instance, genes: Int32Array, scale: number): number {
  const { nodes, available, workloads } = site;
  const width = resources.length;
  const load = new Float64Array(nodes.length * width);
  const count = new Int32Array(nodes.length);
  let cost = 0;
  let broken = 0;
  const boxOf = (slot: number): number => at(slots, slot).columns[at(genes, slot)]?.node ?? -1;
  for (const [slot, { columns, workload, moving }] of slots.entries()) {
    const column = columns[at(genes, slot)];
    if (column === undefined) {
      broken += 1;
      continue;
    }
    cost += column.cost + at(moving, at(genes, slot));
    count[column.node] = at(count, column.node) + 1;
    for (let r = 0; r < width; r += 1) load[column.node * width + r] = at(load, column.node * width + r) + at(column.demand, r);
    const { spread } = at(workloads, workload);
    const domainOf = (node: number): string => at(nodes, node).domain;
    for (const other of at(slotsOf, workload)) {
      const there = boxOf(other);
      if (other < slot && there !== -1 && (there === column.node || (spread === 'domain' && domainOf(there) === domainOf(column.node))))
        broken += 1;
    }
    for (const enemy of at(apart, workload)) broken += at(slotsOf, enemy).filter((other) => boxOf(other) === column.node).length / 2;
  }
  nodes.forEach(({ maxWorkloads }, node) => {
    broken += Math.max(0, at(count, node) - (maxWorkloads ?? Number.POSITIVE_INFINITY));
    for (let r = 0; r < width; r += 1) {
      const whole = at(at(available, node), r);
      const above = at(load, node * width + r) - whole;
      if (above > 0) broken += above / Math.max(1e-9, whole);
    }
  });
  return cost + broken * scale;
}
