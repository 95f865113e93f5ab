/** Which boxes are under maintenance, as the HTTP interface asks for it; orders go through the log. */
import type { MaintenanceDocument } from '../schemas/generated/types.ts';
import type { Agreement } from './agreement.ts';
import type { Command } from './state/commands.ts';
import { ApiError, type Written } from './status/agent-api.ts';
import type { MaintenanceApi } from './status/members-api.ts';

export interface MaintenanceServiceComponents {
  readonly agreement: Agreement;
  /** All boxes this agent knows of, of other tiers too. */
  readonly known: () => readonly string[];
  /** Through the log; rejects with ApiError. */
  readonly write: (command: Command) => Promise<Written>;
}

export class MaintenanceService implements MaintenanceApi {
  readonly #parts: MaintenanceServiceComponents;

  constructor(components: MaintenanceServiceComponents) {
    this.#parts = components;
  }

  list(): MaintenanceDocument {
    const { agreement } = this.#parts;
    const { state } = agreement;
    return {
      revision: agreement.status().appliedIndex,
      maintenance: [...state.maintenance()].map(([node, { reason, revision }]) => ({
        node,
        reason,
        revision,
        replicas: state.placements().filter((placement) => placement.node === node).length,
      })),
    };
  }

  set(node: string, reason: string): Promise<Written> {
    const known = this.#parts.known();
    if (!known.includes(node))
      return Promise.reject(new ApiError(404, 'NOT_FOUND', `No box ${node} is known: ${known.slice(0, 8).join(', ')} are`));
    return this.#parts.write({ type: 'maintenanceSet', node, reason });
  }

  lift(node: string): Promise<Written> {
    return this.#parts.write({ type: 'maintenanceSet', node, reason: null });
  }
}
