import type { Message } from '../../../consensus/core/messages.ts';
import type { RaftView } from '../../../consensus/core/raft.ts';
import { type EntryId, logIndex, type NodeId, term } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import type { LogMirror } from './log-matching.ts';
import { Violation } from './violation.ts';

/**
 * What a leader believes of its peers, it was told by acknowledgements of its own term, and it is true: what they are said to hold lies on
 * their disks (`matchIndex` of the Raft paper, figure 2).
 */
export class LeaderBelief implements Observer {
  readonly #nodes: () => ReadonlyMap<NodeId, SimNode>;
  readonly #mirror: LogMirror;
  /** Per leader and peer: the term and the time, by the leader's clock, of the newest acknowledgement of each term. */
  readonly #told = new Map<string, { readonly term: number; readonly at: number }>();
  /** Per leader and peer: what was found true already. */
  readonly #seen = new Map<string, string>();

  constructor(nodes: () => ReadonlyMap<NodeId, SimNode>, mirror: LogMirror) {
    this.#nodes = nodes;
    this.#mirror = mirror;
  }

  received(node: SimNode, message: Message): void {
    if (message.type !== 'ACK' || message.term < (this.#told.get(`${node.id} ${message.from}`)?.term ?? 0)) return;
    this.#told.set(`${node.id} ${message.from}`, { term: message.term, at: node.localNow });
  }

  settled(node: SimNode, view: RaftView | undefined): void {
    if (view?.role !== 'leader') return;
    for (const { id, match, lastAckAt } of view.peers) {
      const about = `${node.id} ${id}`;
      const belief = `${view.term} ${match} ${lastAckAt}`;
      if (lastAckAt === undefined || this.#seen.get(about) === belief) continue;
      this.#seen.set(about, belief);
      const told = this.#told.get(about);
      if (told?.term !== view.term || lastAckAt > told.at)
        throw new Violation('Acknowledgements: one of another term counts', {
          leader: node.id,
          term: view.term,
          peer: id,
          lastAckAt,
          told,
        });
      this.#checkMatch(node, view, id, match);
    }
  }

  #checkMatch(node: SimNode, view: RaftView, id: NodeId, match: number): void {
    const disk = this.#nodes().get(id)?.disk;
    const at = this.#mirror.termAt(node.id, match);
    // Who follows a newer leader may have replaced it since; a flipped disk lost what it held.
    if (disk === undefined || at === undefined || disk.hardState.term > view.term || match <= disk.lostTo) return;
    const entry: EntryId = { term: term(at), index: logIndex(match) };
    if (match > 0 && !disk.holds(entry))
      throw new Violation('Match index: a leader believes in an entry that its peer does not hold', {
        leader: node.id,
        peer: id,
        ...entry,
      });
  }
}
