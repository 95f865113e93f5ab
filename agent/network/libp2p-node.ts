/** The libp2p node: TCP, Noise, Yamux, identify and gossipsub, with every keep-alive of its own switched off. Liveness is ours. */
import { createServer } from 'node:net';
import { type GossipSub, gossipsub } from '@chainsafe/libp2p-gossipsub';
import { identify } from '@libp2p/identify';
import type { Libp2p, PeerId, ServiceMap } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { errorWord, NetworkError } from './errors.ts';
import { joinWrites } from './frugal.ts';
import type { Identity } from './identity.ts';
import { hostAndPort } from './probe.ts';

export interface Services extends ServiceMap {
  readonly pubsub: GossipSub;
}
export type HoldfastLibp2p = Libp2p<Services>;

export const networkLimits = {
  /** One gossip message. */
  gossipBytesMax: 64 * 1024,
  /** One gossip RPC: several messages asked for at once. */
  gossipRpcBytesMax: 1024 * 1024,
  /** What may wait for one peer. */
  peerQueueBytesMax: 4 * 1024 * 1024,
  /** Streams one connection may have open each way. */
  streamsMax: 128,
  connectionsMax: 64,
} as const;

export interface NodeOptions {
  readonly identity: Identity;
  readonly listen: string;
  readonly topics: readonly string[];
  /** May this key connect? Asked after the Noise handshake and before any stream. */
  readonly admit: (peerId: string) => boolean;
  /** Looks at each foreign gossip message before anything else does; throws to refuse it. */
  readonly inspectGossip: (data: Uint8Array) => void;
}

/** @throws {NetworkError} PORT_IN_USE, LISTEN_FAILED. */
export async function makeNode(options: NodeOptions): Promise<HoldfastLibp2p> {
  const { identity, listen, topics, admit, inspectGossip } = options;
  const gate = (peerId: PeerId): boolean => !admit(peerId.toString());
  try {
    return await createLibp2p<Services>({
      privateKey: identity.privateKey,
      addresses: { listen: [listen] },
      transports: [tcp({ inboundSocketInactivityTimeout: 0, outboundSocketInactivityTimeout: 0 })],
      connectionEncrypters: [noise()],
      streamMuxers: [
        yamux({
          enableKeepAlive: false,
          maxInboundStreams: networkLimits.streamsMax,
          maxOutboundStreams: networkLimits.streamsMax,
          streamOptions: { inactivityTimeout: 0, maxReadBufferLength: 8 * 1024 * 1024, maxWriteBufferLength: 16 * 1024 * 1024 },
        }),
      ],
      connectionGater: {
        denyDialPeer: gate,
        // Asked of every connection as it opens: the one place where it is to be had before anything is written.
        denyInboundConnection: (connection) => {
          joinWrites(connection);
          return false;
        },
        denyOutboundConnection: (_peerId, connection) => {
          joinWrites(connection);
          return false;
        },
        denyInboundEncryptedConnection: gate,
        denyOutboundEncryptedConnection: gate,
      },
      // Boxes of a site come back all at once after a power cut, often from one address: no rate limit among friends.
      connectionManager: {
        maxConnections: networkLimits.connectionsMax,
        inboundConnectionThreshold: 1000,
        maxIncomingPendingConnections: networkLimits.connectionsMax,
        reconnectRetries: 0,
        inboundUpgradeTimeout: 5000,
        dialTimeout: 5000,
        addressDialTimeout: 5000,
      },
      connectionMonitor: { enabled: false },
      services: {
        identify: identify({ maxInboundStreams: 4, maxOutboundStreams: 4 }),
        pubsub: gossipsub({
          allowedTopics: [...topics],
          allowPublishToZeroTopicPeers: true,
          globalSignaturePolicy: 'StrictSign',
          emitSelf: false,
          doPX: false,
          fallbackToFloodsub: false,
          // A site has at most nine voters: everybody is a neighbour, and a message of our own goes to all at once.
          floodPublish: true,
          D: 8,
          Dlo: 4,
          Dhi: 12,
          heartbeatInterval: 1000,
          maxInboundDataLength: networkLimits.gossipRpcBytesMax,
          maxOutboundBufferSize: networkLimits.peerQueueBytesMax,
          decodeRpcLimits: {
            maxSubscriptions: 16,
            maxMessages: 64,
            maxIhaveMessageIDs: 1024,
            maxIwantMessageIDs: 1024,
            maxIdontwantMessageIDs: 256,
            maxControlMessages: 64,
            maxPeerInfos: 0,
          },
          dataTransform: {
            inboundTransform: (_topic, data) => {
              inspectGossip(data);
              return data;
            },
            outboundTransform: (_topic, data) => data,
          },
        }),
      },
    });
  } catch (cause) {
    throw await listenError(listen, cause);
  }
}

/** libp2p hides why it cannot listen: ask the operating system. */
async function listenError(listen: string, cause: unknown): Promise<NetworkError> {
  const target = hostAndPort(listen);
  if (target === undefined) {
    return new NetworkError('LISTEN_FAILED', `Cannot listen on ${listen}: give an address such as /ip4/0.0.0.0/tcp/7400`, { cause });
  }
  const code = await new Promise<string | undefined>((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(errorWord(error)));
    server.listen(target, () => server.close(() => resolve(undefined)));
  });
  if (code === 'EADDRINUSE') {
    const remedy = `stop what listens there (ss -ltnp 'sport = :${target.port}' shows it), or set another /listen`;
    return new NetworkError('PORT_IN_USE', `Port ${target.port} of ${target.host} is in use: ${remedy}`, { cause });
  }
  const remedy =
    code === 'EACCES' ? 'ports below 1024 need a privilege: choose a higher one' : 'check /listen against the addresses of this box';
  return new NetworkError('LISTEN_FAILED', `Cannot listen on ${listen} (${code ?? errorWord(cause)}): ${remedy}`, { cause });
}
