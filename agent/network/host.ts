/** The box on the network: connections to known boxes, and what travels over them. */
import { networkInterfaces } from 'node:os';
import type { NodeId, RandomSource } from '../../consensus/core/types.ts';
import type { Clock } from '../../consensus/driver/ports.ts';
import type { KnownPeer, Log, NetworkCounters, PeerView, Startable } from '../ports.ts';
import { isStillOwn } from './address.ts';
import { Calls } from './calls.ts';
import { Connections } from './connections.ts';
import { consensusProtocol } from './consensus-link.ts';
import { ConsensusTransport } from './consensus-transport.ts';
import { Counters } from './counters.ts';
import { Dialer } from './dialer.ts';
import { NetworkError } from './errors.ts';
import { Gossip } from './gossip.ts';
import type { Identity } from './identity.ts';
import { type HoldfastLibp2p, makeNode } from './libp2p-node.ts';
import { PeerBook, type SelfFacts } from './peer-book.ts';

/** Strangers are counted one by one, but named in the log at most this often. */
const strangerLogMs = 10_000;

export interface NetworkComponents {
  readonly identity: Identity;
  /** A TCP multiaddress; port 0 takes a free one. */
  readonly listen: string;
  readonly self: SelfFacts;
  /** All boxes that may connect; an entry for this one is ignored. */
  readonly peers: readonly KnownPeer[];
  readonly clock: Clock;
  readonly log: Log;
  readonly random: RandomSource;
}

export class Network implements Startable {
  readonly consensus: ConsensusTransport;
  readonly gossip: Gossip;
  readonly calls: Calls;
  readonly #parts: NetworkComponents;
  readonly #book: PeerBook;
  readonly #counters = new Counters();
  readonly #connections: Connections;
  #node: HoldfastLibp2p | undefined;
  #dialer: Dialer | undefined;
  #strangerLoggedAt: number | undefined;

  /** @throws {NetworkError} PEERS_INVALID. */
  constructor(components: NetworkComponents) {
    const { identity, self, peers, clock, log } = components;
    this.#parts = components;
    this.#book = new PeerBook({ name: self.name, peerId: identity.peerId }, peers);
    const book = this.#book;
    const counters = this.#counters;
    this.#connections = new Connections({ self: self.name, book, clock, log });
    const connections = this.#connections;
    this.consensus = new ConsensusTransport({ self, book, connections, counters, clock, log });
    this.gossip = new Gossip({ self, book, counters, log });
    this.calls = new Calls({ book, connections, log });
  }

  /** @throws {NetworkError} PORT_IN_USE, LISTEN_FAILED. */
  async start(): Promise<void> {
    const { identity, listen, self, clock, log, random } = this.#parts;
    const node = await makeNode({
      identity,
      listen,
      topics: this.gossip.wireTopics(),
      admit: (peerId) => this.#admit(peerId),
      inspectGossip: (data) => this.gossip.inspect(data),
    });
    this.#node = node;
    this.#connections.watch(node);
    // The two streams of a pair, and as many again while one replaces the other.
    await node.handle(consensusProtocol, (stream, connection) => this.consensus.accept(stream, connection), {
      maxInboundStreams: 4,
      maxOutboundStreams: 4,
    });
    await this.calls.start(node);
    this.gossip.start(node);
    const book = this.#book;
    const leftAddress = (): string | undefined =>
      book.ownAddress === undefined || this.isFoundAt(book.ownAddress) ? undefined : book.ownAddress;
    this.#dialer = new Dialer({ self: self.name, node, book, connections: this.#connections, clock, random, log, leftAddress });
    this.#dialer.start();
    log.info('network.started', { peerId: identity.peerId, listen: this.listenAddress });
  }

  async stop(): Promise<void> {
    this.#dialer?.stop();
    this.#connections.closing();
    this.consensus.stop();
    this.gossip.stop();
    await this.#node?.stop();
    this.#node = undefined;
  }

  /** The address listened on, with the port really taken. @throws {NetworkError} LISTEN_FAILED before `start`. */
  get listenAddress(): string {
    const port = /\/tcp\/(\d+)/.exec(this.#node?.getMultiaddrs()[0]?.toString() ?? '')?.[1];
    if (port === undefined) throw new NetworkError('LISTEN_FAILED', 'The network is not started');
    return this.#parts.listen.replace(/\/tcp\/\d+/, `/tcp/${port}`);
  }

  /** Whether this address is one that this box has and listens on. @throws {NetworkError} LISTEN_FAILED before `start`. */
  isFoundAt(address: string): boolean {
    const hosts = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address));
    return isStillOwn(address, this.listenAddress, hosts);
  }

  /** Brings the members known here to this list: new ones may connect and are dialled, others are strangers from now on. */
  setMembers(members: readonly KnownPeer[]): void {
    const wanted = new Map(members.map((member) => [member.name, member]));
    for (const known of this.#book.members()) {
      const now = wanted.get(known.name);
      if (now?.peerId === known.peerId) {
        this.#relearn(known, now);
        continue;
      }
      this.consensus.remove(known.name);
      this.#connections.drop(known.name, 'it left the site');
      this.#book.remove(known.name);
    }
    for (const member of members) {
      if (this.#book.named(member.name) !== undefined || !this.#admitted(member)) continue;
      this.consensus.add(member);
      this.#dialer?.add(member);
    }
  }

  /** Its address is another one now. A connection that stands is as good as ever. */
  #relearn(known: KnownPeer, now: KnownPeer): void {
    if (now.address === known.address && String(now.formerAddresses) === String(known.formerAddresses)) return;
    this.#book.replace(now);
    if (this.#connections.of(now.name) === undefined) this.#dialer?.add(now);
  }

  #admitted(member: KnownPeer): boolean {
    try {
      return this.#book.add(member);
    } catch (error) {
      this.#parts.log.error('network.member.refused', { peer: member.name, reason: (error as Error).message });
      return false;
    }
  }

  /** The far end of the connection with this box, as a multiaddress, and whether we dialled it there. */
  seenAt(name: NodeId): { readonly remote: string; readonly dialled: boolean } | undefined {
    const connection = this.#connections.of(name);
    return connection && { remote: connection.remoteAddr.toString(), dialled: connection.direction === 'outbound' };
  }

  peers(): PeerView[] {
    return this.#connections.view();
  }

  /** Calls back on every change of whether a box is connected. */
  onPeer(listener: (name: NodeId, state: 'up' | 'down') => void): void {
    const connected = new Set<NodeId>();
    this.#connections.onEvent(({ name }, event) => {
      const up = event === 'up';
      if (connected.has(name) === up) return;
      if (up) connected.add(name);
      else connected.delete(name);
      listener(name, up ? 'up' : 'down');
    });
  }

  counters(): NetworkCounters {
    return this.#counters.view();
  }

  #admit(peerId: string): boolean {
    if (this.#book.withKey(peerId) !== undefined) return true;
    this.#counters.count('strangersRefused');
    const now = this.#parts.clock.nowMs();
    if (this.#strangerLoggedAt === undefined || now - this.#strangerLoggedAt >= strangerLogMs) {
      this.#strangerLoggedAt = now;
      const remedy = 'if it belongs to the site, add it to the configuration of every member';
      this.#parts.log.warn('network.stranger.refused', { peerId, total: this.#counters.view().strangersRefused, remedy });
    }
    return false;
  }
}
