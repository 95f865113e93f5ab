/** Consensus over libp2p: one long-lived stream per pair of members and direction, one write a turn of the loop per peer. */
import type { Connection, Stream } from '@libp2p/interface';
import type { Message } from '../../consensus/core/messages.ts';
import type { NodeId } from '../../consensus/core/types.ts';
import { encodeMessage } from '../../consensus/driver/codec.ts';
import { type Hello, type HelloRefusal, ownHello, type Promised } from '../../consensus/driver/hello.ts';
import type { Clock, Transport } from '../../consensus/driver/ports.ts';
import { mayPass, type ReentryPoint } from '../../consensus/driver/reentry.ts';
import { type KnownStart, passesInDoubt, Standing } from '../../consensus/driver/standing.ts';
import type { KnownPeer, Log } from '../ports.ts';
import type { Connections } from './connections.ts';
import { ConsensusLink } from './consensus-link.ts';
import type { Counters } from './counters.ts';
import { errorWord } from './errors.ts';
import type { PeerBook, SelfFacts } from './peer-book.ts';
import { probe } from './probe.ts';

/** A refused or broken stream is opened again after this; doubles up to the last. */
const reopenMinMs = 50;
const reopenMaxMs = 5000;
/** How a dead peer's port is asked, in milliseconds after its connection ended. Its listener may outlive the connection by an instant. */
const probeAtMs = [0, 10, 20, 40, 80, 160, 320] as const;
const probeTimeoutMs = 500;

type LinkState = 'up' | 'lost' | 'closed';
type LinkHandler = (peer: NodeId, state: LinkState) => void;

export interface ConsensusTransportComponents {
  readonly self: SelfFacts;
  readonly book: PeerBook;
  readonly connections: Connections;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly log: Log;
}

/** A greeting that was refused. */
export interface Refusal {
  readonly code: HelloRefusal;
  readonly message: string;
  readonly start: number;
  /** When it was first refused for this, in milliseconds since boot. */
  readonly at: number;
}

interface Peer {
  readonly known: KnownPeer;
  readonly link: ConsensusLink;
  /** What was last reported; `lost` and `closed` are the same for the question whether to report an end. */
  reported: LinkState;
  reopenMs: number;
  cancelReopen: (() => void) | undefined;
  /** Ends the probing for a lost link. */
  probing: AbortController | undefined;
  slow: boolean;
}

export class ConsensusTransport implements Transport {
  readonly #parts: ConsensusTransportComponents;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #messageHandlers: ((message: Message) => void)[] = [];
  readonly #linkHandlers: LinkHandler[] = [];
  readonly #stop = new AbortController();
  readonly #touched = new Set<Peer>();
  readonly standing: Standing;
  /** The newest start of each member that the site has written down. */
  #recorded: ReadonlyMap<NodeId, KnownStart> = new Map();
  #promised: () => Promised | undefined = () => undefined;
  /** Why a start of a member was last refused. */
  readonly #refusals = new Map<NodeId, Refusal>();
  #isFlushDue = false;
  /** Neither speaks nor listens. */
  #isHeld = false;
  /** Where it has to get to before it takes part in elections. */
  #reentry: ReentryPoint | undefined;

  constructor(components: ConsensusTransportComponents) {
    this.#parts = components;
    this.standing = new Standing(components.self.name);
    for (const known of components.book.members()) this.#peers.set(known.name, this.#makePeer(known));
    components.connections.onEvent((known, event) => {
      const peer = this.#peers.get(known.name);
      if (peer === undefined) return;
      // One that another of the same key replaced says nothing of whoever had it.
      if (event !== 'up') this.standing.ended(known.name);
      peer.link.reset();
      peer.cancelReopen?.();
      peer.probing?.abort();
      if (event === 'up') {
        this.#report(peer, 'closed');
        peer.reopenMs = reopenMinMs;
        this.#open(peer);
      } else if (event === 'closed' || known.address === undefined) this.#report(peer, 'closed');
      else void this.#askWhetherLost(peer, known.address);
    });
  }

  /** Each linked member's start, as it greeted. */
  heardStarts(): ReadonlyMap<NodeId, KnownStart> {
    return new Map(
      [...this.#peers].flatMap(([name, { link }]) => (link.hello === undefined ? [] : [[name, startOf(link.hello)] as const])),
    );
  }

  /** The only incarnations listened to from now on, and the oldest starts of them, of those members that are named. */
  setStarts(recorded: ReadonlyMap<NodeId, KnownStart>): void {
    this.#recorded = recorded;
    for (const { link } of this.#peers.values()) link.checkAgain();
  }

  /** What this box has on its disk, told with every greeting. */
  setPromised(promised: () => Promised): void {
    this.#promised = promised;
  }

  /** Why this start of a member was refused when it last greeted; undefined when it was not. */
  refusalOf(name: NodeId, start: number): Refusal | undefined {
    const refusal = this.#refusals.get(name);
    return refusal?.start === start ? refusal : undefined;
  }

  /** This box belongs to the site now. */
  add(known: KnownPeer): void {
    if (!this.#peers.has(known.name)) this.#peers.set(known.name, this.#makePeer(known));
  }

  /** It does not any more: nothing goes to it, nothing is taken from it. */
  remove(name: NodeId): void {
    const peer = this.#peers.get(name);
    if (peer === undefined) return;
    this.#report(peer, 'closed');
    this.#peers.delete(name);
    peer.cancelReopen?.();
    peer.probing?.abort();
    peer.link.stop();
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) {
      if (!this.#mayPass(message)) continue;
      const peer = this.#peers.get(message.to);
      if (peer === undefined || this.#parts.connections.of(message.to) === undefined) continue;
      if (peer.link.isDoubted && !passesInDoubt.to(message)) continue;
      let payload: Uint8Array;
      try {
        payload = encodeMessage(message, peer.link.wireVersion);
      } catch (error) {
        this.#parts.log.error('consensus.message.unsendable', { to: message.to, type: message.type, reason: errorWord(error) });
        continue;
      }
      const taken = peer.link.queue(payload);
      if (!taken && !peer.slow) this.#parts.log.warn('consensus.peer.slow', { peer: message.to, dropped: message.type });
      peer.slow = !taken;
      this.#touched.add(peer);
    }
    // After what runs now, and everything it resolves, had its say.
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    process.nextTick(() => {
      this.#isFlushDue = false;
      if (this.#stop.signal.aborted) return;
      for (const peer of this.#touched) peer.link.flush();
      this.#touched.clear();
    });
  }

  onMessage(handler: (message: Message) => void): void {
    this.#messageHandlers.push(handler);
  }

  onLink(handler: LinkHandler): void {
    this.#linkHandlers.push(handler);
    for (const [name, { reported }] of this.#peers) if (reported === 'up') handler(name, 'up');
  }

  /** From now on this box is not heard, and hears nothing, until it is released: it has no standing in the agreement. */
  hold(): void {
    this.#isHeld = true;
  }

  /** It is heard again, but in no election, and by nobody of a former term, until `reentered`. */
  release(point: ReentryPoint): void {
    this.#isHeld = false;
    this.#reentry = point;
    for (const peer of this.#peers.values()) this.#open(peer);
  }

  /** It has what was committed when it was let in. */
  reentered(): void {
    this.#reentry = undefined;
  }

  /** Handles an inbound stream of the consensus protocol. */
  accept(stream: Stream, connection: Connection): void {
    if (this.#isHeld) {
      stream.abort(new Error('not yet'));
      return;
    }
    const known = this.#parts.book.withKey(connection.remotePeer.toString());
    const peer = known && this.#peers.get(known.name);
    if (peer === undefined) {
      this.#parts.counters.count('hellosRefused');
      this.#parts.log.warn('consensus.hello.refused', { peer: known?.name, code: 'NODE_UNKNOWN' });
      stream.abort(new Error('not a member'));
      return;
    }
    peer.link.accept(stream);
  }

  stop(): void {
    this.#stop.abort();
    for (const peer of this.#peers.values()) {
      peer.cancelReopen?.();
      peer.probing?.abort();
      peer.link.stop();
    }
  }

  #makePeer(known: KnownPeer): Peer {
    const { self, book, clock, counters, log, connections } = this.#parts;
    const { name: nodeId, clusterId, clusterEpoch, incarnation, run, start } = self;
    const own = (): Hello => {
      const promise = this.#promised();
      return ownHello({ clusterId, clusterEpoch, nodeId, incarnation, ...(promise === undefined ? {} : { run, start, promise }) });
    };
    const members = [self.name, known.name, ...book.members().map(({ name }) => name)];
    const link = new ConsensusLink(
      known,
      { own, members, standing: (hello) => this.standing.check(hello, this.#recorded.get(hello.nodeId), clock.nowMs()), clock },
      {
        message: (message) => {
          if (!peer.link.isDoubted) this.standing.heard(known.name, clock.nowMs());
          if (message.type === 'VOTE_REPLY' && message.granted) this.standing.voted(known.name, message.term);
          if (this.#mayPass(message)) for (const handler of this.#messageHandlers) handler(message);
        },
        up: () => {
          peer.reopenMs = reopenMinMs;
          this.#report(peer, 'up');
        },
        greeted: (hello) => {
          this.standing.greeted(hello, clock.nowMs());
          if (this.#refusals.get(known.name)?.start === hello.start) this.#refusals.delete(known.name);
          // It speaks to us again: no reason to go on waiting before we speak to it.
          peer.cancelReopen?.();
          this.#open(peer);
        },
        down: () => this.#streamEnded(peer),
        helloRefused: (code, message, hello) => {
          if (hello?.start !== undefined) {
            const { start } = hello;
            const before = this.refusalOf(known.name, start);
            const at = before?.code === code ? before.at : clock.nowMs();
            this.#refusals.set(known.name, { code, message, start, at });
          }
          counters.count('hellosRefused');
          peer.reopenMs = reopenMaxMs;
          log.warn('consensus.hello.refused', { peer: known.name, code, reason: message });
        },
        frameRefused: (error) => {
          counters.count('framesRefused');
          log.warn('consensus.frame.refused', { peer: known.name, reason: error instanceof Error ? error.message : String(error) });
        },
        silent: () => {
          log.warn('network.peer.silent', { peer: known.name });
          connections.drop(known.name, 'silent');
        },
      },
    );
    const peer: Peer = { known, link, reported: 'closed', reopenMs: reopenMinMs, cancelReopen: undefined, probing: undefined, slow: false };
    return peer;
  }

  #mayPass(message: Message): boolean {
    return this.#reentry === undefined || mayPass(this.#reentry, message);
  }

  #open(peer: Peer): void {
    const connection = this.#parts.connections.of(peer.known.name);
    if (connection === undefined || this.#isHeld || peer.link.hasOutbound || this.#stop.signal.aborted) return;
    peer.link.open(connection, this.#stop.signal).catch((error: unknown) => {
      this.#parts.log.debug('consensus.stream.failed', { peer: peer.known.name, reason: errorWord(error) });
      this.#streamEnded(peer);
    });
  }

  /** A dying connection ends its streams first: whether it was only the stream shows when the stream is opened again. */
  #streamEnded(peer: Peer): void {
    peer.cancelReopen?.();
    if (this.#stop.signal.aborted) return;
    peer.cancelReopen = this.#parts.clock.after(peer.reopenMs, () => {
      if (this.#parts.connections.of(peer.known.name) === undefined || this.#peers.get(peer.known.name) !== peer) return;
      if (!peer.link.up) this.#report(peer, 'closed');
      this.#open(peer);
    });
    peer.reopenMs = Math.min(reopenMaxMs, peer.reopenMs * 2);
  }

  /** Lost only if the port says so: a process that lives keeps listening. */
  async #askWhetherLost(peer: Peer, address: string): Promise<void> {
    const probing = new AbortController();
    peer.probing = probing;
    let waitedMs = 0;
    for (const atMs of probeAtMs) {
      await this.#pause(atMs - waitedMs, probing.signal);
      waitedMs = atMs;
      if (probing.signal.aborted) return;
      const answer = await probe(address, probeTimeoutMs);
      if (probing.signal.aborted) return;
      if (answer === 'refused') {
        if (peer.reported === 'up') this.#report(peer, 'lost');
        return;
      }
      if (answer === 'unknown') break;
    }
    this.#report(peer, 'closed');
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.#parts.clock.after(ms, done);
      signal.addEventListener('abort', done);
    });
  }

  #report(peer: Peer, state: LinkState): void {
    if (state !== 'up' && peer.reported !== 'up') return;
    peer.reported = state;
    this.#parts.log.info('consensus.link', { peer: peer.known.name, state });
    for (const handler of this.#linkHandlers) handler(peer.known.name, state);
  }
}

function startOf({ incarnation, run, start }: Hello): KnownStart {
  return run === undefined || start === undefined ? { incarnation } : { incarnation, run, start };
}
