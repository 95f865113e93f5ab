import { isMember, isVoter, isWitness } from '../../consensus/core/membership.ts';
import type { Membership, NodeId, RoleChange } from '../../consensus/core/types.ts';
import type { Cluster } from './cluster.ts';
import type { SeededRandom } from './random.ts';

/** Above every number that clients give their requests. */
const firstRequest = 2 ** 40;

/** Changes who belongs to the site, through any node, at any moment: boxes join, vote, stand back and leave. */
export class MemberChanges {
  readonly #random: SeededRandom;
  readonly #cluster: Cluster;
  readonly #trace: (line: string) => void;
  #requests = 0;

  constructor(random: SeededRandom, cluster: Cluster, trace: (line: string) => void) {
    this.#random = random;
    this.#cluster = cluster;
    this.#trace = trace;
  }

  /** Asks for one change that the present leader's membership allows. */
  change(): void {
    const membership = this.#cluster.leaders.at(-1)?.raft?.view().membership;
    if (membership === undefined || this.#cluster.up.length === 0) return;
    const asked = this.#random.pick(this.#cluster.up);
    const changes = this.#changes(membership);
    if (changes.length === 0) return;
    this.#requests += 1;
    this.#trace(`${asked.id} change ${changes.map(({ id, role }) => `${id}:${role}`).join(' ')}`);
    asked.do((raft) => raft.changeMembership(firstRequest + this.#requests, changes));
  }

  #changes(membership: Membership): readonly RoleChange[] {
    const ids = [...this.#cluster.nodes.keys()];
    const outside = ids.filter((id) => !isMember(membership, id));
    const voters = ids.filter((id) => isVoter(membership, id));
    const learners = ids.filter((id) => membership.learners.includes(id));
    const learner = this.#maybe(learners);
    const voter = this.#maybe(voters);
    switch (this.#random.nextInt(6)) {
      case 0:
      case 1:
        return this.#maybe(outside).map((id) => ({ id, role: this.#cluster.node(id).options.witness ? 'witness-learner' : 'learner' }));
      case 2:
        return learner.map((id) => ({ id, role: 'voter' }));
      case 3:
        return voters.length > 1 ? voter.map((id) => ({ id, role: 'none' })) : [];
      case 4:
        return voter.map((id) => ({ id, role: isWitness(membership, id) ? 'witness-learner' : 'learner' }));
      default:
        // One for another, as a box is replaced.
        return learner.length === 0
          ? []
          : [...learner.map((id) => ({ id, role: 'voter' }) as const), ...voter.map((id) => ({ id, role: 'none' }) as const)];
    }
  }

  #maybe(ids: readonly NodeId[]): readonly NodeId[] {
    return ids.length === 0 ? [] : [this.#random.pick(ids)];
  }
}
