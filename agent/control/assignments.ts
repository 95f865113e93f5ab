/** From the engine's plan to what is committed, and from two tiers' placements to one. Pure. */
import type { Placement, UplinkReport, WorkloadSpec } from '../../schemas/generated/types.ts';
import type { Verdict, VerdictItem } from '../../consensus/core/messages.ts';
import type { Assignment } from '../state/commands.ts';

const keyOf = ({ workload, replica }: { readonly workload: string; readonly replica: number }): string => `${workload}/${replica}`;

/**
 * Assignments to commit for a local plan: what stays where it is keeps its confirmation, the rest is provisional while there is
 * an upper site to confirm it. Replicas held back (see `heldElsewhere`) are carried over unchanged.
 */
export function localAssignments(planned: readonly Assignment[], current: readonly Placement[], held: ReadonlySet<string>, hasUpper: boolean): readonly Assignment[] {
  const present = new Map(current.map((placement) => [keyOf(placement), placement]));
  const kept = current.filter((placement) => held.has(keyOf(placement))).map(({ workload, replica, node, class: workClass, provisional }) => ({ workload, replica, node, class: workClass, provisional }));
  const decided = planned
    .filter((assignment) => !held.has(keyOf(assignment)))
    .map((assignment) => {
      const placement = present.get(keyOf(assignment));
      return { ...assignment, provisional: placement?.node === assignment.node ? placement.provisional : hasUpper };
    });
  return [...kept, ...decided];
}

/**
 * Replicas a site alone must not place again: `onSplit: stop` work on a box of another tier. It may run there still, and only that
 * tier's lease or an operator can say that it does not.
 */
export function heldElsewhere(current: readonly Placement[], spec: (name: string) => WorkloadSpec | undefined, ownNodes: ReadonlySet<string>): ReadonlySet<string> {
  return new Set(current.filter((placement) => !ownNodes.has(placement.node) && spec(placement.workload)?.onSplit === 'stop').map(keyOf));
}

export interface Adoption {
  /** What the upper site should hold from now on. */
  readonly assignments: readonly Assignment[];
  readonly changed: boolean;
  readonly verdicts: readonly VerdictItem[];
}

/**
 * The upper site's answer to a REVALIDATE: a site's own decisions are accepted as they stand, so that nothing running is restarted,
 * except where the upper site runs the replica on a box of its own that never stopped: then the copy made meanwhile is `moved`.
 * @param ownNodes usable boxes of the upper site itself.
 */
export function adopt(report: UplinkReport, held: readonly Placement[], known: (name: string) => boolean, ownNodes: ReadonlySet<string>): Adoption {
  const merged = new Map<string, Assignment>(held.map(({ workload, replica, node, class: workClass }) => [keyOf({ workload, replica }), { workload, replica, node, class: workClass }]));
  const reportedNodes = new Set(report.nodes.map(({ topology }) => topology.node));
  let changed = false;
  const verdicts = report.placements.map((placement): VerdictItem => {
    const { workload, replica, epoch, node } = placement;
    const item = (verdict: Verdict): VerdictItem => ({ workload, replica, epoch, verdict });
    if (!known(workload)) return item('invalid');
    const mine = merged.get(keyOf(placement));
    if (mine?.node === node) return item('valid');
    if (!reportedNodes.has(node)) return item('moved');
    if (mine !== undefined && ownNodes.has(mine.node)) return item('moved');
    merged.set(keyOf(placement), { workload, replica, node, class: placement.class });
    changed = true;
    return item('valid');
  });
  return { assignments: [...merged.values()], changed, verdicts };
}
