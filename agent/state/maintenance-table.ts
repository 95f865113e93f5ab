/** Boxes under maintenance (SEEDS.md 001, order 1): they keep what they have and are given nothing new. */
import type { Placement } from '../../schemas/generated/types.ts';
import type { Assignment, Command, Outcome } from './commands.ts';
import { stateLimits } from './commands.ts';
import type { Table } from './rows.ts';

export interface MaintenanceRow {
  readonly reason: string;
  /** Log index of the order. */
  readonly revision: number;
}

type MaintenanceOrder = Extract<Command, { type: 'maintenanceSet' }>;

/** Gives the order, or with `reason: null` lifts it. Giving one twice changes its reason only. */
export function setMaintenance(table: Table<MaintenanceRow>, { node, reason }: MaintenanceOrder, revision: number): Outcome {
  const present = table.get(node);
  if (reason === null) {
    if (!table.delete(node)) return { ok: false, revision, code: 'NOT_FOUND', message: `${node} is not under maintenance` };
    return { ok: true, revision };
  }
  if (present === undefined && table.size >= stateLimits.maintenanceMax)
    return { ok: false, revision, code: 'STATE_FULL', message: `At most ${stateLimits.maintenanceMax} boxes are under maintenance` };
  table.set(node, { reason: reason.slice(0, 256), revision: present?.revision ?? revision });
  return { ok: true, revision };
}

/** The first assignment that would bring something to a box under maintenance that is not there yet. */
export function landsOnMaintained(
  table: Table<MaintenanceRow>,
  assignments: readonly Assignment[],
  present: (workload: string, replica: number) => Placement | undefined,
): Assignment | undefined {
  if (table.size === 0) return undefined;
  return assignments.find(({ workload, replica, node }) => table.get(node) !== undefined && present(workload, replica)?.node !== node);
}
