/** Keeps every connection this box is responsible for. libp2p gives up after five tries; this never does. */
import { multiaddr } from '@multiformats/multiaddr';
import type { NodeId, RandomSource } from '../../consensus/core/types.ts';
import type { Clock } from '../../consensus/driver/ports.ts';
import type { KnownPeer, Log } from '../ports.ts';
import { isSameHost, plainAddress } from './address.ts';
import type { Connections } from './connections.ts';
import { errorWord } from './errors.ts';
import type { HoldfastLibp2p } from './libp2p-node.ts';
import { dialsFirst, type PeerBook } from './peer-book.ts';

const backOffMinMs = 50;
const backOffMaxMs = 2000;
const dialTimeoutMs = 3000;
/** The box that does not dial first waits this long for the other: after its own start, and after a loss. */
const yieldAtStartMs = 250;
const yieldMs = 1000;
/** After so many failures a box is sought elsewhere too, every second time: one that only restarts is where it was. */
const soughtAfter = 4;

export interface DialerComponents {
  readonly self: NodeId;
  readonly node: HoldfastLibp2p;
  readonly book: PeerBook;
  readonly connections: Connections;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
  /** Where this box itself is known to be, when it is not there any more. */
  readonly leftAddress: () => string | undefined;
}

export class Dialer {
  readonly #parts: DialerComponents;
  readonly #timers = new Map<NodeId, () => void>();
  readonly #failures = new Map<NodeId, number>();
  readonly #stop = new AbortController();

  constructor(components: DialerComponents) {
    this.#parts = components;
  }

  start(): void {
    const { self, book, connections } = this.#parts;
    connections.onEvent((peer, event) => {
      if (event === 'up') {
        this.#failures.delete(peer.name);
        this.#cancel(peer.name);
      } else if (isOurs(peer)) this.#schedule(peer, dialsFirst(self, peer) ? this.#backOffMs(peer.name) : yieldMs);
    });
    for (const peer of book.all()) this.add(peer);
  }

  /** Keeps the connection to this box from now on. */
  add(peer: KnownPeer): void {
    if (isOurs(peer)) this.#schedule(peer, dialsFirst(this.#parts.self, peer) ? 0 : yieldAtStartMs);
  }

  stop(): void {
    this.#stop.abort();
    for (const name of [...this.#timers.keys()]) this.#cancel(name);
  }

  #schedule(peer: KnownPeer, ms: number): void {
    if (this.#stop.signal.aborted || this.#parts.book.named(peer.name) !== peer) return;
    this.#cancel(peer.name);
    const cancel = this.#parts.clock.after(ms, () => {
      this.#timers.delete(peer.name);
      void this.#dial(peer);
    });
    this.#timers.set(peer.name, cancel);
  }

  #cancel(name: NodeId): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }

  async #dial(peer: KnownPeer): Promise<void> {
    const { node, connections, log } = this.#parts;
    if (connections.of(peer.name) !== undefined || peer.address === undefined || this.#parts.book.named(peer.name) !== peer) return;
    const address = this.#addressFor(peer, peer.address);
    try {
      const bare = address.replace(/\/p2p\/[^/]+$/, '');
      const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(dialTimeoutMs)]);
      await node.dial(multiaddr(`${bare}/p2p/${peer.peerId}`), { signal });
    } catch (error) {
      if (this.#failures.get(peer.name) === undefined)
        log.debug('network.dial.failed', { peer: peer.name, address, reason: errorWord(error) });
    }
    // A dial that was won may have been pruned or have ended meanwhile; then its event came before this line.
    if (connections.of(peer.name) === undefined) this.#schedule(peer, this.#backOffMs(peer.name));
  }

  /**
   * Where it is known to be; and in turn, when it is not found there, where it was before, and where others are known to be that are not
   * there: boxes whose addresses were given out anew may have changed places. Whoever answers there has to have its key.
   */
  #addressFor(peer: KnownPeer, known: string): string {
    const tries = (this.#failures.get(peer.name) ?? 0) - soughtAfter;
    if (tries < 0 || tries % 2 === 1) return known;
    const { book, connections, leftAddress } = this.#parts;
    const left = book.members().flatMap(({ name, address }) => {
      const remote = connections.of(name)?.remoteAddr.toString();
      const isThere = address === undefined || (remote !== undefined && isSameHost(remote, address));
      return isThere || name === peer.name || peer.relation !== 'member' ? [] : [address];
    });
    const own = peer.relation === 'member' ? leftAddress() : undefined;
    const elsewhere = [...(peer.formerAddresses ?? []), ...left, ...(own === undefined ? [] : [own])].filter(
      (one) => plainAddress(one) !== plainAddress(known),
    );
    return elsewhere[(tries / 2) % Math.max(1, elsewhere.length)] ?? known;
  }

  /** 50 ms doubling to 2 s, of which the second half is drawn. */
  #backOffMs(name: NodeId): number {
    const failures = this.#failures.get(name) ?? 0;
    this.#failures.set(name, failures + 1);
    const full = Math.min(backOffMaxMs, backOffMinMs * 2 ** Math.min(failures, 10));
    return full / 2 + this.#parts.random.nextInt(Math.ceil(full / 2));
  }
}

function isOurs(peer: KnownPeer): boolean {
  return peer.address !== undefined && peer.relation !== 'child';
}
