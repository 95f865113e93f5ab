import { crc32c } from './crc32c.ts';
import type { SnapshotAck } from './messages.ts';
import type { Progress, SnapshotStream } from './progress.ts';
import type { RaftState } from './state.ts';
import { limits, logIndex, type NodeId, type Snapshot } from './types.ts';

/** Asks the driver for a snapshot: the entries the peer needs are compacted. */
export function wantSnapshot(state: RaftState, peer: Progress): void {
  if (peer.mode !== 'snapshot') peer.becomeSnapshot(state.now);
  if (!state.out.snapshotsWanted.includes(peer.id)) state.out.snapshotsWanted.push(peer.id);
}

/** Starts sending the snapshot that was asked for. Of no use, and dropped, when leadership or the peer's need ended meanwhile. */
export function provideSnapshot(state: RaftState, to: NodeId, snapshot: Snapshot): void {
  const peer = state.leadership?.progress.get(to);
  if (peer === undefined || peer.mode !== 'snapshot' || peer.stream !== undefined) return;
  if (snapshot.meta.index <= peer.match || snapshot.data.length > limits.snapshotBytesMax) return;
  const given = peer.isWitness ? { meta: snapshot.meta, data: new Uint8Array(0) } : snapshot;
  peer.stream = { snapshot: given, checksum: crc32c(given.data), offset: 0 };
  sendChunk(state, peer, peer.stream);
}

/** Sends the chunk at the stream's offset. */
export function sendChunk(state: RaftState, peer: Progress, stream: SnapshotStream): void {
  const { meta, data } = stream.snapshot;
  state.out.messages.push({
    type: 'SNAPSHOT',
    from: state.id,
    to: peer.id,
    term: state.term,
    meta,
    offset: stream.offset,
    totalBytes: data.length,
    checksum: stream.checksum,
    data: data.subarray(stream.offset, stream.offset + limits.snapshotChunkBytes),
  });
}

/** SNAPSHOT_ACK of this term: the next chunk, or on with entries. */
export function onLeaderSnapshotAck(state: RaftState, message: SnapshotAck): void {
  const leadership = state.leadership;
  const peer = leadership?.progress.get(message.from);
  const stream = peer?.stream;
  if (leadership === undefined || peer === undefined || stream === undefined || stream.snapshot.meta.index !== message.index) return;
  if (message.installed) {
    peer.matched(message.index, state.now);
    peer.becomeReplicate();
    leadership.replicationDue = true;
    state.out.events.push({ type: 'snapshot-sent', to: peer.id, index: logIndex(message.index) });
    return;
  }
  const total = stream.snapshot.data.length;
  // All is sent: wait for the installation.
  if (message.nextOffset > total || (message.nextOffset === total && total > 0)) return;
  // A repeated answer would double the stream.
  if (message.nextOffset === stream.offset && stream.offset > 0) return;
  stream.offset = message.nextOffset;
  peer.movedAt = state.now;
  peer.resends = 0;
  sendChunk(state, peer, stream);
}
