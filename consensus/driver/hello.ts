/** The first frame of every stream, in both directions: who speaks, for which cluster, in which wire versions. */
import { type LogIndex, logIndex, type NodeId, type Term, term } from '../core/types.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { wireVersion, wireVersionMin } from './codec.ts';
import { CodecError } from './errors.ts';
import type { StandingRefusal } from './standing.ts';

/** 'HELO'. Fixed for all wire versions, as is the order of the fields; later versions may only append. */
const magic = 0x48454c4f;
const clusterIdBytesMax = 128;
/** A HELLO is read before its sender is known to be one of us. */
export const helloBytesMax = 1024;

export interface Hello {
  readonly wireMin: number;
  readonly wireMax: number;
  readonly clusterId: string;
  /** Grows with a forced recovery: members of an older epoch are fenced. */
  readonly clusterEpoch: number;
  readonly nodeId: NodeId;
  /** Another one in each data directory: a box that lost its memory, or a copy of it, is told by it. */
  readonly incarnation: number;
  /** How often its directory was started, and a number drawn at this start. Releases before these fields leave all three out. */
  readonly run?: number;
  readonly start?: number;
  /** What it has on its disk. */
  readonly promise?: Promised;
}

/** What a box on its word must not forget. */
export interface Promised {
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
  /** Last entry it may have acknowledged. */
  readonly index: LogIndex;
}

export type HelloRefusal =
  | 'HELLO_MALFORMED'
  | 'WIRE_VERSION'
  | 'CLUSTER_MISMATCH'
  | 'CLUSTER_EPOCH'
  | 'NODE_SELF'
  | 'NODE_UNKNOWN'
  | 'NODE_UNEXPECTED'
  | StandingRefusal;

export type HelloVerdict =
  /** `doubt`: it is listened to as a leader only (standing.ts). */
  | { readonly ok: true; readonly wireVersion: number; readonly doubt?: { readonly code: HelloRefusal; readonly message: string } }
  | { readonly ok: false; readonly code: HelloRefusal; readonly message: string };

export interface HelloExpectation {
  readonly own: Hello;
  /** Voters and learners of the site. */
  readonly members: readonly NodeId[];
  /** Who the secured connection says the peer is, when it says so. */
  readonly expectedNode?: NodeId;
}

/** This release's HELLO. */
export function ownHello(facts: Omit<Hello, 'wireMin' | 'wireMax'>): Hello {
  return { wireMin: wireVersionMin, wireMax: wireVersion, ...facts };
}

/** The payload of the HELLO frame. @throws {CodecError} on values that cannot be written. */
export function encodeHello(hello: Hello): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(magic);
  writer.uint(hello.wireMin);
  writer.uint(hello.wireMax);
  writer.text(hello.clusterId);
  writer.uint(hello.clusterEpoch);
  writer.nodeId(hello.nodeId);
  writer.uint(hello.incarnation);
  if (hello.run === undefined || hello.start === undefined || hello.promise === undefined) return writer.finish();
  const { term, votedFor, index } = hello.promise;
  for (const number of [hello.run, hello.start, term, index]) writer.uint(number);
  writer.boolean(votedFor !== undefined);
  if (votedFor !== undefined) writer.nodeId(votedFor);
  return writer.finish();
}

/** @throws {CodecError} on anything that is no HELLO. Bytes after the known fields belong to later versions and are ignored. */
export function decodeHello(payload: Uint8Array): Hello {
  if (payload.length > helloBytesMax) throw new CodecError('FRAME_TOO_LARGE', `HELLO of ${payload.length} bytes`);
  const reader = new ByteReader(payload);
  if (reader.u32() !== magic) throw reader.fail('the stream does not start with HELLO');
  const hello = {
    wireMin: reader.uint(),
    wireMax: reader.uint(),
    clusterId: reader.text(clusterIdBytesMax),
    clusterEpoch: reader.uint(),
    nodeId: reader.nodeId(),
    incarnation: reader.uint(),
  };
  if (hello.wireMin > hello.wireMax) throw reader.fail('wireMin above wireMax');
  return reader.remaining === 0 ? hello : { ...hello, ...readStart(reader) };
}

function readStart(reader: ByteReader): Required<Pick<Hello, 'run' | 'start' | 'promise'>> {
  const [run, start] = [reader.uint(), reader.uint()];
  const [saved, index] = [term(reader.uint()), logIndex(reader.uint())];
  return { run, start, promise: { term: saved, index, votedFor: reader.boolean() ? reader.nodeId() : undefined } };
}

/** May this peer talk to us? The first thing that does not fit is named. */
export function checkHello(expectation: HelloExpectation, peer: Hello): HelloVerdict {
  const { own, members, expectedNode } = expectation;
  const version = Math.min(own.wireMax, peer.wireMax);
  if (version < Math.max(own.wireMin, peer.wireMin)) {
    return refuse(
      'WIRE_VERSION',
      `${peer.nodeId} speaks wire versions ${peer.wireMin} to ${peer.wireMax}, this node ${own.wireMin} to ${own.wireMax}: update the older one`,
    );
  }
  if (peer.clusterId !== own.clusterId) {
    return refuse('CLUSTER_MISMATCH', `${peer.nodeId} belongs to cluster "${peer.clusterId}", this node to "${own.clusterId}"`);
  }
  if (peer.clusterEpoch !== own.clusterEpoch) {
    const older = peer.clusterEpoch < own.clusterEpoch ? peer.nodeId : own.nodeId;
    return refuse('CLUSTER_EPOCH', `${older} missed a forced recovery of the cluster: let it join again`);
  }
  if (peer.nodeId === own.nodeId) {
    return refuse('NODE_SELF', `Another node calls itself "${own.nodeId}": give each box its own name and data directory`);
  }
  if (!members.includes(peer.nodeId)) {
    return refuse('NODE_UNKNOWN', `"${peer.nodeId}" is not a member of the site: add it to the configuration of every member`);
  }
  if (expectedNode !== undefined && peer.nodeId !== expectedNode) {
    return refuse('NODE_UNEXPECTED', `The key of "${expectedNode}" was used by a node that calls itself "${peer.nodeId}"`);
  }
  return { ok: true, wireVersion: version };
}

function refuse(code: HelloRefusal, message: string): HelloVerdict {
  return { ok: false, code, message };
}
