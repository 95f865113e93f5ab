/** One connection per peer: the table of those in use, and who goes when there are two. */
import type { Connection } from '@libp2p/interface';
import type { NodeId } from '../../consensus/core/types.ts';
import type { Clock } from '../../consensus/driver/ports.ts';
import type { KnownPeer, Log, PeerView } from '../ports.ts';
import type { HoldfastLibp2p } from './libp2p-node.ts';
import { dialsFirst, type PeerBook } from './peer-book.ts';

/** Two boxes that dialled each other within this time did so at once, each not knowing of the other's. */
const crossingMs = 2000;

/** `up`: a connection stands, or another took its place. `ended`: by the far side or the network. `closed`: by us. */
export type ConnectionEvent = 'up' | 'ended' | 'closed';
export type ConnectionListener = (peer: KnownPeer, event: ConnectionEvent) => void;

interface Held {
  readonly connection: Connection;
  readonly openedAt: number;
}

export class Connections {
  readonly #self: NodeId;
  readonly #book: PeerBook;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #held = new Map<NodeId, Held>();
  readonly #changedAt = new Map<NodeId, number>();
  readonly #listeners: ConnectionListener[] = [];
  readonly #startedAt: number;
  #closing = false;

  constructor(components: { readonly self: NodeId; readonly book: PeerBook; readonly clock: Clock; readonly log: Log }) {
    this.#self = components.self;
    this.#book = components.book;
    this.#clock = components.clock;
    this.#log = components.log;
    this.#startedAt = components.clock.nowMs();
  }

  onEvent(listener: ConnectionListener): void {
    this.#listeners.push(listener);
  }

  /** The open connection to this box, if any. */
  of(name: NodeId): Connection | undefined {
    const connection = this.#held.get(name)?.connection;
    return connection?.status === 'open' ? connection : undefined;
  }

  watch(node: HoldfastLibp2p): void {
    node.addEventListener('connection:open', ({ detail }) => this.#opened(detail));
    node.addEventListener('connection:close', ({ detail }) => this.#ended(detail));
  }

  /** From now on every end is ours. */
  closing(): void {
    this.#closing = true;
  }

  /** Closes the connection without waiting for the far side, as when it has fallen silent. */
  drop(name: NodeId, reason: string): void {
    const held = this.#held.get(name);
    const peer = this.#book.named(name);
    if (held === undefined || peer === undefined) return;
    this.#held.delete(name);
    held.connection.abort(new Error(reason));
    this.#tell(peer, 'closed');
  }

  view(): PeerView[] {
    return this.#book.all().map(({ name, site, relation }) => ({
      name,
      site,
      relation,
      connected: this.of(name) !== undefined,
      since: this.#changedAt.get(name) ?? this.#startedAt,
    }));
  }

  #opened(connection: Connection): void {
    const peer = this.#book.withKey(connection.remotePeer.toString());
    if (peer === undefined || this.#closing) {
      connection.abort(new Error('not wanted'));
      return;
    }
    if (connection.status !== 'open') return;
    const fresh: Held = { connection, openedAt: this.#clock.nowMs() };
    const old = this.#held.get(peer.name);
    if (old !== undefined && old.connection.status === 'open' && !this.#replaces(peer, old, fresh)) {
      this.#log.debug('network.duplicate.closed', { peer: peer.name, kept: old.connection.direction });
      connection.abort(new Error('duplicate'));
      return;
    }
    this.#held.set(peer.name, fresh);
    // Aborted within this very event: gossip opens its streams on the new connection only after the old one is gone.
    if (old?.connection.status === 'open') {
      this.#log.debug('network.duplicate.closed', { peer: peer.name, kept: connection.direction });
      old.connection.abort(new Error('duplicate'));
    }
    this.#tell(peer, 'up');
  }

  /** Of two that crossed, both boxes keep the one that the box dialling first opened; otherwise the newer one, as the far side knows of no older. */
  #replaces(peer: KnownPeer, old: Held, fresh: Held): boolean {
    const crossed = old.connection.direction !== fresh.connection.direction && fresh.openedAt - old.openedAt < crossingMs;
    if (!crossed) return true;
    return fresh.connection.direction === (dialsFirst(this.#self, peer) ? 'outbound' : 'inbound');
  }

  #ended(connection: Connection): void {
    const peer = this.#book.withKey(connection.remotePeer.toString());
    if (peer === undefined || this.#held.get(peer.name)?.connection !== connection) return;
    this.#held.delete(peer.name);
    this.#tell(peer, this.#closing ? 'closed' : 'ended');
  }

  #tell(peer: KnownPeer, event: ConnectionEvent): void {
    this.#changedAt.set(peer.name, this.#clock.nowMs());
    for (const listener of this.#listeners) listener(peer, event);
  }
}
