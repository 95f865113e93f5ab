/**
 * Names in a problem that nothing bears. Boxes come and go, so the engine leaves such names out; in a file somebody wrote they are mostly
 * slips of the pen, and are told of.
 */
import type { PlacementInput, PlacementProblem } from '../../schemas/generated/types.ts';
import { partName } from '../placement/decompose.ts';

/** One of them, and what follows from it. */
export interface UnknownName {
  /** Where it stands, as a JSON pointer. */
  readonly pointer: string;
  readonly name: string;
  readonly kind: 'workload' | 'box' | 'source' | 'replica';
  readonly effect: string;
}

const noEffect = 'it has no effect';

export function* unknownNames(problem: PlacementProblem): Generator<UnknownName> {
  const { nodes, links, sources, workloads, groups = [], current, fixed } = problem;
  const known = {
    box: new Set(nodes.map(({ id }) => id)),
    source: new Set(sources.map(({ id }) => id)),
    // Parts are named where a workload stands cut.
    workload: new Set(workloads.flatMap(({ id, parts = [] }) => [id, ...parts.map((part) => partName(id, part.id))])),
  };
  const replicas = new Map(workloads.map(({ id, replicas: count }) => [id, count]));
  const look = function* (kind: keyof typeof known, pointer: string, name: string, effect = noEffect): Generator<UnknownName> {
    if (!known[kind].has(name)) yield { pointer, name, kind, effect };
  };
  const inputsOf = function* (pointer: string, inputs: readonly PlacementInput[]): Generator<UnknownName> {
    for (const [i, { source, hard }] of inputs.entries())
      yield* look('source', `${pointer}/inputs/${i}/source`, source, hard ? 'no box can get its data' : 'its data comes from nowhere');
  };
  for (const [i, { leaving = [] }] of nodes.entries())
    for (const [j, { to }] of leaving.entries()) yield* look('box', `/nodes/${i}/leaving/${j}/to`, to);
  for (const [i, { a, b }] of links.entries()) {
    yield* look('box', `/links/${i}/a`, a, 'the link leads nowhere');
    yield* look('box', `/links/${i}/b`, b, 'the link leads nowhere');
  }
  for (const [i, source] of sources.entries())
    for (const [j, name] of source.nodes.entries()) yield* look('box', `/sources/${i}/nodes/${j}`, name, 'it delivers nothing');
  for (const [i, { antiAffinity, affinity, flows = [], pin, requires, inputs, parts = [], measured = [] }] of workloads.entries()) {
    const pointer = `/workloads/${i}`;
    for (const [j, name] of antiAffinity.entries()) yield* look('workload', `${pointer}/antiAffinity/${j}`, name);
    for (const [j, name] of affinity.entries()) yield* look('workload', `${pointer}/affinity/${j}`, name);
    for (const [j, { from }] of flows.entries()) yield* look('workload', `${pointer}/flows/${j}/from`, from);
    if (pin !== undefined) yield* look('box', `${pointer}/pin`, pin, 'no box can take the workload');
    for (const [j, name] of (requires.nodes ?? []).entries()) yield* look('box', `${pointer}/requires/nodes/${j}`, name);
    yield* inputsOf(pointer, inputs);
    for (const [j, part] of parts.entries()) yield* inputsOf(`${pointer}/parts/${j}`, part.inputs);
    for (const [j, { node }] of measured.entries()) yield* look('box', `${pointer}/measured/${j}/node`, node);
  }
  for (const [i, { members }] of groups.entries())
    for (const [j, name] of members.entries()) yield* look('workload', `/groups/${i}/members/${j}`, name);
  for (const [i, { workload, replica, node }] of current.entries()) {
    const pointer = `/current/${i}`;
    yield* look('workload', `${pointer}/workload`, workload);
    yield* look('box', `${pointer}/node`, node, 'leaving it costs nothing');
    if (replica < (replicas.get(workload) ?? Number.POSITIVE_INFINITY)) continue;
    yield { pointer: `${pointer}/replica`, name: `${workload}/${replica}`, kind: 'replica', effect: noEffect };
  }
  for (const [i, { workload, node }] of fixed.entries()) {
    const pointer = `/fixed/${i}`;
    yield* look('workload', `${pointer}/workload`, workload);
    // A site that does not hear from a box leaves what is there alone.
    yield* look('box', `${pointer}/node`, node, 'it stays placed there, and takes nothing of any box');
  }
}

/** In words. */
export function describeUnknown({ pointer, name, kind, effect }: UnknownName): string {
  return `${pointer} names ${JSON.stringify(name)}, which is no ${kind}: ${effect}`;
}
