import { crc32c } from './crc32c.ts';
import { invariant } from './invariant.ts';
import type { SnapshotChunk } from './messages.ts';
import { membershipChanged } from './reconfigure.ts';
import { settleUncertain } from './roles.ts';
import { commitTo, durableMatch, type RaftState } from './state.ts';
import { type LogIndex, limits, logIndex, type NodeId } from './types.ts';

/** A snapshot on its way in. A stream that was cut goes on where it stopped, even from another leader. */
export interface IncomingSnapshot {
  readonly index: LogIndex;
  readonly term: number;
  readonly totalBytes: number;
  readonly checksum: number;
  readonly chunks: Uint8Array[];
  nextOffset: number;
}

function answer(state: RaftState, to: NodeId, index: LogIndex, nextOffset: number, installed: boolean): void {
  state.out.messages.push({ type: 'SNAPSHOT_ACK', from: state.id, to, term: state.term, index, nextOffset, installed });
}

/** SNAPSHOT from this term's leader. */
export function onLeaderSnapshot(state: RaftState, message: SnapshotChunk): void {
  if (state.installing !== undefined || message.totalBytes > limits.snapshotBytesMax) return;
  const { meta } = message;
  if (meta.index <= state.commitIndex || state.log.termAt(meta.index) === meta.term) {
    // Everything the snapshot stands for is here already: it only says how far the log is committed.
    state.incoming = undefined;
    state.verified = logIndex(Math.max(state.verified, meta.index));
    commitTo(state, meta.index);
    if (durableMatch(state) >= meta.index) answer(state, message.from, meta.index, 0, true);
    return;
  }
  const incoming = sameSnapshot(state.incoming, message) ? state.incoming : newSnapshot(message);
  state.incoming = incoming;
  if (message.offset === incoming.nextOffset && message.data.length <= incoming.totalBytes - incoming.nextOffset) {
    incoming.chunks.push(message.data);
    incoming.nextOffset += message.data.length;
  }
  if (incoming.nextOffset === incoming.totalBytes) complete(state, message, incoming);
  else answer(state, message.from, meta.index, incoming.nextOffset, false);
}

function sameSnapshot(incoming: IncomingSnapshot | undefined, { meta, totalBytes, checksum }: SnapshotChunk): incoming is IncomingSnapshot {
  return (
    incoming !== undefined &&
    incoming.index === meta.index &&
    incoming.term === meta.term &&
    incoming.totalBytes === totalBytes &&
    incoming.checksum === checksum
  );
}

function newSnapshot({ meta, totalBytes, checksum }: SnapshotChunk): IncomingSnapshot {
  return { index: meta.index, term: meta.term, totalBytes, checksum, chunks: [], nextOffset: 0 };
}

function complete(state: RaftState, message: SnapshotChunk, incoming: IncomingSnapshot): void {
  state.incoming = undefined;
  const data = new Uint8Array(incoming.totalBytes);
  let offset = 0;
  for (const chunk of incoming.chunks) {
    data.set(chunk, offset);
    offset += chunk.length;
  }
  if (crc32c(data) !== incoming.checksum) {
    answer(state, message.from, message.meta.index, 0, false);
    return;
  }
  answer(state, message.from, message.meta.index, incoming.totalBytes, false);
  state.installing = { snapshot: { meta: message.meta, data }, from: message.from, handedOut: false };
}

/** The snapshot is durable and applied: the log starts after it. */
export function onInstalled(state: RaftState, index: LogIndex): void {
  const installing = state.installing;
  invariant(installing?.handedOut === true && installing.snapshot.meta.index === index, 'the snapshot handed out is installed', { index });
  const { meta } = installing.snapshot;
  state.installing = undefined;
  state.log.reset({ term: meta.term, index });
  state.durability.reset(index);
  state.configurations.reset(index, meta.membership);
  membershipChanged(state);
  state.commitIndex = index;
  state.handedOut = index;
  state.appliedIndex = index;
  state.verified = index;
  settleUncertain(state);
  state.out.events.push({ type: 'snapshot-received', from: installing.from, index });
  if (state.leader !== undefined) answer(state, state.leader, index, 0, true);
}
