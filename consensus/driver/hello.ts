/** The first frame of every stream, in both directions: who speaks, for which cluster, in which wire versions. */
import type { NodeId } from '../core/types.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { wireVersion } from './codec.ts';
import { CodecError } from './errors.ts';

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
}

export type HelloRefusal =
  | 'HELLO_MALFORMED'
  | 'WIRE_VERSION'
  | 'CLUSTER_MISMATCH'
  | 'CLUSTER_EPOCH'
  | 'NODE_SELF'
  | 'NODE_UNKNOWN'
  | 'NODE_UNEXPECTED'
  | 'INCARNATION_STALE';

export type HelloVerdict =
  | { readonly ok: true; readonly wireVersion: number }
  | { readonly ok: false; readonly code: HelloRefusal; readonly message: string };

export interface HelloExpectation {
  readonly own: Hello;
  /** Voters and learners of the site. */
  readonly members: readonly NodeId[];
  /** Who the secured connection says the peer is, when it says so. */
  readonly expectedNode?: NodeId;
  /** The one incarnation accepted from each member, where it is known. */
  readonly incarnations?: ReadonlyMap<NodeId, number>;
}

/** This release's HELLO. */
export function ownHello(facts: Omit<Hello, 'wireMin' | 'wireMax'>): Hello {
  return { wireMin: wireVersion, wireMax: wireVersion, ...facts };
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
  return hello;
}

/** May this peer talk to us? The first thing that does not fit is named. */
export function checkHello(expectation: HelloExpectation, peer: Hello): HelloVerdict {
  const { own, members, expectedNode, incarnations } = expectation;
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
  const known = incarnations?.get(peer.nodeId) ?? peer.incarnation;
  if (peer.incarnation !== known) {
    const remedy = `remove ${peer.nodeId} from the site and add it again`;
    return refuse('INCARNATION_STALE', `${peer.nodeId} has lost what it promised here, or is a copy of it: ${remedy}`);
  }
  return { ok: true, wireVersion: version };
}

function refuse(code: HelloRefusal, message: string): HelloVerdict {
  return { ok: false, code, message };
}
