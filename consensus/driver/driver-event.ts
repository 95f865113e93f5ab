/** What the driver has to say besides the core's own events. The driver does not log: whoever composes it does. */
import type { CoreEvent } from '../core/ready.ts';
import type { LogIndex, NodeId } from '../core/types.ts';

export type DriverEvent =
  /** Writes fail: nothing is acknowledged, leadership is given up, the driver tries again by itself. */
  | { readonly type: 'storage-failed'; readonly code: string; readonly message: string }
  | { readonly type: 'storage-recovered' }
  /** The stored state was damaged and is rebuilt from the whole log. */
  | { readonly type: 'state-rebuilt'; readonly message: string }
  | { readonly type: 'state-write-failed'; readonly code: string; readonly message: string }
  | { readonly type: 'log-compacted'; readonly index: LogIndex }
  | { readonly type: 'snapshot-made'; readonly to: NodeId; readonly index: LogIndex; readonly bytes: number; readonly elapsedMs: number }
  | { readonly type: 'snapshot-failed'; readonly code: string; readonly message: string }
  /** Nothing sensible can follow: the node has stopped taking part. End the process. */
  | { readonly type: 'fatal'; readonly error: Error };

export type NodeEvent = CoreEvent | DriverEvent;
