import { decodeMembership } from '../../../consensus/core/membership-bytes.ts';
import type { RaftView } from '../../../consensus/core/raft.ts';
import type { Save } from '../../../consensus/core/ready.ts';
import type { Entry, EntryId, Membership, NodeId, SnapshotMeta } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

interface Known {
  readonly index: number;
  readonly membership: Membership;
  readonly text: string;
}

const textOf = ({ voters, votersBefore = [], learners, witnesses = [] }: Membership): string =>
  [voters, votersBefore, learners, witnesses].map((ids) => ids.join(' ')).join(' | ');

const known = (index: number, membership: Membership): Known => ({ index, membership, text: textOf(membership) });

const sameVoters = (one: readonly NodeId[], other: readonly NodeId[]): boolean =>
  one.length === other.length && one.every((id) => other.includes(id));

/**
 * The last membership of its log counts for a member, committed or not (Raft paper, section 6); voters change by way of a membership
 * with both groups; one change is committed before the next begins.
 */
export class Memberships implements Observer {
  readonly #logs = new Map<NodeId, Known[]>();
  readonly #committed: Known[];
  /** What a member takes for the site's first membership: that is in no entry, so one that joins by the log never learns it. */
  readonly #firsts = new Map<NodeId, Known>();
  readonly #texts = new WeakMap<Membership, string>();

  /** @param first of the site, before any entry. */
  constructor(first: Membership) {
    this.#committed = [known(0, first)];
  }

  /** The membership that counts for this member by its log. */
  inForce(id: NodeId): Known {
    const last = this.#logs.get(id)?.at(-1);
    if (last === undefined) throw new Error(`${id} was never started`);
    return last;
  }

  started(node: SimNode, base: EntryId, entries: readonly Entry[]): void {
    if (base.index === 0) this.#firsts.set(node.id, known(0, node.options.membership));
    const atBase = this.#committedAt(base.index);
    const log = [(atBase.index === 0 ? this.#firsts.get(node.id) : undefined) ?? atBase];
    this.#logs.set(node.id, log);
    for (const entry of entries) this.#add(log, entry);
  }

  installed(node: SimNode, { index }: SnapshotMeta): void {
    this.#firsts.set(node.id, this.#committedAt(0));
    this.#logs.set(node.id, [this.#committedAt(index)]);
  }

  saving(node: SimNode, { entries }: Save): void {
    const [first] = entries;
    if (first === undefined) return;
    const log = this.#logs.get(node.id) ?? [];
    while (log.length > 1 && (log.at(-1)?.index ?? 0) >= first.index) log.pop();
    const view = node.raft?.view();
    for (const entry of entries) {
      const before = log.at(-1);
      if (!this.#add(log, entry) || before === undefined || view?.role !== 'leader' || entry.term !== view.term) continue;
      this.#checkStep(node, before, this.inForce(node.id), view.commitIndex);
    }
  }

  applied(_node: SimNode, entry: Entry): void {
    if (entry.index > (this.#committed.at(-1)?.index ?? 0)) this.#add(this.#committed, entry);
  }

  settled(node: SimNode, view: RaftView | undefined): void {
    if (view === undefined) return;
    const { text, index } = this.inForce(node.id);
    if (this.#text(view.membership) === text) return;
    throw new Violation('Membership in force: not the last one of the log', { node: node.id, inForce: view.membership, log: text, index });
  }

  #checkStep(node: SimNode, before: Known, after: Known, commitIndex: number): void {
    const facts = { leader: node.id, before: before.text, after: after.text, index: after.index, commitIndex };
    if (before.index > commitIndex) throw new Violation('One change at a time: a change begins before the last one is committed', facts);
    const [from, to] = [before.membership, after.membership];
    const isDone = (to.votersBefore ?? []).length === 0;
    const isRight =
      (from.votersBefore ?? []).length > 0
        ? isDone && sameVoters(from.voters, to.voters)
        : sameVoters(isDone ? to.voters : (to.votersBefore ?? []), from.voters);
    if (!isRight) throw new Violation('Joint consensus: voters changed without both groups', facts);
  }

  #committedAt(index: number): Known {
    const found = this.#committed.findLast((one) => one.index <= index);
    if (found === undefined) throw new Error(`No membership at ${index}`);
    return found;
  }

  #add(log: Known[], { kind, index, data }: Entry): boolean {
    const membership = kind === 'configuration' ? decodeMembership(data) : undefined;
    if (membership !== undefined) log.push(known(index, membership));
    return membership !== undefined;
  }

  #text(membership: Membership): string {
    const before = this.#texts.get(membership);
    if (before !== undefined) return before;
    const text = textOf(membership);
    this.#texts.set(membership, text);
    return text;
  }
}
