import type { Message, RefusalCode, VerdictItem } from '../../consensus/core/messages.ts';
import type { RaftView } from '../../consensus/core/raft.ts';
import type { CoreEvent, Save } from '../../consensus/core/ready.ts';
import type { Entry, EntryId, NodeId, SnapshotMeta } from '../../consensus/core/types.ts';
import type { Done } from './replica.ts';
import type { SimNode } from './sim-node.ts';

/** What can be seen of a cluster. Checkers and the scenario printer look at parts of it. */
export interface Observer {
  started?(node: SimNode, base: EntryId, entries: readonly Entry[]): void;
  /** A message leaves its box. */
  sent?(message: Message): void;
  /** The core is about to be given a message. */
  received?(node: SimNode, message: Message): void;
  crashed?(node: SimNode): void;
  event?(node: SimNode, event: CoreEvent): void;
  saving?(node: SimNode, save: Save): void;
  applied?(node: SimNode, entry: Entry, done: Done): void;
  installed?(node: SimNode, meta: SnapshotMeta): void;
  accepted?(node: SimNode, requestId: number, id: EntryId): void;
  refused?(node: SimNode, requestId: number, code: RefusalCode, leader: NodeId | undefined): void;
  /** A read may be served once this index is applied. */
  readProved?(node: SimNode, requestId: number, index: number): void;
  /** A read may be served now. */
  readable?(node: SimNode, requestId: number): void;
  verdicts?(node: SimNode, requestId: number, items: readonly VerdictItem[]): void;
  /** Something was handed to the core and its Readies were worked off. @param view of the core; undefined of a box that is down. */
  settled?(node: SimNode, view: RaftView | undefined): void;
}
