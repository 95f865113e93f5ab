import { createHash } from 'node:crypto';
import type { Entry, SnapshotMeta } from '../../../consensus/core/types.ts';
import type { RowChange } from '../../../consensus/driver/ports.ts';
import type { Cluster } from '../cluster.ts';
import type { Observer } from '../observer.ts';
import type { Done } from '../replica.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

/** The same entry changes the same rows on every member, keys of a session go with it at one log index, and all states are equal in the end. */
export class ReplicatedState implements Observer {
  readonly #changes: string[] = [];

  applied(node: SimNode, entry: Entry, { changes }: Done): void {
    const text = digest(changes);
    const known = this.#changes[entry.index];
    if (known === undefined) this.#changes[entry.index] = text;
    else if (known !== text) throw new Violation('Replicated state: one entry, two effects', { node: node.id, index: entry.index });
    if (changes.some(({ key, value }) => value === undefined && key.startsWith('session/'))) this.#noOrphans(node, entry.index);
  }

  installed(node: SimNode, { index }: SnapshotMeta): void {
    this.#noOrphans(node, index);
  }

  #noOrphans({ id, replica }: SimNode, index: number): void {
    for (const [key, { session }] of replica.state.kvList(''))
      if (session !== undefined && replica.state.session(session) === undefined)
        throw new Violation('Ephemeral keys: one outlived its session', { node: id, index, key, session });
  }

  /** Byte for byte, of those that applied the same entries. */
  checkEqual(cluster: Cluster): void {
    const first = new Map<number, { readonly id: string; readonly bytes: string }>();
    for (const { id, applied, replica, options, raft } of cluster.nodes.values()) {
      if (raft === undefined || options.witness === true) continue;
      const bytes = digestOf(replica.save());
      const other = first.get(applied.index);
      if (other === undefined) first.set(applied.index, { id, bytes });
      else if (other.bytes !== bytes)
        throw new Violation('Replicated state: two states after the same entries', { index: applied.index, one: other.id, other: id });
    }
  }
}

const digestOf = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('base64');

function digest(changes: readonly RowChange[]): string {
  if (changes.length === 0) return '';
  const hash = createHash('sha1');
  for (const { key, value } of changes) hash.update(`${key}\n${value?.length ?? -1}\n`).update(value ?? '');
  return hash.digest('base64');
}
