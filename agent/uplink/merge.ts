/** From two tiers' placements to one, after a site decided alone. Pure. */
import type { Verdict, VerdictItem } from '../../consensus/core/messages.ts';
import type { Placement, UplinkReport } from '../../schemas/generated/types.ts';
import type { Assignment } from '../state/commands.ts';

const keyOf = ({ workload, replica }: { readonly workload: string; readonly replica: number }): string => `${workload}/${replica}`;

export interface Adoption {
  /** What the upper site should hold from now on. */
  readonly assignments: readonly Assignment[];
  readonly changed: boolean;
  readonly verdicts: readonly VerdictItem[];
}

/**
 * The upper site's answer to a REVALIDATE: a site's own decisions are accepted as they stand, so that nothing running is restarted,
 * except where the replica runs elsewhere and never stopped: then the copy made meanwhile is `moved`.
 * @param running usable boxes that were never cut off: the upper site's own, and those of other sites in touch with it.
 */
export function adopt(
  report: UplinkReport,
  held: readonly Placement[],
  known: (name: string) => boolean,
  running: ReadonlySet<string>,
): Adoption {
  const merged = new Map<string, Assignment>(
    held.map(({ workload, replica, node, class: workClass }) => [
      keyOf({ workload, replica }),
      { workload, replica, node, class: workClass },
    ]),
  );
  const reportedNodes = new Set(report.nodes.map(({ topology }) => topology.node));
  let changed = false;
  const verdicts = report.placements.map((placement): VerdictItem => {
    const { workload, replica, epoch, node } = placement;
    const item = (verdict: Verdict): VerdictItem => ({ workload, replica, epoch, verdict });
    if (!known(workload)) return item('invalid');
    const mine = merged.get(keyOf(placement));
    if (mine?.node === node) return item('valid');
    if (!reportedNodes.has(node)) return item('moved');
    if (mine !== undefined && running.has(mine.node)) return item('moved');
    merged.set(keyOf(placement), { workload, replica, node, class: placement.class });
    changed = true;
    return item('valid');
  });
  return { assignments: [...merged.values()], changed, verdicts };
}
