/**
 * The wire form of every message: version byte, type byte, sender, receiver, term, body. One way to write each message, so
 * what decodes encodes back to the same bytes. The decoder throws `CodecError` and nothing else.
 */
import type { CampaignReason, Message, MessageType, RefusalCode, Reply, Request, RevalidateItem, Verdict } from '../core/messages.ts';
import { type Entry, limits, logIndex, type NodeId, type Term, term, tick } from '../core/types.ts';
import { ByteReader, ByteWriter, wordIndex } from './bytes.ts';
import { readEntry, readSnapshotMeta, writeEntry, writeSnapshotMeta } from './entry-codec.ts';
import { CodecError } from './errors.ts';

/** Newest version of the message encoding; HELLO settles for each pair of members which one they speak. */
export const wireVersion = 3;
/** Oldest version this release speaks: what goes out before a peer has said what it understands. */
export const wireVersionMin = 1;
/** From this version on PINGs say how patient to be and whether the site rests, and ACKs agree to it. */
const pacedVersion = 2;
/** From this version on PINGs say how long the leader's log is. */
const measuredVersion = 3;

/** Position is the type byte on the wire: only append. */
export const messageTypes: readonly MessageType[] = [
  'PREVOTE',
  'PREVOTE_REPLY',
  'VOTE',
  'VOTE_REPLY',
  'PING',
  'APPEND',
  'ACK',
  'REQUEST',
  'REPLY',
  'REVALIDATE',
  'REVALIDATE_REPLY',
  'SNAPSHOT',
  'SNAPSHOT_ACK',
  'TIMEOUT_NOW',
];
const reasons: readonly CampaignReason[] = ['timeout', 'link-lost', 'transfer'];
const refusals: readonly RefusalCode[] = [
  'NOT_LEADER',
  'BUSY',
  'TOO_LARGE',
  'STEPPING_DOWN',
  'CHANGE_UNDER_WAY',
  'NOT_CAUGHT_UP',
  'BAD_CHANGE',
  'NO_CHANGE',
];
const verdicts: readonly Verdict[] = ['valid', 'moved', 'invalid'];
const requestKinds: readonly Request['kind'][] = ['command', 'read', 'change'];
const outcomes: readonly Reply['outcome']['kind'][] = ['accepted', 'read', 'refused'];
/** A workload's name, in bytes of UTF-8. */
const workloadBytesMax = 255;

interface Address {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
}
type Body<T extends MessageType> = Extract<Message, { readonly type: T }>;
interface BodyCodec<M> {
  write(writer: ByteWriter, message: M, version: number): void;
  read(reader: ByteReader, address: Address, version: number): M;
}

const preVote: BodyCodec<Body<'PREVOTE'>> = {
  write(writer, message) {
    writer.uint(message.poll);
    writer.uint(message.lastTerm);
    writer.uint(message.lastIndex);
    writer.byte(wordIndex(reasons, message.reason));
  },
  read: (reader, address) => ({
    type: 'PREVOTE',
    ...address,
    poll: reader.uint(),
    lastTerm: term(reader.uint()),
    lastIndex: logIndex(reader.uint()),
    reason: reader.word(reasons),
  }),
};

const preVoteReply: BodyCodec<Body<'PREVOTE_REPLY'>> = {
  write(writer, message) {
    writer.uint(message.poll);
    writer.boolean(message.granted);
    writer.boolean(message.conditional);
  },
  read: (reader, address) => ({
    type: 'PREVOTE_REPLY',
    ...address,
    poll: reader.uint(),
    granted: reader.boolean(),
    conditional: reader.boolean(),
  }),
};

const vote: BodyCodec<Body<'VOTE'>> = {
  write(writer, message) {
    writer.uint(message.lastTerm);
    writer.uint(message.lastIndex);
    writer.byte(wordIndex(reasons, message.reason));
    writer.boolean(message.complete);
  },
  read: (reader, address) => ({
    type: 'VOTE',
    ...address,
    lastTerm: term(reader.uint()),
    lastIndex: logIndex(reader.uint()),
    reason: reader.word(reasons),
    complete: reader.boolean(),
  }),
};

const voteReply: BodyCodec<Body<'VOTE_REPLY'>> = {
  write: (writer, message) => writer.boolean(message.granted),
  read: (reader, address) => ({ type: 'VOTE_REPLY', ...address, granted: reader.boolean() }),
};

const ping: BodyCodec<Body<'PING'>> = {
  write(writer, message, version) {
    writer.uint(message.commitIndex);
    writer.uint(message.seq);
    writer.uint(message.sentAt);
    writer.uint(message.ackSeqSeen);
    writer.uint(message.ackSeqMajority);
    if (version < pacedVersion) return;
    writer.uint(message.electionTicks);
    writer.uint(message.restTicks);
    if (version >= measuredVersion) writer.uint(message.lastIndex);
  },
  read: (reader, address, version) => ({
    type: 'PING',
    ...address,
    commitIndex: logIndex(reader.uint()),
    seq: reader.uint(),
    sentAt: tick(reader.uint()),
    ackSeqSeen: reader.uint(),
    ackSeqMajority: reader.uint(),
    electionTicks: version < pacedVersion ? 0 : reader.uint(),
    restTicks: version < pacedVersion ? 0 : reader.uint(),
    lastIndex: logIndex(version < measuredVersion ? 0 : reader.uint()),
  }),
};

const append: BodyCodec<Body<'APPEND'>> = {
  write(writer, message) {
    writer.uint(message.prevTerm);
    writer.uint(message.prevIndex);
    writer.uint(message.commitIndex);
    writer.uint(message.entries.length);
    for (const [position, entry] of message.entries.entries()) {
      if (entry.index !== message.prevIndex + 1 + position) {
        throw new CodecError('FRAME_MALFORMED', `Cannot encode APPEND: entry ${entry.index} leaves a gap`, writer.length);
      }
      writeEntry(writer, entry);
    }
  },
  read(reader, address) {
    const prevTerm = term(reader.uint());
    const prevIndex = logIndex(reader.uint());
    const commitIndex = logIndex(reader.uint());
    let index = prevIndex + 1;
    const entries: Entry[] = reader.list(limits.appendEntriesMax, () => readEntry(reader, logIndex(index++)));
    if (!Number.isSafeInteger(index)) throw reader.fail('index above 2^53 - 1');
    return { type: 'APPEND', ...address, prevTerm, prevIndex, entries, commitIndex };
  },
};

const ack: BodyCodec<Body<'ACK'>> = {
  write(writer, message, version) {
    writer.uint(message.seq);
    writer.uint(message.sentAt);
    writer.uint(message.ackSeq);
    writer.uint(message.durableIndex);
    writer.boolean(message.reject !== undefined);
    if (message.reject !== undefined) {
      writer.uint(message.reject.prevIndex);
      writer.uint(message.reject.hintTerm);
      writer.uint(message.reject.hintIndex);
    }
    writer.uint(message.touches.length);
    for (const touch of message.touches) {
      writer.uint(touch.session);
      writer.uint(touch.ttlTicks);
    }
    if (version >= pacedVersion) writer.uint(message.restTicks);
  },
  read: (reader, address, version) => ({
    type: 'ACK',
    ...address,
    seq: reader.uint(),
    sentAt: tick(reader.uint()),
    ackSeq: reader.uint(),
    durableIndex: logIndex(reader.uint()),
    reject: reader.boolean()
      ? { prevIndex: logIndex(reader.uint()), hintTerm: term(reader.uint()), hintIndex: logIndex(reader.uint()) }
      : undefined,
    touches: reader.list(limits.touchesMax, () => ({ session: reader.uint(), ttlTicks: reader.uint() })),
    restTicks: version < pacedVersion ? 0 : reader.uint(),
  }),
};

const request: BodyCodec<Body<'REQUEST'>> = {
  write(writer, message) {
    writer.uint(message.requestId);
    writer.byte(wordIndex(requestKinds, message.kind));
    writer.data(message.data);
  },
  read: (reader, address) => ({
    type: 'REQUEST',
    ...address,
    requestId: reader.uint(),
    kind: reader.word(requestKinds),
    data: reader.data(limits.entryBytesMax),
  }),
};

const reply: BodyCodec<Body<'REPLY'>> = {
  write(writer, { requestId, outcome }) {
    writer.uint(requestId);
    writer.byte(wordIndex(outcomes, outcome.kind));
    if (outcome.kind === 'refused') {
      writer.byte(wordIndex(refusals, outcome.code));
      writer.boolean(outcome.leader !== undefined);
      if (outcome.leader !== undefined) writer.nodeId(outcome.leader);
      return;
    }
    writer.uint(outcome.index);
    if (outcome.kind === 'accepted') writer.uint(outcome.entryTerm);
  },
  read: (reader, address) => ({ type: 'REPLY', ...address, requestId: reader.uint(), outcome: readOutcome(reader) }),
};

function readOutcome(reader: ByteReader): Reply['outcome'] {
  const kind = reader.word(outcomes);
  if (kind === 'accepted') return { kind, index: logIndex(reader.uint()), entryTerm: term(reader.uint()) };
  if (kind === 'read') return { kind, index: logIndex(reader.uint()) };
  const code = reader.word(refusals);
  return { kind, code, leader: reader.boolean() ? reader.nodeId() : undefined };
}

function writeItem(writer: ByteWriter, item: RevalidateItem): void {
  writer.text(item.workload);
  writer.uint(item.replica);
  writer.uint(item.epoch);
}

const readItem = (reader: ByteReader): RevalidateItem => ({
  workload: reader.text(workloadBytesMax),
  replica: reader.uint(),
  epoch: reader.uint(),
});

const revalidate: BodyCodec<Body<'REVALIDATE'>> = {
  write(writer, message) {
    writer.uint(message.requestId);
    writer.uint(message.items.length);
    for (const item of message.items) writeItem(writer, item);
  },
  read: (reader, address) => ({
    type: 'REVALIDATE',
    ...address,
    requestId: reader.uint(),
    items: reader.list(limits.revalidateItemsMax, () => readItem(reader)),
  }),
};

const revalidateReply: BodyCodec<Body<'REVALIDATE_REPLY'>> = {
  write(writer, message) {
    writer.uint(message.requestId);
    writer.uint(message.items.length);
    for (const item of message.items) {
      writeItem(writer, item);
      writer.byte(wordIndex(verdicts, item.verdict));
    }
  },
  read: (reader, address) => ({
    type: 'REVALIDATE_REPLY',
    ...address,
    requestId: reader.uint(),
    items: reader.list(limits.revalidateItemsMax, () => ({ ...readItem(reader), verdict: reader.word(verdicts) })),
  }),
};

const snapshot: BodyCodec<Body<'SNAPSHOT'>> = {
  write(writer, message) {
    writeSnapshotMeta(writer, message.meta);
    writer.uint(message.offset);
    writer.uint(message.totalBytes);
    writer.u32(message.checksum);
    writer.data(message.data);
  },
  read(reader, address) {
    const meta = readSnapshotMeta(reader);
    const offset = reader.uint();
    const totalBytes = reader.uint();
    if (totalBytes > limits.snapshotBytesMax) throw reader.fail(`snapshot of ${totalBytes} bytes`);
    const checksum = reader.u32();
    const data = reader.data(limits.snapshotChunkBytes);
    if (offset + data.length > totalBytes) throw reader.fail('chunk beyond the end of its snapshot');
    return { type: 'SNAPSHOT', ...address, meta, offset, totalBytes, checksum, data };
  },
};

const snapshotAck: BodyCodec<Body<'SNAPSHOT_ACK'>> = {
  write(writer, message) {
    writer.uint(message.index);
    writer.uint(message.nextOffset);
    writer.boolean(message.installed);
  },
  read: (reader, address) => ({
    type: 'SNAPSHOT_ACK',
    ...address,
    index: logIndex(reader.uint()),
    nextOffset: reader.uint(),
    installed: reader.boolean(),
  }),
};

/** A table without gaps: leaving a message type out must not compile. */
const bodies: { readonly [T in MessageType]: BodyCodec<Body<T>> } = {
  PREVOTE: preVote,
  PREVOTE_REPLY: preVoteReply,
  VOTE: vote,
  VOTE_REPLY: voteReply,
  PING: ping,
  APPEND: append,
  ACK: ack,
  REQUEST: request,
  REPLY: reply,
  REVALIDATE: revalidate,
  REVALIDATE_REPLY: revalidateReply,
  SNAPSHOT: snapshot,
  SNAPSHOT_ACK: snapshotAck,
  TIMEOUT_NOW: { write: () => undefined, read: (_reader, address) => ({ type: 'TIMEOUT_NOW', ...address }) },
};

/** Encoding is synchronous: all messages are written into the same buffer, and copied out of it. */
const scratch = new ByteWriter(64 * 1024);

/**
 * The payload of one frame, in the version that the receiver understands: what an older one has no place for is left out.
 * @throws {CodecError} when a value cannot be written, or the frame would be too large.
 */
export function encodeMessage(message: Message, version: number = wireVersion): Uint8Array {
  const writer = scratch;
  writer.truncate(0);
  writer.byte(version);
  writer.byte(wordIndex(messageTypes, message.type));
  writer.nodeId(message.from);
  writer.nodeId(message.to);
  writer.uint(message.term);
  (bodies[message.type] as BodyCodec<Message>).write(writer, message, version);
  if (writer.length > limits.frameBytesMax) {
    throw new CodecError('FRAME_TOO_LARGE', `Cannot encode ${message.type}: ${writer.length} bytes`, writer.length);
  }
  return writer.finish().slice();
}

/** Reads one frame's payload; keeps no reference to it. @throws {CodecError} on anything `encodeMessage` would not write. */
export function decodeMessage(payload: Uint8Array): Message {
  if (payload.length > limits.frameBytesMax) {
    throw new CodecError('FRAME_TOO_LARGE', `Frame of ${payload.length} bytes, allowed are ${limits.frameBytesMax}`);
  }
  const reader = new ByteReader(payload);
  const version = reader.byte();
  if (version < wireVersionMin || version > wireVersion) {
    throw new CodecError('FRAME_VERSION', `Frame of wire version ${version}, this release speaks ${wireVersionMin} to ${wireVersion}`);
  }
  const type = reader.word(messageTypes);
  const address: Address = { from: reader.nodeId(), to: reader.nodeId(), term: term(reader.uint()) };
  const message = bodies[type].read(reader, address, version);
  reader.end();
  return message;
}
