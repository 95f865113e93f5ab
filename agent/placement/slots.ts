/** Slots: one per replica to be placed, with its columns; most critical levels first. */
import type { PlacedReplica, PlacementProblem, PlacementWorkload } from '../../schemas/generated/types.ts';
import { type Column, type ColumnChoice, columnsOf, type Omitted } from './columns.ts';
import { demandOf } from './demand.ts';
import { GroupRules } from './groups.ts';
import { Held } from './held.ts';
import { leavingCosts, moveCost, rates } from './merit.ts';
import { at, compareText, type WorkClass } from './model.ts';
import { readSite, type Site } from './site.ts';

export interface Slot {
  readonly workload: number;
  readonly replica: number;
  /** 0 for the most critical workloads, growing as criticality falls. */
  readonly level: number;
  readonly columns: readonly Column[];
  /** No column left out of `columns` costs less; infinite when none was. */
  readonly leastOmitted: number;
  /** All those; undefined when they are not listed. */
  readonly omitted: readonly Omitted[] | undefined;
  /** Per column, micro-seconds per hour of moving there; 0 where it stays, or must leave its box anyhow. */
  readonly moving: readonly number[];
  /** Column it has now, -1 when it has none or may not keep it. */
  readonly currentColumn: number;
  readonly currentNode: number;
  /** It may stay on its box, so that leaving it is a move. */
  readonly mayStay: boolean;
  /** Column the search begins with: that of a plan made before, else the current one; -1 for none. */
  readonly startColumn: number;
}

/** A replica that stays where it is, whatever the plan says. */
export interface FixedReplica {
  readonly workload: number;
  readonly replica: number;
  /** -1 when the box is not part of the problem. */
  readonly node: number;
  readonly nodeName: string;
  readonly class: WorkClass;
  readonly demand: readonly number[];
}

/** A workload another one should be near. */
export interface Partner {
  readonly workload: number;
  /** Named in `affinity`. */
  readonly friend: boolean;
  /** Megabytes that come from it at each run. */
  readonly mbPerRun: number;
}

export interface Instance {
  readonly site: Site;
  readonly checkpoint: () => void;
  /** Not all boxes were looked at: nothing is known about plans that use the others. */
  readonly sampled: boolean;
  readonly slots: readonly Slot[];
  readonly fixed: readonly FixedReplica[];
  readonly levels: number;
  /** Slots and fixed replicas of each workload. */
  readonly slotsOf: readonly (readonly number[])[];
  readonly fixedOf: readonly (readonly FixedReplica[])[];
  /** Workloads that must not share a box, both ways. */
  readonly apart: readonly ReadonlySet<number>[];
  /** Workloads it should be near, for affinity or for the data they give. */
  readonly near: readonly (readonly Partner[])[];
  /** Workloads whose affinity must be looked at again when this one moves. */
  readonly watchedBy: readonly (readonly number[])[];
  /** Sources that several workloads read, by number. */
  readonly shared: readonly (readonly number[])[];
  readonly sharedCount: number;
  /** Rules of groups, and room held by moves; undefined where there are none. */
  readonly groups: GroupRules | undefined;
  readonly held: Held | undefined;
}

export interface CompileOptions {
  /** The problem as it was read already, with the ways it has found: only limits and what is fixed may differ. Read when absent. */
  readonly site?: Site;
  /** Per workload, boxes to be looked at; none where it is not named. All when absent. */
  readonly places?: ReadonlyMap<string, ReadonlySet<string>>;
  /** Replicas (`workload/replica`) that may change class, but not leave the box they are on. */
  readonly stay?: ReadonlySet<string>;
  /** Asked before each workload: when true, from there on only some boxes are looked at for each, near its data and drawn. */
  readonly hurry?: () => boolean;
  /** Called every few thousand small steps of whatever is made from the instance; by throwing it ends that at once, without a plan. */
  readonly checkpoint?: () => void;
  /** A plan to begin with; what stands when absent. */
  readonly start?: readonly PlacedReplica[];
  /** About so many columns are kept where there would be more: of large sites the cheapest, and a sample. All when absent. */
  readonly columnsMax?: number;
}

export function compile(problem: PlacementProblem, options: CompileOptions = {}): Instance {
  const { checkpoint = nothing, site = readSite(problem) } = options;
  const { workloads, workloadIndex } = site;
  const fixed = problem.fixed.flatMap((placed): FixedReplica[] => {
    const workload = workloadIndex.get(placed.workload);
    if (workload === undefined) return [];
    const demand = demandOf(at(workloads, workload), placed.class, placed.node, site.further);
    return [
      {
        workload,
        replica: placed.replica,
        node: site.nodeIndex.get(placed.node) ?? -1,
        nodeName: placed.node,
        class: placed.class,
        demand,
      },
    ];
  });
  const { slots, sampled } = makeSlots(site, fixed, options);
  checkpoint();
  const slotsOf: number[][] = workloads.map(() => []);
  for (const [index, { workload }] of slots.entries()) at(slotsOf, workload).push(index);
  const apart = workloads.map(() => new Set<number>());
  const near = workloads.map((workload, self) => partnersOf(workload, self, workloadIndex));
  workloads.forEach(({ antiAffinity }, self) => {
    for (const other of numbers(antiAffinity, workloadIndex)) {
      if (other === self) continue;
      at(apart, self).add(other);
      at(apart, other).add(self);
    }
  });
  const fixedOf: FixedReplica[][] = workloads.map(() => []);
  for (const replica of fixed) at(fixedOf, replica.workload).push(replica);
  const { shared, sharedCount } = sharedSources(site);
  const free = Int32Array.from(slotsOf, ({ length }) => length);
  return {
    groups: GroupRules.of(site, free, fixed),
    held: Held.of(site),
    site,
    checkpoint,
    sampled,
    slots,
    fixed,
    levels: slots.reduce((most, { level }) => Math.max(most, level + 1), 1),
    slotsOf,
    fixedOf,
    apart,
    near,
    watchedBy: watchersOf(near),
    shared,
    sharedCount,
  };
}

/** Boxes looked at for one workload in a hurry. */
const sampleBoxes = 96;

/** A quarter of the boxes nearest to the data, the others drawn evenly from all. */
function sample(site: Site, { inputs }: PlacementWorkload, draw: number): readonly number[] {
  const count = site.nodes.length;
  const near = inputs.flatMap((input) => [...site.nearest(input).subarray(0, Math.floor(sampleBoxes / 4 / inputs.length))]);
  const left = sampleBoxes - near.length;
  return [...near, ...Array.from({ length: left }, (_, turn) => (draw + Math.floor((turn * count) / left)) % count)];
}

/** Who must be looked at again when a workload moves: those that want to be near it, and itself when it wants that; in their order. */
function watchersOf(near: readonly (readonly Partner[])[]): readonly (readonly number[])[] {
  const watchers: number[][] = near.map(() => []);
  near.forEach((others, watcher) => {
    if (others.length === 0) return;
    for (const workload of new Set([watcher, ...others.map((one) => one.workload)])) at(watchers, workload).push(watcher);
  });
  return watchers;
}

function nothing(): void {}

function never(): boolean {
  return false;
}

/** Columns up to which those left out are listed: more take more memory than a better bound is worth. */
const listedMax = 1_500_000;
/** Fewer columns of a class than these are never kept. */
const perClassMin = 32;

function makeSlots(
  site: Site,
  fixed: readonly FixedReplica[],
  { places, stay, start = [], hurry = never, checkpoint = nothing, columnsMax = Number.POSITIVE_INFINITY }: CompileOptions,
): { readonly slots: readonly Slot[]; readonly sampled: boolean } {
  const { problem, workloads } = site;
  let sampled = false;
  const hasCordoned = site.nodes.some(({ health }) => health.cordoned === true);
  const isFixed = new Set(fixed.map(({ workload, replica }) => `${workload}/${replica}`));
  const current = new Map(problem.current.map((placed) => [`${placed.workload}/${placed.replica}`, placed]));
  const begun = new Map(start.map((placed) => [`${placed.workload}/${placed.replica}`, placed]));
  const ranks = [...new Set(workloads.map(({ criticality }) => criticality))].sort((a, b) => b - a);
  const wanted = workloads.reduce((sum, { replicas, classes }) => sum + replicas * classes.length, 0);
  const listOmitted = wanted * site.nodes.length <= listedMax;
  const perClass = Math.max(perClassMin, Math.floor(columnsMax / Math.max(1, wanted)));
  const slots = workloads.flatMap((workload, index) => {
    const free = Array.from({ length: workload.replicas }, (_, replica) => replica).filter(
      (replica) => !isFixed.has(`${index}/${replica}`),
    );
    // Of a large site most is fixed when a part is planned: what it could do elsewhere need not be known.
    if (free.length === 0) return [];
    checkpoint();
    const among = places && new Set([...(places.get(workload.id) ?? [])].flatMap((name) => site.nodeIndex.get(name) ?? []));
    const kept = new Set(free.flatMap((replica) => site.nodeIndex.get(current.get(`${workload.id}/${replica}`)?.node ?? '') ?? []));
    const look = (boxes: ReadonlySet<number> | undefined): ColumnChoice =>
      columnsOf(site, workload, { ...(boxes === undefined ? {} : { among: boxes }), perClass, kept, draw: index * 7, listOmitted });
    const few = among === undefined && site.nodes.length > 1.5 * sampleBoxes && hurry();
    const quick = few ? look(new Set([...sample(site, workload, index * 7), ...kept])) : undefined;
    const found = quick !== undefined && quick.columns.length > 0;
    sampled ||= found;
    const { columns: all, leastOmitted, omitted } = found ? quick : look(among);
    const cost = moveCost(problem, workload);
    const unmoved = all.map(() => 0);
    return free.map((replica): Slot => {
      const placed = current.get(`${workload.id}/${replica}`);
      const currentNode = placed === undefined ? -1 : (site.nodeIndex.get(placed.node) ?? -1);
      // A cordoned box takes nothing new and keeps what it has.
      const stays = stay?.has(`${workload.id}/${replica}`) === true;
      const columns =
        !stays && !hasCordoned
          ? all
          : all.filter(({ node }) => node === currentNode || (!stays && at(site.nodes, node).health.cordoned !== true));
      const columnOf = (one: PlacedReplica | undefined): number => {
        if (one === undefined) return -1;
        const node = site.nodeIndex.get(one.node) ?? -1;
        return columns.findIndex((column) => column.node === node && column.class === one?.class);
      };
      const mayStay = currentNode !== -1 && columns.some(({ node }) => node === currentNode);
      const leaving = mayStay ? leavingCosts(site, currentNode) : undefined;
      const moved = (column: Column): number => {
        if (column.node !== currentNode) return cost + (leaving?.get(column.node) ?? 0);
        return column.class === placed?.class ? 0 : Math.round(cost * rates.reclassShare);
      };
      const currentColumn = columnOf(placed);
      const first = begun.get(`${workload.id}/${replica}`);
      return {
        workload: index,
        replica,
        level: ranks.indexOf(workload.criticality),
        columns,
        leastOmitted,
        omitted,
        moving: mayStay ? columns.map(moved) : columns === all ? unmoved : columns.map(() => 0),
        currentColumn,
        currentNode,
        mayStay,
        startColumn: first === undefined ? currentColumn : columnOf(first),
      };
    });
  });
  return { slots, sampled };
}

function partnersOf(
  { affinity, flows = [] }: PlacementProblem['workloads'][number],
  self: number,
  index: ReadonlyMap<string, number>,
): readonly Partner[] {
  const friends = new Set(numbers(affinity, index));
  const megabytes = new Map<number, number>();
  for (const { from, mbPerRun } of flows)
    for (const other of numbers([from], index)) megabytes.set(other, (megabytes.get(other) ?? 0) + mbPerRun);
  return [...new Set([...friends, ...megabytes.keys()])]
    .filter((other) => other !== self)
    .map((workload) => ({ workload, friend: friends.has(workload), mbPerRun: megabytes.get(workload) ?? 0 }));
}

function sharedSources(site: Site): { readonly shared: readonly (readonly number[])[]; readonly sharedCount: number } {
  const readers = new Map<string, number>();
  for (const { inputs } of site.workloads)
    for (const source of new Set(inputs.map((input) => input.source))) readers.set(source, (readers.get(source) ?? 0) + 1);
  const names = [...readers].flatMap(([source, count]) => (count > 1 ? [source] : [])).sort(compareText);
  const index = new Map(names.map((source, number) => [source, number]));
  return {
    shared: site.workloads.map(({ inputs }) => [
      ...new Set(
        numbers(
          inputs.map(({ source }) => source),
          index,
        ),
      ),
    ]),
    sharedCount: names.length,
  };
}

function numbers(names: readonly string[], index: ReadonlyMap<string, number>): readonly number[] {
  return names.flatMap((name) => index.get(name) ?? []);
}
