/** What a site tells its upper site: its boxes, what it was given by its own operators, and what it decided. */
import type { UplinkReport } from '../schemas/generated/types.ts';
import type { Agreement } from './agreement.ts';
import type { FactBook } from './fact-book.ts';

export function reportOf(agreement: Agreement, facts: FactBook): UplinkReport {
  const { state, site } = agreement;
  return {
    version: 1,
    site,
    authority: { ...state.authority() },
    nodes: facts.nodes().map((node) => (state.maintenance().has(node.topology.node) ? { ...node, cordoned: true } : node)),
    absent: [...facts.unseen().absent],
    specs: state
      .workloads()
      .filter(({ origin }) => origin === 'site')
      .map(({ spec }) => spec),
    placements: state.placements().map((placement) => ({ ...placement })),
    holders: state.holders().map(({ workload, replica, node }) => ({ workload, replica, node })),
  };
}
