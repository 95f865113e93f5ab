/** The allow-list: which key belongs to which box. Everybody else is a stranger. */
import type { NodeId } from '../../consensus/core/types.ts';
import type { KnownPeer } from '../ports.ts';
import { NetworkError } from './errors.ts';

/** Facts about this box that others check. */
export interface SelfFacts {
  readonly name: NodeId;
  readonly site: string;
  readonly clusterId: string;
  readonly clusterEpoch: number;
  readonly incarnation: number;
  /** How often it was started, and a number drawn at this start. */
  readonly run: number;
  readonly start: number;
}

export class PeerBook {
  readonly #byName = new Map<NodeId, KnownPeer>();
  readonly #byPeerId = new Map<string, KnownPeer>();
  readonly #self: { readonly name: NodeId; readonly peerId: string };
  #ownAddress: string | undefined;

  /** An entry for this box itself is left out. @throws {NetworkError} PEERS_INVALID on a name or key given twice. */
  constructor(self: { readonly name: NodeId; readonly peerId: string }, peers: readonly KnownPeer[]) {
    this.#self = self;
    for (const peer of peers) this.add(peer);
  }

  /** From now on this box is known; false for this one itself. @throws {NetworkError} PEERS_INVALID on a name or key that is taken. */
  add(peer: KnownPeer): boolean {
    const self = this.#self;
    if (peer.name === self.name && peer.peerId === self.peerId) {
      this.#ownAddress = peer.address;
      return false;
    }
    if (peer.name === self.name || this.#byName.has(peer.name)) {
      throw new NetworkError('PEERS_INVALID', `Two boxes are called "${peer.name}": give every box its own name`);
    }
    const holder = peer.peerId === self.peerId ? self.name : this.#byPeerId.get(peer.peerId)?.name;
    if (holder !== undefined) {
      throw new NetworkError('PEERS_INVALID', `"${peer.name}" and "${holder}" have the peer id ${peer.peerId}: every box has its own key`);
    }
    this.#byName.set(peer.name, peer);
    this.#byPeerId.set(peer.peerId, peer);
    return true;
  }

  /** What is known of a box, newly: it keeps its name and its key. */
  replace(peer: KnownPeer): void {
    if (this.#byName.get(peer.name)?.peerId !== peer.peerId) return;
    this.#byName.set(peer.name, peer);
    this.#byPeerId.set(peer.peerId, peer);
  }

  /** It is a stranger again. */
  remove(name: NodeId): void {
    const peer = this.#byName.get(name);
    this.#byName.delete(name);
    if (peer !== undefined) this.#byPeerId.delete(peer.peerId);
  }

  /** Where the others know this box itself to be. */
  get ownAddress(): string | undefined {
    return this.#ownAddress;
  }

  named(name: NodeId): KnownPeer | undefined {
    return this.#byName.get(name);
  }

  withKey(peerId: string): KnownPeer | undefined {
    return this.#byPeerId.get(peerId);
  }

  all(): KnownPeer[] {
    return [...this.#byName.values()];
  }

  members(): KnownPeer[] {
    return this.all().filter(({ relation }) => relation === 'member');
  }
}

/** Does this box dial the peer first? Of two members the one whose name sorts first; a site dials its upper site. */
export function dialsFirst(self: NodeId, peer: KnownPeer): boolean {
  if (peer.relation !== 'member') return peer.relation === 'upper';
  return self < peer.name;
}
