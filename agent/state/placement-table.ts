/** How a committed plan becomes placements: epochs fence, and a `stop` replica waits for its former holder. */
import type { Placement, WorkloadSpec } from '../../schemas/generated/types.ts';
import type { Assignment } from './commands.ts';
import type { Table } from './rows.ts';

/** A box that may still run an `onSplit: stop` replica it no longer has. Kept until released. */
export interface Holder {
  readonly node: string;
  readonly epoch: number;
}

export interface PlacementTables {
  readonly placements: Table<Placement>;
  readonly holders: Table<Holder>;
}

export const replicaKey = (workload: string, replica: number): string => `${workload}/${replica}`;

export interface PlanFacts {
  readonly index: number;
  readonly provisional: boolean;
  readonly basisRevision: number;
}

/** Makes the placements equal the plan. Assignments of unknown workloads or replicas are left out: the plan was older than the state. */
export function commitPlan(
  tables: PlacementTables,
  specs: (name: string) => WorkloadSpec | undefined,
  assignments: readonly Assignment[],
  facts: PlanFacts,
): void {
  const wanted = new Map<string, Assignment>();
  for (const assignment of assignments) {
    const spec = specs(assignment.workload);
    if (spec !== undefined && assignment.replica < (spec.replicas ?? 1))
      wanted.set(replicaKey(assignment.workload, assignment.replica), assignment);
  }
  for (const [key, placement] of [...tables.placements.entries()]) {
    if (!wanted.has(key)) removePlacement(tables, specs(placement.workload), placement);
  }
  for (const [key, assignment] of wanted) place(tables, specs(assignment.workload), key, assignment, facts);
}

function place(tables: PlacementTables, spec: WorkloadSpec | undefined, key: string, assignment: Assignment, facts: PlanFacts): void {
  const present = tables.placements.get(key);
  const { workload, replica, node } = assignment;
  const provisional = assignment.provisional ?? facts.provisional;
  if (present !== undefined && present.node === node) {
    const next: Placement = { ...present, class: assignment.class, provisional, basisRevision: facts.basisRevision };
    if (next.class !== present.class || next.provisional !== present.provisional || next.basisRevision !== present.basisRevision)
      tables.placements.set(key, next);
    return;
  }
  if (present !== undefined) removePlacement(tables, spec, present);
  const holder = tables.holders.get(key);
  // Coming back to the box that still holds it needs no wait: that box is the one that would have to let go.
  if (holder?.node === node) tables.holders.delete(key);
  const awaiting = holder === undefined || holder.node === node ? null : { node: holder.node, epoch: holder.epoch };
  tables.placements.set(key, {
    workload,
    replica,
    node,
    class: assignment.class,
    epoch: facts.index,
    provisional,
    basisRevision: facts.basisRevision,
    awaiting,
  });
}

export function removePlacement(tables: PlacementTables, spec: WorkloadSpec | undefined, placement: Placement): void {
  const key = replicaKey(placement.workload, placement.replica);
  tables.placements.delete(key);
  // A replica that was itself still waiting never ran: the older holder stays the one to wait for.
  if (spec?.onSplit === 'stop' && placement.awaiting === null) tables.holders.set(key, { node: placement.node, epoch: placement.epoch });
}

/** True when somebody waited for this holder, and now need not. */
export function release(tables: PlacementTables, workload: string, replica: number, epoch: number): boolean {
  const key = replicaKey(workload, replica);
  if (tables.holders.get(key)?.epoch !== epoch) return false;
  tables.holders.delete(key);
  const placement = tables.placements.get(key);
  if (placement?.awaiting != null && placement.awaiting.epoch === epoch) tables.placements.set(key, { ...placement, awaiting: null });
  return true;
}
