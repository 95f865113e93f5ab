import type { CoreEvent, Save } from '../../../consensus/core/ready.ts';
import type { Entry, EntryId, NodeId, SnapshotMeta } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

interface Mirror {
  base: EntryId;
  entries: Entry[];
  leading: boolean;
}

const text = (entry: Entry): string =>
  `${entry.kind} ${entry.origin?.node ?? ''} ${entry.origin?.requestId ?? 0} ${new TextDecoder().decode(entry.data)}`;

/** Keeps a copy of each node's log as it was handed out to be saved. */
export class LogMirror {
  readonly #mirrors = new Map<NodeId, Mirror>();

  of(id: NodeId): Mirror {
    const mirror = this.#mirrors.get(id);
    if (mirror === undefined) throw new Error(`${id} was never started`);
    return mirror;
  }

  set(id: NodeId, base: EntryId, entries: readonly Entry[]): void {
    this.#mirrors.set(id, { base, entries: [...entries], leading: false });
  }

  termAt(id: NodeId, index: number): number | undefined {
    const { base, entries } = this.of(id);
    return index === base.index ? base.term : entries[index - base.index - 1]?.term;
  }
}

/**
 * Log matching and leader append-only (Raft paper, figure 3). An entry is told by term and index: everywhere it has the same
 * content and the same entry before it; hence logs that agree in one entry agree in all before it.
 */
export class LogMatching implements Observer {
  readonly mirror = new LogMirror();
  readonly #known = new Map<string, { readonly content: string; readonly before: number }>();

  started(node: SimNode, base: EntryId, entries: readonly Entry[]): void {
    this.mirror.set(node.id, base, entries);
  }

  installed(node: SimNode, { term, index }: SnapshotMeta): void {
    this.mirror.set(node.id, { term, index }, []);
  }

  event(node: SimNode, event: CoreEvent): void {
    if (event.type === 'role') this.mirror.of(node.id).leading = event.to === 'leader';
  }

  saving(node: SimNode, save: Save): void {
    const mirror = this.mirror.of(node.id);
    const first = save.entries[0];
    if (first === undefined) return;
    const kept = first.index - mirror.base.index - 1;
    if (kept < 0 || kept > mirror.entries.length)
      throw new Violation('Log matching: a gap in the log', { node: node.id, first: first.index });
    // Events come after saves: a leader may still be replacing what it had as a follower in its very first save.
    if (mirror.leading && node.raft?.view().role === 'leader' && kept < mirror.entries.length) {
      throw new Violation('Leader append-only: a leader replaced entries', { node: node.id, first: first.index });
    }
    mirror.entries.length = kept;
    for (const entry of save.entries) {
      this.#check(node, entry, this.mirror.termAt(node.id, entry.index - 1) ?? -1);
      mirror.entries.push(entry);
    }
  }

  #check(node: SimNode, entry: Entry, before: number): void {
    const id = `${entry.term}:${entry.index}`;
    const known = this.#known.get(id);
    // A witness keeps the place of a command only.
    const content = node.options.witness === true && entry.kind === 'command' ? (known?.content ?? '') : text(entry);
    if (known === undefined) this.#known.set(id, { content, before });
    else if (known.content !== content || known.before !== before) {
      throw new Violation('Log matching: one entry id, two entries', { node: node.id, id, content, before, known });
    }
  }
}
