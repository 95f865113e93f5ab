/** The smallest box that would give a place to what has none: of what was found, not of all there might be. */
import type {
  PlacedReplica,
  PlacementLink,
  PlacementNode,
  PlacementProblem,
  PlacementWorkload,
  Plan,
  ResourceVector,
} from '../../schemas/generated/types.ts';
import { Candidate } from './candidate.ts';
import { placingOrder } from './construct.ts';
import { availableAt, demandOf, memoryAt } from './demand.ts';
import { load, placesOf } from './evaluate.ts';
import { at, classes, furtherResources, isResource, type Resource, resources, tolerance, type WorkClass } from './model.ts';
import { finish, planDocument } from './plan-document.ts';
import { shortages } from './shortage.ts';
import { readSite } from './site.ts';
import { compile } from './slots.ts';
import type { SolveOptions } from './solve.ts';
import { changed } from './what-if.ts';

/** A box that takes what has no place, beside the others. */
export interface SmallestBox {
  readonly node: PlacementNode;
  readonly links: readonly PlacementLink[];
  /** Of the problem with that box; all has a place. */
  readonly plan: Plan;
}

type Beside = Omit<SmallestBox, 'plan'>;

/** Plans a problem; with `places` a small part of it is free to move. */
export type SideSearch = (problem: PlacementProblem, options?: Pick<SolveOptions, 'places'>) => Plan;

/** Whole steps a person would order; of further resources just what is needed. */
const grain: Readonly<Record<Resource, number>> = { memoryMiB: 256, cacheMiB: 256, cpuCores: 0.5, diskMiB: 1024, vramMiB: 1024 };
/** More than the work of any site: the limit of an amount. */
const vast = 1e12;
/** Tags of a box, and extras, at the most. */
const labelsMax = 64;
/** Boxes tried as neighbours of the new one. */
const neighboursMax = 8;
/** Of these, how many are tried where others have to move, which takes a search of the whole for each size. */
const movedNeighboursMax = 3;
/** Sizes tried then, as multiples of what the homeless need; the last is enough for everything. */
const multiples = [1, 2, 4, Number.POSITIVE_INFINITY];
/** Boxes, and replicas of each side, that are rearranged to make the new box smaller. */
const rearrangedBoxes = 4;
const rearrangedReplicas = 24;

/**
 * A box that makes the problem feasible. Mostly no search is needed: all that has a place keeps it, or leaves it for what is kept off the new
 * box by rules, and the box holds the rest, each in its most frugal class. Then each resource in turn is made less, as far as a few boxes
 * beside the new one can take what it gives up.
 * @param plan of the problem, with something unplaced.
 * @param over true when no further search is to begin: then what was found so far is returned.
 * @returns undefined when none was found, which proves nothing.
 */
export function smallestBox(
  problem: PlacementProblem,
  plan: Plan,
  solve: SideSearch,
  over: () => boolean = () => false,
): SmallestBox | undefined {
  const homeless = new Set(plan.unplaced.map(({ workload }) => workload));
  const waiting = problem.workloads.filter(({ id }) => homeless.has(id));
  if (waiting.length === 0) return undefined;
  const possible: Beside[] = [];
  for (const beside of neighbourhoods(problem, plan, waiting)) {
    const fitted = fittedIn(problem, plan, beside);
    if (fitted === 'nowhere') continue;
    if (fitted !== undefined) return lessened(problem, fitted, solve, over);
    possible.push(beside);
  }
  const least = sizeFor(
    problem,
    plan.unplaced.map(({ workload: id }) => {
      const workload = workloadOf(problem, id);
      return { workload, class: [...classes].reverse().find((one) => workload.classes.includes(one)) ?? 'cold' };
    }),
  );
  for (const multiple of multiples)
    for (const beside of possible.slice(0, movedNeighboursMax)) {
      if (over()) return undefined;
      const capacity = multiple === Number.POSITIVE_INFINITY ? everything(problem) : scaled(least, multiple);
      const solved = solve(withBox(problem, { ...beside, node: { ...beside.node, capacity } }));
      const found = solved.unplaced.length === 0 ? tightened(problem, beside, solved.assignments) : undefined;
      if (found !== undefined) return lessened(problem, found, solve, over);
    }
  return undefined;
}

/** New boxes, each linked like another one: near the data and the company of what waits, then like any box. */
function neighbourhoods(problem: PlacementProblem, plan: Plan, waiting: readonly PlacementWorkload[]): readonly Beside[] {
  const { nodes, groups = [] } = problem;
  const site = readSite(problem);
  const usable = nodes.filter(({ health }) => health.usable);
  const nearData = waiting.flatMap(({ inputs }) =>
    inputs.filter(({ hard }) => hard).flatMap((input) => [...site.nearest(input).subarray(0, 2)].map((node) => at(nodes, node))),
  );
  const wanted = new Set(groups.filter(({ members }) => waiting.some(({ id }) => members.includes(id))).flatMap(({ near = [] }) => near));
  const company = new Set(groups.filter(({ id }) => wanted.has(id)).flatMap(({ members }) => members));
  const hosts = new Set(plan.assignments.filter(({ workload }) => company.has(workload)).map(({ node }) => node));
  const models = [...nearData, ...usable.filter(({ id }) => hosts.has(id)), ...usable].filter(({ health }) => health.usable);
  const distinct = [...new Set([...models, ...nodes])].slice(0, neighboursMax);
  // All there are: what nobody on it needs in the end is taken off again.
  const needs = [...waiting, ...problem.workloads].map(({ requires }) => requires);
  const tags = [...new Set(needs.flatMap((one) => one.tags))].slice(0, labelsMax);
  const extras = [...new Set(needs.flatMap((one) => one.extras))].slice(0, labelsMax);
  return (distinct.length > 0 ? distinct : [undefined]).map((model) => {
    const { node, links } = likeNeighbour(problem, model);
    return { node: { ...node, tags, extras }, links };
  });
}

/** A new box beside an existing one: linked to it and as it is linked. */
function likeNeighbour({ nodes, links: known, groups = [] }: PlacementProblem, model: PlacementNode | undefined): Beside {
  const names = new Set(nodes.flatMap((node) => [node.id, node.domain, node.area ?? node.domain]));
  let id = 'new-box';
  for (let number = 2; names.has(id); number += 1) id = `new-box-${number}`;
  const fresh = { id, domain: id, admits: {}, health: { usable: true, risk: 0 } };
  if (model === undefined) return { node: { ...plainBox, ...fresh }, links: [] };
  const near = known.filter(({ a, b }) => a === model.id || b === model.id);
  const best = near.reduce<PlacementLink | undefined>(
    (most, link) => (most === undefined || link.mbps > most.mbps ? link : most),
    undefined,
  );
  const { reserved, minimumMemoryMiB, minimumVramMiB, maxWorkloads, comfort, ...rest } = model;
  return {
    node: { ...rest, ...fresh, ...(groups.length > 0 ? { area: model.area ?? model.domain } : {}) },
    links: [
      ...near.map((link) => ({ ...link, ...(link.a === model.id ? { a: id } : { b: id }) })),
      { ...(best ?? { latencyMs: 1, mbps: 1000 }), a: id, b: model.id },
    ],
  };
}

const plainBox: Omit<PlacementNode, 'id' | 'domain'> = {
  level: 0,
  capacity: { memoryMiB: 0, cacheMiB: 0, cpuCores: 0, diskMiB: 0, vramMiB: 0 },
  tags: [],
  extras: [],
  admits: {},
  health: { usable: true, risk: 0 },
  speed: { diskMBps: 200, cacheMBps: 2000 },
  stagedArtefacts: [],
};

/**
 * All that has a place keeps it, and the box takes what finds none beside that. What the rules keep off the new box gets the room of others,
 * and these go there.
 * @returns undefined when that is not enough, 'nowhere' when something could not run even if all boxes were empty and this one vast.
 */
function fittedIn(problem: PlacementProblem, plan: Plan, beside: Beside): SmallestBox | 'nowhere' | undefined {
  const large = withBox(problem, { ...beside, node: { ...beside.node, capacity: everything(problem) } });
  const all = new Set(large.nodes.map(({ id }) => id));
  const places = new Map(
    [...placesOf([problem.current, plan.assignments])].map(([workload, own]) => [workload, new Set([...own, beside.node.id])]),
  );
  for (const { workload } of plan.unplaced) places.set(workload, all);
  const candidate = load(new Candidate(compile(large, { places })), plan);
  const { slots, site } = candidate.instance;
  const homeless = placingOrder(candidate).filter((slot) => at(candidate.placed, slot) === -1);
  if (homeless.some((slot) => at(slots, slot).columns.length === 0)) return 'nowhere';
  const box = site.nodeIndex.get(beside.node.id) ?? -1;
  for (const slot of homeless) {
    const found = [...at(slots, slot).columns.keys()].find(
      (column) => at(at(slots, slot).columns, column).node !== box && candidate.fits(slot, at(at(slots, slot).columns, column)),
    );
    if (found !== undefined) candidate.put(slot, found);
    else if (!putFrugally(candidate, slot, box) && !makeRoom(candidate, slot, box)) return undefined;
  }
  saveCache(candidate, box, problem);
  return tightened(problem, beside, finish(candidate, 'regret').assignments);
}

/** Puts a slot on a box in the class that takes least there; false when it does not fit. */
function putFrugally(candidate: Candidate, slot: number, box: number): boolean {
  const { columns } = at(candidate.instance.slots, slot);
  const [memory, cache] = [resources.indexOf('memoryMiB'), resources.indexOf('cacheMiB')];
  const takes = (column: number, resource: number): number => at(at(columns, column).demand, resource);
  const [found] = [...columns.keys()]
    .filter((column) => at(columns, column).node === box && candidate.fits(slot, at(columns, column)))
    .sort((a, b) => takes(a, memory) - takes(b, memory) || takes(a, cache) - takes(b, cache));
  if (found !== undefined) candidate.put(slot, found);
  return found !== undefined;
}

/** Brings a slot onto another box, whose work goes to the new one as far as it must: onto that where least memory moves. */
function makeRoom(candidate: Candidate, slot: number, box: number): boolean {
  const { columns } = at(candidate.instance.slots, slot);
  const before = candidate.placed.slice();
  let best: { readonly placed: Int32Array; readonly moved: number } | undefined;
  columns.forEach((column, index) => {
    if (column.node === box) return;
    const moved = emptied(candidate, slot, index, box);
    if (moved !== undefined && (best === undefined || moved < best.moved)) best = { placed: candidate.placed.slice(), moved };
    candidate.restore(before);
  });
  if (best !== undefined) candidate.restore(best.placed);
  return best !== undefined;
}

/** Memory moved to put the slot into that column; undefined when that does not go. The candidate is left as it then is. */
function emptied(candidate: Candidate, slot: number, index: number, box: number): number | undefined {
  const { slots } = candidate.instance;
  const column = at(at(slots, slot).columns, index);
  const memory = (other: number): number => candidate.column(other)?.demand[0] ?? 0;
  const moved: { readonly slot: number; readonly column: number; readonly memory: number }[] = [];
  for (const other of [...candidate.slotsAt(column.node)].sort((a, b) => memory(b) - memory(a))) {
    if (candidate.fits(slot, column)) break;
    moved.push({ slot: other, column: at(candidate.placed, other), memory: memory(other) });
    candidate.take(other);
  }
  if (!candidate.fits(slot, column)) return undefined;
  candidate.put(slot, index);
  let sum = 0;
  for (const gone of moved.reverse()) {
    if (candidate.fits(gone.slot, at(at(slots, gone.slot).columns, gone.column))) candidate.put(gone.slot, gone.column);
    else if (putFrugally(candidate, gone.slot, box)) sum += gone.memory;
    else return undefined;
  }
  return sum;
}

/** What is kept warm becomes hot where the memory is there anyhow, as some run needs it: then it takes no cache. */
function saveCache(candidate: Candidate, box: number, problem: PlacementProblem): void {
  const { slots, site } = candidate.instance;
  const here = [...candidate.slotsAt(box)];
  const size = (): ResourceVector =>
    sizeFor(
      problem,
      here.map((slot) => ({ workload: at(site.workloads, at(slots, slot).workload), class: candidate.column(slot)?.class ?? 'hot' })),
    );
  // Each look counts all that is there.
  for (const slot of here.slice(0, rearrangedReplicas)) {
    const before = { column: at(candidate.placed, slot), size: size() };
    const hot = at(slots, slot).columns.findIndex(({ node, class: workClass }) => node === box && workClass === 'hot');
    if (hot === -1 || hot === before.column) continue;
    candidate.take(slot);
    candidate.put(slot, hot);
    const after = size();
    if (after.memoryMiB <= before.size.memoryMiB && after.vramMiB <= before.size.vramMiB && after.cacheMiB < before.size.cacheMiB) continue;
    candidate.take(slot);
    candidate.put(slot, before.column);
  }
}

/** The same with less of each resource in turn, as far as searches among a few boxes bring it. */
function lessened(problem: PlacementProblem, found: SmallestBox, solve: SideSearch, over: () => boolean): SmallestBox {
  let best = found;
  const short = new Map(shortages(problem).map(({ resource, need, have }) => [resource, need - have]));
  for (const resource of resources) {
    const size = grain[resource];
    let low = Math.ceil(((short.get(resource) ?? 0) - tolerance) / size);
    let high = Math.round(best.node.capacity[resource] / size);
    while (low < high && !over()) {
      const middle = Math.floor((low + high) / 2);
      const less = rearranged(problem, best, resource, middle * size, solve);
      if (less === undefined) low = middle + 1;
      else {
        best = less;
        high = Math.min(middle, Math.round(best.node.capacity[resource] / size));
      }
    }
  }
  return best;
}

/** Plans what is on the new box and on the boxes with most of a resource left anew, with less of it on the new box; the rest stays. */
function rearranged(
  problem: PlacementProblem,
  { node, links, plan }: SmallestBox,
  resource: Resource,
  amount: number,
  solve: SideSearch,
): SmallestBox | undefined {
  const capacity = { ...node.capacity, [resource]: amount };
  const smaller = withBox(problem, { node: { ...node, capacity }, links });
  const index = resources.indexOf(resource);
  const further = furtherResources(problem);
  const workloads = new Map(problem.workloads.map((workload) => [workload.id, workload]));
  const pinned = new Set(problem.fixed.map(({ workload, replica }) => `${workload}/${replica}`));
  const takes = ({ workload, class: workClass, node: box }: PlacedReplica): number => {
    const known = workloads.get(workload);
    return known === undefined ? 0 : at(demandOf(known, workClass, box, further), index);
  };
  const used = new Map<string, number>();
  for (const placed of plan.assignments) used.set(placed.node, (used.get(placed.node) ?? 0) + takes(placed));
  const left = (box: PlacementNode): number => at(availableAt(box), index) - (used.get(box.id) ?? 0);
  const boxes = problem.nodes
    .filter(({ health }) => health.usable)
    .sort((a, b) => left(b) - left(a))
    .slice(0, rearrangedBoxes);
  const byBox = Map.groupBy(plan.assignments, (placed) => placed.node);
  const free = new Set<PlacedReplica>();
  const release = (box: string): void => {
    const movable = (byBox.get(box) ?? []).filter(({ workload, replica }) => !pinned.has(`${workload}/${replica}`));
    for (const placed of movable.sort((a, b) => takes(b) - takes(a)).slice(0, rearrangedReplicas)) free.add(placed);
  };
  for (const box of [node, ...boxes]) release(box.id);
  const fixed = plan.assignments.filter((placed) => !free.has(placed));
  const staying = fixed.reduce((sum, placed) => sum + (placed.node === node.id ? takes(placed) : 0), 0);
  if (staying > amount + tolerance) return undefined;
  const among = new Set([node.id, ...boxes.map(({ id }) => id)]);
  const places = new Map([...free].map(({ workload }) => [workload, among]));
  const solved = solve({ ...smaller, fixed }, { places });
  return solved.unplaced.length === 0 ? tightened(problem, { node, links }, solved.assignments) : undefined;
}

/** The box as large as what it has to hold, and the plan as it costs then. */
function tightened(problem: PlacementProblem, { node, links }: Beside, assignments: readonly PlacedReplica[]): SmallestBox | undefined {
  const here = assignments
    .filter((placed) => placed.node === node.id)
    .map(({ workload, class: workClass }) => ({ workload: workloadOf(problem, workload), class: workClass }));
  const needed = (label: 'tags' | 'extras'): string[] =>
    node[label].filter((one) => here.some(({ workload }) => workload.requires[label].includes(one)));
  const box = { ...node, tags: needed('tags'), extras: needed('extras'), capacity: sizeFor(problem, here) };
  const whole = withBox(problem, { node: box, links });
  const candidate = load(new Candidate(compile(whole, { places: placesOf([problem.current, assignments]) })), {
    assignments: [...assignments],
  });
  if (candidate.placed.includes(-1)) return undefined;
  const best = finish(candidate, 'search');
  const { seed } = problem.limits;
  const trace: Plan['trace'] = { seed, steps: candidate.steps, interrupted: false, madeBy: 'search', starts: [] };
  const { gapPercent: _, ...plan } = planDocument(candidate, best, [best], false, 0, trace);
  return { node: box, links, plan: { ...plan, bound: 0, provenBy: 'none' } };
}

interface Held {
  readonly workload: PlacementWorkload;
  readonly class: WorkClass;
}

/** What a new box needs to hold these: their sum, and while one runs, all of its memory. */
function sizeFor(problem: PlacementProblem, here: readonly Held[]): ResourceVector {
  const names = furtherResources(problem);
  const sums = [...resources, ...names].map(() => 0);
  let memoryMiB = 0;
  let vramMiB = 0;
  for (const { workload, class: workClass } of here) {
    demandOf(workload, workClass, undefined, names).forEach((amount, index) => {
      sums[index] = at(sums, index) + amount;
    });
    memoryMiB = Math.max(memoryMiB, memoryAt(workload, ''));
    vramMiB = Math.max(vramMiB, workload.demand.vramMiB);
  }
  const whole: Partial<Record<string, number>> = { memoryMiB, vramMiB };
  const amounts = [...resources, ...names].map((name, index): readonly [string, number] => {
    const need = Math.max(at(sums, index), whole[name] ?? 0);
    if (!isResource(name)) return [name, Math.round(need * 1e6) / 1e6];
    return [name, Math.max(0, Math.ceil((need - tolerance) / grain[name])) * grain[name]];
  });
  return vectorOf(amounts);
}

function vectorOf(amounts: readonly (readonly [string, number])[]): ResourceVector {
  const five = Object.fromEntries(amounts.filter(([name]) => isResource(name))) as Record<Resource, number>;
  const more = Object.fromEntries(amounts.filter(([name]) => !isResource(name)));
  return Object.keys(more).length === 0 ? five : { ...five, more };
}

function everything(problem: PlacementProblem): ResourceVector {
  return vectorOf([...resources, ...furtherResources(problem)].map((name) => [name, vast] as const));
}

function scaled({ more = {}, ...five }: ResourceVector, factor: number): ResourceVector {
  return vectorOf([...Object.entries(five), ...Object.entries(more)].map(([name, amount]) => [name, factor * amount] as const));
}

function withBox(problem: PlacementProblem, { node, links }: Beside): PlacementProblem {
  return changed(problem, { kind: 'add', nodes: [node], links });
}

function workloadOf({ workloads }: PlacementProblem, id: string): PlacementWorkload {
  const found = workloads.find((workload) => workload.id === id);
  if (found === undefined) throw new RangeError(`No workload ${id}`);
  return found;
}
