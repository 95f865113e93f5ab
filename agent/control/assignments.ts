/** From the engine's plan to what is committed. Pure. */
import type { Placement, WorkloadSpec } from '../../schemas/generated/types.ts';
import type { Assignment } from '../state/commands.ts';

const keyOf = ({ workload, replica }: { readonly workload: string; readonly replica: number }): string => `${workload}/${replica}`;

/**
 * Assignments to commit for a local plan: what stays where it is keeps its confirmation, the rest is provisional while there is
 * an upper site to confirm it. Replicas held back (see `heldElsewhere`) are carried over unchanged.
 * @param mayBegin whether a workload that stands nowhere here may be begun.
 */
export function localAssignments(
  planned: readonly Assignment[],
  current: readonly Placement[],
  held: ReadonlySet<string>,
  hasUpper: boolean,
  mayBegin: (workload: string) => boolean,
): readonly Assignment[] {
  const present = new Map(current.map((placement) => [keyOf(placement), placement]));
  const kept = current
    .filter((placement) => held.has(keyOf(placement)))
    .map(({ workload, replica, node, class: workClass, provisional }) => ({ workload, replica, node, class: workClass, provisional }));
  const decided = planned
    .filter((assignment) => !held.has(keyOf(assignment)) && (present.has(keyOf(assignment)) || mayBegin(assignment.workload)))
    .map((assignment) => {
      const placement = present.get(keyOf(assignment));
      return { ...assignment, provisional: placement?.node === assignment.node ? placement.provisional : hasUpper };
    });
  return [...kept, ...decided];
}

/**
 * Replicas not to be placed again although their box is not known here (`known`: boxes seen, and members that are certainly lost). A site alone leaves `onSplit: stop` work of another tier: it
 * may run there still, and only that tier's lease or an operator can say that it does not. An upper site leaves everything it placed
 * in a child site that has not reported yet. Nobody moves work from a member that simply was not heard of yet.
 */
export function heldElsewhere(
  current: readonly Placement[],
  spec: (name: string) => WorkloadSpec | undefined,
  known: ReadonlySet<string>,
  unheard: ReadonlySet<string>,
  holdAll: boolean,
): ReadonlySet<string> {
  const waits = ({ node, workload }: Placement): boolean => unheard.has(node) || holdAll || spec(workload)?.onSplit === 'stop';
  return new Set(current.filter((placement) => !known.has(placement.node) && waits(placement)).map(keyOf));
}

/** What a plan changes, for whoever reads the log: `panel/1: box-a → box-b`. */
export function describeMoves(current: readonly Placement[], next: readonly Assignment[]): readonly string[] {
  const after = new Map(next.map((assignment) => [keyOf(assignment), assignment]));
  const before = new Map(current.map((placement) => [keyOf(placement), placement]));
  const place = (one: { readonly node: string; readonly class: string } | undefined): string =>
    one === undefined ? 'nowhere' : `${one.node} (${one.class})`;
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter((key) => {
    const [from, to] = [before.get(key), after.get(key)];
    return from?.node !== to?.node || from?.class !== to?.class;
  });
  return changed.sort().map((key) => `${key}: ${place(before.get(key))} → ${place(after.get(key))}`);
}
