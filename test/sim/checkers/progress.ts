import { isMember } from '../../../consensus/core/membership.ts';
import type { Clients } from '../clients.ts';
import type { Cluster } from '../cluster.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

const kinds = ['write', 'read', 'revalidate'] as const;

/** Who belongs to the site, as its leader has it; all nodes without a leader. */
function membersOf(cluster: Cluster): readonly SimNode[] {
  const membership = cluster.leaders.at(-1)?.raft?.view().membership;
  return [...cluster.nodes.values()].filter(({ id }) => membership === undefined || isMember(membership, id));
}

/** Sessions that end make entries when nobody asks for anything: the last one may be on its way. */
const graceTicks = 60;

/** One leader, and everybody ready with the same state, soon. @throws {Violation} otherwise */
function checkConverged(cluster: Cluster, when: string): void {
  for (let left = graceTicks; ; left -= 1) {
    try {
      checkConvergedNow(cluster, when);
      return;
    } catch (error) {
      if (left === 0) throw error;
    }
    cluster.tick();
  }
}

function checkConvergedNow(cluster: Cluster, when: string): void {
  const views = membersOf(cluster).map((node) => node.raft?.view());
  const facts = views.map(
    (view) => `${view?.id} ${view?.role} term=${view?.term} applied=${view?.appliedIndex}/${view?.lastIndex} ready=${view?.ready}`,
  );
  if (cluster.leaders.length !== 1) throw new Violation(`Progress: not one leader ${when}`, { facts });
  if (new Set(views.map((view) => view?.appliedIndex)).size !== 1)
    throw new Violation(`Progress: members did not converge ${when}`, { facts });
  if (!views.every((view) => view?.ready)) throw new Violation(`Progress: a member is not ready ${when}`, { facts });
}

/**
 * After the faults: the members converge while nobody asks for anything, then each one takes a write, a read and a
 * revalidation to its end.
 * @param ticks for all of it
 * @throws {Violation} when time runs out
 */
export function checkProgress(cluster: Cluster, clients: Clients, ticks: number): void {
  const third = Math.floor(ticks / 3);
  for (let left = third; left > 0; left -= 1) cluster.tick();
  checkConverged(cluster, 'in silence');
  clients.finished.clear();
  const members = membersOf(cluster).filter(({ options }) => options.witness !== true);
  for (const node of members) for (const kind of kinds) clients.begin(node, kind, cluster.agenda.now);
  for (let left = third; left > 0; left -= 1) cluster.tick();
  for (const node of members) {
    for (const kind of kinds) {
      if (!clients.finished.has(`${node.id} ${kind}`)) throw new Violation('Progress: an operation did not end', { node: node.id, kind });
    }
  }
  for (let left = third; left > 0; left -= 1) cluster.tick();
  checkConverged(cluster, 'at the end');
}
