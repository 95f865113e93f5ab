import type { RaftView } from '../../../consensus/core/raft.ts';
import type { Entry, EntryId, Membership, NodeId } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import type { LogMirror } from './log-matching.ts';
import { isMajority } from './majority.ts';
import type { Memberships } from './memberships.ts';
import { Violation } from './violation.ts';

interface Before {
  readonly term: number;
  readonly commitIndex: number;
  readonly membership: Membership;
}

/** What a leader commits is of its own term (Raft paper, section 5.4.2) and lies on the disks of a majority, whatever loses power next. */
export class DurableAcks implements Observer {
  readonly #nodes: () => Iterable<SimNode>;
  readonly #mirror: LogMirror;
  readonly #memberships: Memberships;
  #highest = 0;
  /** As each leader was when it was seen last. */
  readonly #before = new Map<NodeId, Before>();

  constructor(nodes: () => Iterable<SimNode>, mirror: LogMirror, memberships: Memberships) {
    this.#nodes = nodes;
    this.#mirror = mirror;
    this.#memberships = memberships;
  }

  /** Whoever applies it first, whether it leads or not. */
  applied(node: SimNode, { term, index }: Entry): void {
    if (index <= this.#highest) return;
    this.#highest = index;
    const holders = this.#holders({ term, index });
    // The membership that counted when it was committed is that of the entry itself or, while it waited, a later one.
    const { raft } = node;
    if (raft === undefined || [raft.membershipAt(index), raft.view().membership].some((membership) => isMajority(membership, holders)))
      return;
    throw new Violation('Durable acknowledgement: committed without a durable majority', {
      node: node.id,
      index,
      term,
      holders: [...holders],
    });
  }

  settled(node: SimNode, view: RaftView | undefined): void {
    if (view?.role !== 'leader') {
      this.#before.delete(node.id);
      return;
    }
    const { term, commitIndex } = view;
    const before = this.#before.get(node.id);
    this.#before.set(node.id, { term, commitIndex, membership: this.#memberships.inForce(node.id).membership });
    if (before?.term !== term || before.commitIndex === commitIndex) return;
    const at = this.#mirror.termAt(node.id, commitIndex);
    // Cut already, and so on the disk here and elsewhere.
    if (at === undefined) return;
    if (at !== term)
      throw new Violation('Commit: an entry of an earlier term was committed by counting', { node: node.id, commitIndex, at, term });
    this.#check(node, { term, index: commitIndex } as EntryId, before.membership);
  }

  /** A flipped disk counts for what it may have lost: the one failure of a minority that a run may have. */
  #holders(entry: EntryId): ReadonlySet<NodeId> {
    return new Set([...this.#nodes()].filter(({ disk }) => disk.holds(entry) || entry.index <= disk.lostTo).map(({ id }) => id));
  }

  /** @param membership by which it was committed: the one that counted before, as a change done appends the next. */
  #check(node: SimNode, entry: EntryId, membership: Membership): void {
    const holders = this.#holders(entry);
    if (isMajority(membership, holders)) return;
    throw new Violation('Durable acknowledgement: committed without a durable majority', {
      node: node.id,
      ...entry,
      holders: [...holders],
      membership,
    });
  }
}
