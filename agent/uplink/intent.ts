/** What an upper site tells one child site to run: the part of its plan that concerns that site. Pure. */
import type { Intent, Placement, UplinkReport, WorkloadSpec } from '../../schemas/generated/types.ts';
import type { SiteState, WorkloadRow } from '../state/site-state.ts';

const isOf =
  ({ workload, replica }: { readonly workload: string; readonly replica: number }) =>
  (one: { readonly workload: string; readonly replica: number }): boolean =>
    one.workload === workload && one.replica === replica;

const boxesOf = (report: UplinkReport): ReadonlySet<string> =>
  new Set([...report.nodes.map(({ topology }) => topology.node), ...report.absent]);

/**
 * Workloads an operator gave to the child whose name means something else here: another child site has one of that name, or an
 * operator here gave one. They stay the child's own affair: nothing of it is touched, and nobody else's is mistaken for it.
 */
export function ownAffairs(report: UplinkReport, workload: (name: string) => WorkloadRow | undefined): ReadonlySet<string> {
  const origin = `child:${report.site}`;
  return new Set(report.specs.filter(({ name }) => workload(name)?.origin !== origin).map(({ name }) => name));
}

/** Workloads both sides mean the same by. A child takes part in another child's workload when a replica of it was placed there. */
export function sharedWith(report: UplinkReport, state: SiteState): ReadonlyMap<string, WorkloadRow> {
  const own = ownAffairs(report, (name) => state.workload(name));
  const boxes = boxesOf(report);
  const guests = new Set(
    state
      .placements()
      .filter(({ node }) => boxes.has(node))
      .map(({ workload }) => workload),
  );
  const rows = state
    .workloads()
    .filter(
      ({ spec, origin }) =>
        !own.has(spec.name) && (!origin.startsWith('child:') || origin === `child:${report.site}` || guests.has(spec.name)),
    );
  return new Map(rows.map((row) => [row.spec.name, row]));
}

export function composeIntent(report: UplinkReport, state: SiteState): Intent | null {
  const plan = state.plan();
  if (plan === undefined) return null;
  const shared = sharedWith(report, state);
  const own = ownAffairs(report, (name) => state.workload(name));
  const boxes = boxesOf(report);
  // A `stop` replica whose former holder has not let go is not handed on: the child could not know whom to wait for. Where the child
  // has it already, free to run or waiting for one of its own boxes, there is nothing to hand on, and leaving it out would end it.
  const handedOn = (placement: Placement): boolean =>
    placement.awaiting === null ||
    report.placements.some(
      (one) => isOf(placement)(one) && one.node === placement.node && (one.awaiting === null || boxes.has(one.awaiting.node)),
    );
  const specs: WorkloadSpec[] = [...shared.values()].filter(({ origin }) => origin !== `child:${report.site}`).map(({ spec }) => spec);
  return {
    revision: plan.revision,
    // What the child gave us it has already.
    specs,
    assignments: [
      ...state.placements().filter((placement) => shared.has(placement.workload) && handedOn(placement)),
      ...report.placements.filter(({ workload }) => own.has(workload)),
    ].map(({ workload, replica, node, class: workClass }) => ({ workload, replica, node, class: workClass })),
    plan: plan.plan as Intent['plan'],
    ...(plan.decision === undefined ? {} : { decision: plan.decision as NonNullable<Intent['decision']> }),
  };
}

/**
 * Whether a box of the reporting site may still run a replica: true or false once the site has taken the plan that took it away from
 * there, undefined before (an answer with the former plan may still be on its way) and when the box is not of that site.
 */
export function stillHolds(
  report: UplinkReport,
  node: string,
  replica: { readonly workload: string; readonly replica: number },
  since: number,
): boolean | undefined {
  const boxes = boxesOf(report);
  if (!boxes.has(node) || report.authority.basisRevision < since) return undefined;
  // Whichever of its boxes the site waits for: it may have moved the replica before it was taken away.
  return (
    report.placements.some((one) => isOf(replica)(one) && one.node === node) ||
    report.holders.some((one) => isOf(replica)(one) && boxes.has(one.node))
  );
}
