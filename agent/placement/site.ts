/** What does not change while plans are compared: boxes by number, routes to data, names resolved. */
import type { PlacementLink, PlacementNode, PlacementProblem, PlacementWorkload } from '../../schemas/generated/types.ts';
import { availableAt } from './demand.ts';
import { at, furtherResources, resources } from './model.ts';
import { PathFinder, type Route } from './path-finder.ts';
import { PlacementError } from './placement-error.ts';

export interface Site {
  readonly problem: PlacementProblem;
  readonly nodes: readonly PlacementNode[];
  readonly nodeIndex: ReadonlyMap<string, number>;
  /** Names of all resources: the five, then the further ones of the problem. */
  readonly resources: readonly string[];
  readonly further: readonly string[];
  /** Per box and resource: what placed work may use. */
  readonly available: readonly (readonly number[])[];
  readonly workloads: readonly PlacementWorkload[];
  readonly workloadIndex: ReadonlyMap<string, number>;
  /** Boxes that deliver a source now; empty when it is unknown or all its boxes are gone. */
  readonly deliveredAt: ReadonlyMap<string, readonly number[]>;
  readonly paths: PathFinder;
  /** Routes over the links that an input's data may take. */
  readonly pathsFor: (input: Way) => PathFinder;
  /** Best route of an input's data to every box. */
  readonly routes: (input: Way, by: 'hops' | 'latencyMs') => readonly Route[];
  /** All boxes, those that an input's data reaches soonest first. */
  readonly nearest: (input: Way) => Int32Array;
  readonly stagedAt: readonly ReadonlySet<string>[];
  /** 1 for boxes that take whatever work there is: usable, and without minimum claims or rules of who may come. */
  readonly open: Uint8Array;
}

/** Where data comes from, and what the links it takes must be like. */
export type Way = Pick<PlacementWorkload['inputs'][number], 'source' | 'minMbps' | 'linkKinds' | 'rateMBps'>;

/** Resolves names. Boxes, sources and partners that are not there now are left out; @throws {PlacementError} on duplicates. */
export function readSite(problem: PlacementProblem): Site {
  const nodeIndex = numbered(problem.nodes, '/nodes');
  const workloadIndex = numbered(problem.workloads, '/workloads');
  numbered(problem.sources, '/sources');
  problem.workloads.forEach((workload, index) => {
    if (workload.perHour === undefined && workload.idleGapSeconds === undefined) {
      throw new PlacementError(`/workloads/${index}`, 'has neither perHour nor idleGapSeconds: give one');
    }
  });
  checkReplicas(problem, 'current', workloadIndex);
  checkReplicas(problem, 'fixed', workloadIndex);
  checkResources(problem);
  checkGroups(problem);
  const further = furtherResources(problem);
  const finders = new Map<string, PathFinder>();
  const usable = (name: string): boolean => problem.nodes[nodeIndex.get(name) ?? -1]?.health.usable === true;
  // A box that cannot be used does not forward either: its links are no way to anywhere.
  const links = problem.links.filter(({ a, b }) => usable(a) && usable(b));
  const paths = new PathFinder(nodeIndex, links);
  const deliveredAt = new Map(problem.sources.map(({ id, nodes }) => [id, nodes.filter(usable).map((name) => nodeIndex.get(name) ?? 0)]));
  const pathsFor = (way: Way): PathFinder => {
    if (isPlain(way)) return paths;
    const key = JSON.stringify([widthOf(way), way.linkKinds ?? []]);
    const known = finders.get(key);
    if (known !== undefined) return known;
    const finder = new PathFinder(
      nodeIndex,
      links.filter((link) => mayTake(way, link)),
    );
    finders.set(key, finder);
    return finder;
  };
  // Asked once for each box and input: the finder's own table, by all origins, would be slow to look into.
  const plain = { hops: new Map<string, readonly Route[]>(), latencyMs: new Map<string, readonly Route[]>() };
  const routes = (way: Way, by: 'hops' | 'latencyMs'): readonly Route[] => {
    const known = isPlain(way) ? plain[by].get(way.source) : undefined;
    if (known !== undefined) return known;
    // A source that delivers too little leaves its reader waiting: that is as good as none.
    const origins = isStarved(problem.sources, way) ? [] : (deliveredAt.get(way.source) ?? []);
    const found = pathsFor(way).routes(origins, by);
    if (isPlain(way)) plain[by].set(way.source, found);
    return found;
  };
  const orders = new Map<readonly Route[], Int32Array>();
  return {
    problem,
    nodes: problem.nodes,
    resources: [...resources, ...further],
    further,
    available: problem.nodes.map((node) => availableAt(node, further)),
    nodeIndex,
    workloads: problem.workloads,
    workloadIndex,
    deliveredAt,
    paths,
    pathsFor,
    routes,
    nearest: (way) => {
      const ways = routes(way, 'latencyMs');
      const known = orders.get(ways);
      if (known !== undefined) return known;
      const order = Int32Array.from(ways.keys()).sort((x, y) => at(ways, x).latencyMs - at(ways, y).latencyMs || x - y);
      orders.set(ways, order);
      return order;
    },
    stagedAt: problem.nodes.map(({ stagedArtefacts }) => new Set(stagedArtefacts)),
    open: Uint8Array.from(problem.nodes, (node) => (isOpen(node) ? 1 : 0)),
  };
}

function isOpen({ health, admits, minimumMemoryMiB = 0, minimumVramMiB = 0 }: PlacementNode): boolean {
  if (!health.usable || minimumMemoryMiB > 0 || minimumVramMiB > 0) return false;
  return admits.requesters === undefined && admits.workloadTags === undefined;
}

function isPlain({ minMbps, linkKinds, rateMBps }: Way): boolean {
  return minMbps === undefined && linkKinds === undefined && rateMBps === undefined;
}

/** Megabits per second that each link on the way must have. */
function widthOf({ minMbps = 0, rateMBps = 0 }: Way): number {
  return Math.max(minMbps, 8 * rateMBps);
}

/** Whether a source is known to deliver less than its reader must be able to take in. */
export function isStarved(sources: PlacementProblem['sources'], { source, rateMBps = 0 }: Way): boolean {
  return rateMBps > 0 && sources.some(({ id, rateMBps: delivered }) => id === source && delivered > 0 && delivered < rateMBps);
}

function mayTake(way: Way, { mbps, kind }: PlacementLink): boolean {
  const { linkKinds } = way;
  return mbps >= widthOf(way) && (linkKinds === undefined || (kind !== undefined && linkKinds.includes(kind)));
}

/** Best routes of a source's data to a box; `origin` -1 when there is none. */
export function routeTo(site: Site, way: Way, node: number, by: 'hops' | 'latencyMs'): Route {
  const route = site.routes(way, by)[node];
  if (route === undefined) throw new RangeError(`No box ${node}`);
  return route;
}

function numbered(items: readonly { readonly id: string }[], pointer: string): ReadonlyMap<string, number> {
  const index = new Map<string, number>();
  items.forEach(({ id }, position) => {
    if (index.has(id)) throw new PlacementError(`${pointer}/${position}/id`, `repeats ${JSON.stringify(id)}: every id must be unique`);
    index.set(id, position);
  });
  return index;
}

/** What is named must be declared: a slip of the pen would otherwise be an amount that nobody has. */
function checkResources(problem: PlacementProblem): void {
  const kinds = numbered(problem.resources ?? [], '/resources');
  const further = furtherResources(problem);
  if (further.length > furtherMax)
    throw new PlacementError('/resources', `has ${further.length} further resources: ${furtherMax} at the most`);
  const known = new Set<string>([...resources, ...kinds.keys()]);
  const declared = (pointer: string, name: string): void => {
    if (!known.has(name))
      throw new PlacementError(pointer, `names ${JSON.stringify(name)}, which /resources does not declare: add it there`);
  };
  const check = (pointer: string, more: Readonly<Record<string, number>> | undefined): void => {
    for (const name of Object.keys(more ?? {})) {
      if ((resources as readonly string[]).includes(name))
        throw new PlacementError(pointer, `names ${JSON.stringify(name)}, which every box has: give it beside \`more\``);
      declared(pointer, name);
    }
  };
  problem.nodes.forEach(({ capacity, reserved, comfort }, index) => {
    check(`/nodes/${index}/capacity/more`, capacity.more);
    check(`/nodes/${index}/reserved/more`, reserved?.more);
    check(`/nodes/${index}/comfort/more`, comfort?.more);
  });
  problem.workloads.forEach(({ demand }, index) => {
    check(`/workloads/${index}/demand/more`, demand.more);
  });
  problem.proportions?.forEach(({ of, other }, index) => {
    declared(`/proportions/${index}/of`, of);
    declared(`/proportions/${index}/other`, other);
  });
}

/** Further resources at the most: as many as `more` may name. */
const furtherMax = 16;

function checkGroups({ groups = [] }: PlacementProblem): void {
  const known = numbered(groups, '/groups');
  groups.forEach(({ id, near = [] }, index) => {
    for (const other of near) {
      if (!known.has(other))
        throw new PlacementError(
          `/groups/${index}/near`,
          `names ${JSON.stringify(other)}, which is no group: add it, or take the name out`,
        );
      if (other === id) throw new PlacementError(`/groups/${index}/near`, `names ${JSON.stringify(id)} itself: take the name out`);
    }
  });
}

function checkReplicas(problem: PlacementProblem, key: 'current' | 'fixed', workloads: ReadonlyMap<string, number>): void {
  const seen = new Set<string>();
  problem[key].forEach(({ workload, replica }, position) => {
    const name = `${workload}/${replica}`;
    if (seen.has(name)) throw new PlacementError(`/${key}/${position}`, `repeats replica ${name}: name each once`);
    seen.add(name);
    const known = problem.workloads[workloads.get(workload) ?? -1];
    if (key === 'fixed' && known !== undefined && replica >= known.replicas) {
      throw new PlacementError(`/fixed/${position}/replica`, `is ${replica}, but ${workload} has ${known.replicas} replicas`);
    }
  });
}
