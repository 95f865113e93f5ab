import type { Message } from '../../../consensus/core/messages.ts';
import type { RaftView } from '../../../consensus/core/raft.ts';
import type { NodeId } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

/** It is drawn between one and two; and who was roused, or asked for its vote, waits once more. */
const timeouts = 4;
const leaderWords: ReadonlySet<string> = new Set(['PING', 'APPEND', 'SNAPSHOT', 'TIMEOUT_NOW']);

/** Who follows hears its leader, or knows none soon: what it passes on would be lost, and its clients not be told (Raft paper, section 5.2). */
export class LeaderHeard implements Observer {
  /** By their own clocks: when each was last told something by its leader, or changed its mind. */
  readonly #heardAt = new Map<NodeId, number>();
  readonly #patience = new Map<NodeId, number>();
  readonly #leaders = new Map<NodeId, string>();

  started(node: SimNode): void {
    this.#heardAt.set(node.id, node.localNow);
  }

  received(node: SimNode, { type, from, term }: Message): void {
    if (!leaderWords.has(type)) return;
    if (this.#leaders.get(node.id) === `${from} ${term}`) this.#heardAt.set(node.id, node.localNow);
  }

  settled(node: SimNode, view: RaftView | undefined): void {
    if (view === undefined) return;
    const now = node.localNow;
    const leader = view.leader === undefined ? '' : `${view.leader} ${view.term}`;
    if (leader !== this.#leaders.get(node.id)) {
      this.#leaders.set(node.id, leader);
      this.#heardAt.set(node.id, now);
    }
    if (view.role !== 'follower' || view.leader === undefined || node.toldAt !== now) return;
    const heardAt = this.#heardAt.get(node.id) ?? now;
    // The longest it had since: who rests at its leader's word waits for long.
    const patience = Math.max(this.#patience.get(node.id) ?? 0, view.electionTicks, node.options.timing.electionMaxTicks);
    this.#patience.set(node.id, heardAt === now ? 0 : patience);
    if (now - heardAt > timeouts * patience)
      throw new Violation('Leader heard: a follower believes in one that is silent', { node: node.id, leader, heardAt, now });
  }
}
