import type { CoreEvent } from '../../../consensus/core/ready.ts';
import type { Entry, SnapshotMeta } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import type { LogMirror } from './log-matching.ts';
import { Violation } from './violation.ts';

const hash = (entry: Entry): string => `${entry.term} ${entry.kind} ${new TextDecoder().decode(entry.data)}`;

/** The one sequence of entries that anybody applied, and what it is checked for. */
export class CommittedLog {
  readonly #entries: string[] = [];
  readonly #terms: number[] = [];
  readonly #committedIn: number[] = [];

  get lastIndex(): number {
    return this.#entries.length;
  }

  termAt(index: number): number | undefined {
    return this.#terms[index - 1];
  }

  /** Term of the node that applied this entry first: it was committed in this term or before. */
  committedIn(index: number): number {
    return this.#committedIn[index - 1] ?? 0;
  }

  /** True when this entry is the first applied at its index. */
  add(node: SimNode, entry: Entry): boolean {
    const known = this.#entries[entry.index - 1];
    if (known === undefined) {
      if (entry.index !== this.#entries.length + 1)
        throw new Violation('State-machine safety: entries applied with a gap', { node: node.id, index: entry.index });
      this.#entries.push(hash(entry));
      this.#terms.push(entry.term);
      this.#committedIn.push(node.raft?.view().term ?? entry.term);
      return true;
    }
    if (known !== hash(entry))
      throw new Violation('State-machine safety: two entries applied at one index', {
        node: node.id,
        index: entry.index,
        known,
        now: hash(entry),
      });
    return false;
  }
}

/** All nodes apply the same entries at the same indexes (Raft paper, figure 3). */
export class StateMachineSafety implements Observer {
  readonly #log: CommittedLog;

  constructor(log: CommittedLog) {
    this.#log = log;
  }

  applied(node: SimNode, entry: Entry): void {
    this.#log.add(node, entry);
  }

  installed(node: SimNode, meta: SnapshotMeta): void {
    if (this.#log.termAt(meta.index) !== meta.term)
      throw new Violation('State-machine safety: a snapshot of what was never committed', { node: node.id, index: meta.index });
  }
}

/** A new leader's log holds every entry committed before (Raft paper, figure 3). */
export class LeaderCompleteness implements Observer {
  readonly #log: CommittedLog;
  readonly #mirror: LogMirror;

  constructor(log: CommittedLog, mirror: LogMirror) {
    this.#log = log;
    this.#mirror = mirror;
  }

  event(node: SimNode, event: CoreEvent): void {
    if (event.type !== 'role' || event.to !== 'leader') return;
    for (let index = this.#log.lastIndex; index > this.#mirror.of(node.id).base.index; index -= 1) {
      const term = this.#log.termAt(index) ?? 0;
      // A leader elected late, in an older term, need not know what newer leaders committed.
      if (this.#log.committedIn(index) < event.term && this.#mirror.termAt(node.id, index) !== term) {
        throw new Violation('Leader completeness: a committed entry is missing', { leader: node.id, term: event.term, index });
      }
    }
  }
}
