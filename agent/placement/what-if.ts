/** What would be if: a problem with a change made to it, and what the plan gains by it. Solving the changed problem is doing it. */
import type {
  PlacementLink,
  PlacementNode,
  PlacementProblem,
  PlacementSource,
  PlacementWorkload,
  Plan,
  ResourceVector,
} from '../../schemas/generated/types.ts';
import { PlacementError } from './placement-error.ts';

/** What a link is to be like from now on. */
export type LinkChange = Partial<Pick<PlacementLink, 'latencyMs' | 'mbps'>>;

/** One change to a problem. Names that are not there are errors: a change that changes nothing misleads. */
export type Change =
  | {
      readonly kind: 'add';
      readonly nodes?: readonly PlacementNode[];
      readonly links?: readonly PlacementLink[];
      readonly sources?: readonly PlacementSource[];
      readonly workloads?: readonly PlacementWorkload[];
    }
  | { readonly kind: 'remove'; readonly node: string }
  | { readonly kind: 'resize'; readonly node: string; readonly capacity: Partial<ResourceVector> }
  /** All links between two boxes; what is not named stays as it is. Where there is none it is added, and needs both; `null` takes them away. */
  | { readonly kind: 'link'; readonly a: string; readonly b: string; readonly to: LinkChange | null }
  /** Replicas wanted of a workload; 0 takes it away. */
  | { readonly kind: 'scale'; readonly workload: string; readonly replicas: number };

/** What a change does to the plan. Replicas are named `workload/replica`. */
export interface Effect {
  /** Seconds per hour saved; below 0 it costs. Of different work when something is gained or lost, and no saving then. */
  readonly saved: number;
  /** Replicas that get a place by it. */
  readonly gained: readonly string[];
  /** Replicas that lose their place by it, or are new and find none. */
  readonly lost: readonly string[];
  /** Replicas that get a place, less those that lose theirs. */
  readonly placed: number;
  /** Replicas that are on another box than before, or were on none. */
  readonly moved: number;
}

/** The problem as it would be after the change. @throws {PlacementError} when the change names what is not there, or is there already. */
export function changed(problem: PlacementProblem, change: Change): PlacementProblem {
  switch (change.kind) {
    case 'add':
      return added(problem, change);
    case 'remove':
      return withoutNode(problem, change.node);
    case 'resize':
      nodeOf(problem, change.node);
      return {
        ...problem,
        nodes: problem.nodes.map((node) =>
          node.id === change.node ? { ...node, capacity: { ...node.capacity, ...change.capacity } } : node,
        ),
      };
    case 'link':
      return relinked(problem, change.a, change.b, change.to);
    case 'scale':
      return scaled(problem, change.workload, change.replicas);
  }
}

/**
 * Compares the plans of a problem without and with a change.
 * @param wholes of which workload something is a part: one may be whole in one plan and cut in the other.
 */
export function effectOf(before: Plan, after: Plan, wholes: ReadonlyMap<string, string> = new Map()): Effect {
  type Named = { readonly workload: string; readonly replica: number };
  const nameOf = ({ workload, replica }: Named): string => `${wholes.get(workload) ?? workload}/${replica}`;
  const were = new Map<string, Set<string>>();
  for (const placed of before.assignments) were.set(nameOf(placed), (were.get(nameOf(placed)) ?? new Set()).add(placed.node));
  const homeless = new Set(before.unplaced.map(nameOf));
  const missing = new Set(after.unplaced.map(nameOf));
  const are = new Set(after.assignments.map(nameOf));
  const gained = [...homeless].filter((name) => are.has(name) && !missing.has(name));
  const lost = [...missing].filter((name) => !homeless.has(name));
  return {
    saved: Math.round((before.objective.total - after.objective.total) * 1e6) / 1e6,
    gained,
    lost,
    placed: gained.length - lost.length,
    moved: after.assignments.filter((placed) => were.get(nameOf(placed))?.has(placed.node) !== true).length,
  };
}

function added(
  problem: PlacementProblem,
  { nodes = [], links = [], sources = [], workloads = [] }: Extract<Change, { kind: 'add' }>,
): PlacementProblem {
  for (const { id } of nodes) refuseKnown('nodes', problem.nodes, id);
  for (const { id } of sources) refuseKnown('sources', problem.sources, id);
  for (const { id } of workloads) refuseKnown('workloads', problem.workloads, id);
  return {
    ...problem,
    nodes: [...problem.nodes, ...nodes],
    links: [...problem.links, ...links],
    sources: [...problem.sources, ...sources],
    workloads: [...problem.workloads, ...workloads],
  };
}

/** The box goes with its links; what ran there has to move, what was fixed there is free. */
function withoutNode(problem: PlacementProblem, node: string): PlacementProblem {
  nodeOf(problem, node);
  return {
    ...problem,
    nodes: problem.nodes.filter(({ id }) => id !== node),
    links: problem.links.filter(({ a, b }) => a !== node && b !== node),
    fixed: problem.fixed.filter((placed) => placed.node !== node),
  };
}

function relinked(problem: PlacementProblem, a: string, b: string, to: LinkChange | null): PlacementProblem {
  nodeOf(problem, a);
  nodeOf(problem, b);
  const isIt = (link: PlacementLink): boolean => (link.a === a && link.b === b) || (link.a === b && link.b === a);
  if (problem.links.some(isIt)) {
    if (to === null) return { ...problem, links: problem.links.filter((link) => !isIt(link)) };
    return { ...problem, links: problem.links.map((link) => (isIt(link) ? { ...link, ...to } : link)) };
  }
  if (to === null) throw new PlacementError('/links', `has no link ${a}/${b} to take away`);
  const { latencyMs, mbps } = to;
  if (latencyMs === undefined || mbps === undefined)
    throw new PlacementError('/links', `has no link ${a}/${b}: a new one needs latencyMs and mbps`);
  return { ...problem, links: [...problem.links, { a, b, latencyMs, mbps }] };
}

function scaled(problem: PlacementProblem, workload: string, replicas: number): PlacementProblem {
  if (!problem.workloads.some(({ id }) => id === workload))
    throw new PlacementError('/workloads', `has no ${JSON.stringify(workload)} to scale`);
  const keep = (placed: { workload: string; replica: number }): boolean => placed.workload !== workload || placed.replica < replicas;
  return {
    ...problem,
    workloads: problem.workloads.flatMap((item) => (item.id !== workload ? [item] : replicas === 0 ? [] : [{ ...item, replicas }])),
    current: problem.current.filter(keep),
    fixed: problem.fixed.filter(keep),
  };
}

function nodeOf(problem: PlacementProblem, id: string): void {
  if (problem.nodes.some((node) => node.id === id)) return;
  const names = problem.nodes.slice(0, 8).map((node) => node.id);
  throw new PlacementError('/nodes', `has no ${JSON.stringify(id)}: name one of ${names.join(', ')}`);
}

function refuseKnown(list: string, items: readonly { readonly id: string }[], id: string): void {
  if (items.some((item) => item.id === id)) throw new PlacementError(`/${list}`, `has ${JSON.stringify(id)} already: give another id`);
}
