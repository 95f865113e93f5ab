import type { Message } from '../../../consensus/core/messages.ts';
import type { CoreEvent } from '../../../consensus/core/ready.ts';
import type { NodeId } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import { isMajority } from './majority.ts';
import type { Memberships } from './memberships.ts';
import { Violation } from './violation.ts';

/** Each member votes for one candidate in a term, and who leads has the votes of a majority (Raft paper, section 5.2). */
export class Ballots implements Observer {
  readonly #memberships: Memberships;
  /** By term: whom each member voted for. */
  readonly #votes = new Map<number, Map<NodeId, NodeId>>();

  constructor(memberships: Memberships) {
    this.#memberships = memberships;
  }

  sent(message: Message): void {
    if (message.type === 'VOTE') this.#vote(message.term, message.from, message.from);
    else if (message.type === 'VOTE_REPLY' && message.granted) this.#vote(message.term, message.from, message.to);
  }

  event(node: SimNode, event: CoreEvent): void {
    if (event.type !== 'role' || event.to !== 'leader') return;
    const { membership } = this.#memberships.inForce(node.id);
    const votes = [...(this.#votes.get(event.term) ?? [])].filter(([, candidate]) => candidate === node.id).map(([voter]) => voter);
    if (isMajority(membership, new Set([node.id, ...votes]))) return;
    throw new Violation('Election: won without a majority', { leader: node.id, term: event.term, votes, membership });
  }

  #vote(term: number, voter: NodeId, candidate: NodeId): void {
    const votes = this.#votes.get(term) ?? new Map<NodeId, NodeId>();
    this.#votes.set(term, votes);
    const before = votes.get(voter) ?? candidate;
    if (before !== candidate) throw new Violation('One vote: a member voted for two in a term', { term, voter, before, candidate });
    votes.set(voter, candidate);
  }
}
