/** One peer as the consensus transport sees it: a stream to it, a stream from it, and what waits. */
import type { Connection, Stream } from '@libp2p/interface';
import type { Message } from '../../consensus/core/messages.ts';
import type { NodeId } from '../../consensus/core/types.ts';
import { decodeMessage, wireVersionMin } from '../../consensus/driver/codec.ts';
import { encodeFrames, FrameSplitter } from '../../consensus/driver/framing.ts';
import { checkHello, decodeHello, encodeHello, type Hello, type HelloRefusal, type HelloVerdict } from '../../consensus/driver/hello.ts';
import type { Clock } from '../../consensus/driver/ports.ts';
import type { StandingVerdict } from '../../consensus/driver/standing.ts';
import { passesInDoubt } from '../../consensus/driver/standing.ts';
import type { KnownPeer } from '../ports.ts';
import { giveLeaveByHalves } from './frugal.ts';
import { networkLimits } from './libp2p-node.ts';

export const consensusProtocol = '/holdfast/consensus/1';

/** A stream must be greeted within this time. */
const helloTimeoutMs = 5000;
/** Sent something, and nothing came back for this long: ask. */
const askAfterMs = 2000;
/** No answer to that either: the connection is dead, whatever TCP hopes for. */
const giveUpAfterMs = 4000;
/** 'HELO', the first bytes of every HELLO and of no message. */
const helloMagic = [0x48, 0x45, 0x4c, 0x4f] as const;

export interface LinkEvents {
  message(message: Message): void;
  /** The peer was let in, on its own stream or on ours. */
  greeted(hello: Hello): void;
  /** Both streams are greeted. */
  up(): void;
  /** A stream ended while the link was up. */
  down(): void;
  helloRefused(code: HelloRefusal, message: string, hello: Hello | undefined): void;
  frameRefused(error: unknown): void;
  /** The connection has been silent for too long. */
  silent(): void;
}

interface Half {
  readonly stream: Stream;
  greeted: boolean;
  /** The newest both understand; known once it has greeted. */
  wireVersion?: number;
}

export class ConsensusLink {
  readonly #own: () => Hello;
  readonly #nodeId: NodeId;
  readonly #peer: KnownPeer;
  readonly #members: readonly NodeId[];
  readonly #standing: (hello: Hello) => StandingVerdict | undefined;
  #hello: Hello | undefined;
  #isDoubted = false;
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  #out: Half | undefined;
  #in: Half | undefined;
  /** A stream is being opened on this connection: a second one would replace the first at the peer. */
  #opening: Connection | undefined;
  #up = false;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** When the oldest message left that nothing arrived after; undefined when all is answered. */
  #unansweredSince: number | undefined;
  #cancelWatch: (() => void) | undefined;
  #asked = false;

  constructor(
    peer: KnownPeer,
    components: {
      /** Asked for at every greeting: what is promised grows. */
      readonly own: () => Hello;
      readonly members: readonly NodeId[];
      /** What is remembered against a box that greets so. */
      readonly standing: (hello: Hello) => StandingVerdict | undefined;
      readonly clock: Clock;
    },
    events: LinkEvents,
  ) {
    this.#peer = peer;
    this.#own = components.own;
    this.#nodeId = components.own().nodeId;
    this.#members = components.members;
    this.#standing = components.standing;
    this.#clock = components.clock;
    this.#events = events;
  }

  get up(): boolean {
    return this.#up;
  }

  get hasOutbound(): boolean {
    return this.#out !== undefined || this.#opening !== undefined;
  }

  /** Opens the stream to the peer and greets. Rejects when that fails; a refused HELLO closes the stream later. */
  async open(connection: Connection, signal: AbortSignal): Promise<void> {
    this.#opening = connection;
    let stream: Stream;
    try {
      stream = await connection.newStream(consensusProtocol, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(helloTimeoutMs)]),
      });
    } finally {
      // Another connection may have begun meanwhile.
      if (this.#opening === connection) this.#opening = undefined;
    }
    if (this.#out !== undefined || signal.aborted || stream.status !== 'open') {
      stream.abort(new Error('not needed'));
      return;
    }
    const half: Half = { stream, greeted: false };
    this.#out = half;
    this.#attend(half, () => {
      this.#flushWaiting();
    });
    stream.send(encodeFrames([encodeHello(this.#own())]));
  }

  /** Takes over a stream the peer opened; the newest one counts. */
  accept(stream: Stream): void {
    const old = this.#in;
    giveLeaveByHalves(stream);
    const half: Half = { stream, greeted: false };
    this.#in = half;
    old?.stream.abort(new Error('replaced by a newer stream'));
    this.#attend(half, () => undefined);
  }

  /** Queues one encoded message. False: the peer is too slow, and it is dropped. */
  queue(payload: Uint8Array): boolean {
    const pending = this.#waitingBytes + (this.#out?.stream.writeBufferLength ?? 0);
    if (pending + payload.length > networkLimits.peerQueueBytesMax) return false;
    this.#waiting.push(payload);
    this.#waitingBytes += payload.length;
    return true;
  }

  /** Writes all that waits, in one go. Before the greeting it goes on waiting. */
  flush(): void {
    if (this.#out?.greeted === true) this.#flushWaiting();
  }

  /** The connection is gone: what waited for it is of no use on the next. */
  reset(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const half of [this.#out, this.#in]) half?.stream.abort(new Error('connection ended'));
    this.#out = undefined;
    this.#in = undefined;
    this.#opening = undefined;
    this.#up = false;
    this.#isDoubted = false;
    this.#answered();
  }

  #flushWaiting(): void {
    const payloads = this.#waiting;
    if (payloads.length === 0 || this.#out === undefined) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#write(this.#out, encodeFrames(payloads));
  }

  #write(half: Half, bytes: Uint8Array): void {
    try {
      half.stream.send(bytes);
    } catch {
      // Closed meanwhile: its 'close' event tells the rest.
      return;
    }
    if (half !== this.#out) return;
    this.#unansweredSince ??= performance.now();
    this.#cancelWatch ??= this.#clock.after(askAfterMs, () => this.#watch());
  }

  #attend(half: Half, onGreeted: () => void): void {
    const { stream } = half;
    const splitter = new FrameSplitter();
    const cancelTimeout = this.#clock.after(helloTimeoutMs, () => {
      if (!half.greeted) this.#refuse(half, 'HELLO_MALFORMED', `no HELLO from ${this.#peer.name} within ${helloTimeoutMs} ms`);
    });
    stream.addEventListener('message', ({ data }) => {
      this.#answered();
      if (stream.status !== 'open') return;
      let payloads: readonly Uint8Array[];
      try {
        payloads = splitter.push(data.subarray());
      } catch (error) {
        this.#refuseFrame(half, error);
        return;
      }
      for (const payload of payloads) {
        if (stream.status !== 'open') return;
        if (!half.greeted) {
          cancelTimeout();
          if (this.#greet(half, payload)) onGreeted();
        } else this.#take(half, payload);
      }
    });
    const ended = (): void => {
      cancelTimeout();
      if (stream.status === 'open') stream.abort(new Error('half closed'));
      this.#halfEnded(half);
    };
    stream.addEventListener('remoteCloseWrite', ended, { once: true });
    stream.addEventListener('close', ended, { once: true });
  }

  /** Checks the peer's HELLO. Whoever was called answers with its own, even to one it refuses, so that both sides can say why. */
  #greet(half: Half, payload: Uint8Array): boolean {
    let hello: Hello;
    try {
      hello = decodeHello(payload);
    } catch (error) {
      this.#refuse(half, 'HELLO_MALFORMED', `no HELLO from ${this.#peer.name}: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
    if (half === this.#in) this.#write(half, encodeFrames([encodeHello(this.#own())]));
    const verdict = this.#check(hello);
    if (!verdict.ok) {
      this.#refuse(half, verdict.code, verdict.message, hello);
      return false;
    }
    half.greeted = true;
    half.wireVersion = verdict.wireVersion;
    this.#hello = hello;
    this.#isDoubted = verdict.doubt !== undefined;
    if (verdict.doubt === undefined) this.#believe(hello);
    else this.#events.helloRefused(verdict.doubt.code, verdict.doubt.message, hello);
    return true;
  }

  #believe(hello: Hello): void {
    this.#events.greeted(hello);
    if (this.#up || this.#out?.greeted !== true || this.#in?.greeted !== true) return;
    this.#up = true;
    this.#events.up();
  }

  /** It is listened to as a leader only; the link does not count as up. */
  get isDoubted(): boolean {
    return this.#isDoubted;
  }

  /** What the peer understands, as far as it has said so: what is queued before it greeted goes out in the oldest form. */
  get wireVersion(): number {
    return this.#out?.wireVersion ?? wireVersionMin;
  }

  /** What the peer greeted with on the present connection. */
  get hello(): Hello | undefined {
    return this.#up ? this.#hello : undefined;
  }

  /** More is known of the members than when the peer greeted: whoever would not be let in now has to go, and doubts may be over. */
  checkAgain(): void {
    if ((!this.#up && !this.#isDoubted) || this.#hello === undefined) return;
    // What it had on its disk then says nothing of what it has acknowledged since.
    const { promise, ...facts } = this.#hello;
    const verdict = this.#check(facts);
    const against = verdict.ok ? verdict.doubt : verdict;
    if (against === undefined) {
      if (!this.#isDoubted) return;
      this.#isDoubted = false;
      this.#believe(this.#hello);
    } else if (!verdict.ok || !this.#isDoubted)
      for (const half of [this.#out, this.#in]) if (half !== undefined) this.#refuse(half, against.code, against.message, this.#hello);
  }

  #check(hello: Hello): HelloVerdict {
    const verdict = checkHello({ own: this.#own(), members: this.#members, expectedNode: this.#peer.name }, hello);
    const against = verdict.ok ? this.#standing(hello) : undefined;
    if (against === undefined || !verdict.ok) return verdict;
    return against.code === 'INCARNATION_STALE' ? { ...verdict, doubt: against } : { ok: false, ...against };
  }

  #take(half: Half, payload: Uint8Array): void {
    if (helloMagic.every((byte, i) => payload[i] === byte)) {
      // A later HELLO only asks whether anybody is there; on our own stream it is the answer to that.
      if (half === this.#in) this.#write(half, encodeFrames([encodeHello(this.#own())]));
      return;
    }
    let message: Message;
    try {
      if (half !== this.#in) throw new Error('a message on the stream that is ours to speak on');
      message = decodeMessage(payload);
      if (message.from !== this.#peer.name) throw new Error(`speaks for "${message.from}"`);
      if (message.to !== this.#nodeId) throw new Error(`is addressed to "${message.to}"`);
    } catch (error) {
      this.#refuseFrame(half, error);
      return;
    }
    if (!this.#isDoubted || passesInDoubt.from(message)) this.#events.message(message);
  }

  #refuse(half: Half, code: HelloRefusal, message: string, hello?: Hello): void {
    this.#events.helloRefused(code, message, hello);
    // Closed, not aborted: our own HELLO is to arrive first.
    void half.stream.close({ signal: AbortSignal.timeout(1000) }).catch((error: Error) => half.stream.abort(error));
    this.#halfEnded(half);
  }

  #refuseFrame(half: Half, error: unknown): void {
    this.#events.frameRefused(error);
    half.stream.abort(new Error('frame refused'));
    this.#halfEnded(half);
  }

  #halfEnded(half: Half): void {
    if (this.#out !== half && this.#in !== half) return;
    if (this.#out === half) this.#out = undefined;
    else this.#in = undefined;
    this.#up = false;
    this.#events.down();
  }

  #answered(): void {
    this.#unansweredSince = undefined;
    this.#asked = false;
  }

  /** Runs only while something is unanswered, so an idle link costs nothing. */
  #watch(): void {
    this.#cancelWatch = undefined;
    const since = this.#unansweredSince;
    if (since === undefined || this.#out === undefined) return;
    const age = performance.now() - since;
    if (age >= giveUpAfterMs && this.#asked) {
      this.#answered();
      this.#events.silent();
      return;
    }
    if (age >= askAfterMs && !this.#asked && this.#out.greeted) {
      this.#asked = true;
      this.#write(this.#out, encodeFrames([encodeHello(this.#own())]));
    }
    this.#cancelWatch ??= this.#clock.after(askAfterMs / 2, () => this.#watch());
  }

  /** Ends timers. */
  stop(): void {
    this.reset();
    this.#cancelWatch?.();
    this.#cancelWatch = undefined;
  }
}
