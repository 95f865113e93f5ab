/** Connections between boxes: bytes of the real codec, in order, late; cut without a word, or with one. */
import type { Message } from '../../../consensus/core/messages.ts';
import type { NodeId } from '../../../consensus/core/types.ts';
import { decodeMessage, encodeMessage } from '../../../consensus/driver/codec.ts';
import type { Transport } from '../../../consensus/driver/ports.ts';
import { mayPass, type ReentryPoint } from '../../../consensus/driver/reentry.ts';
import { passesInDoubt } from '../../../consensus/driver/standing.ts';
import type { SeededRandom } from '../random.ts';
import type { Releases } from '../releases.ts';
import type { VirtualTime } from './virtual-time.ts';

type LinkState = 'up' | 'lost' | 'closed';

/** What keeps a member that forgot everything from being taken for what it was. Tests leave one out to see what it is there for. */
export interface Guards {
  /** Where it has to get to before it takes part in elections. */
  readonly reentry: boolean;
  /** Under another incarnation than is written down only what a leader says is heard. */
  readonly doubt: boolean;
}

export class VirtualNetwork {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #releases: Releases;
  readonly #ends = new Map<NodeId, End>();
  readonly #cuts = new Set<string>();
  /** When the newest message of a connection arrives: the next one is not before it. */
  readonly #arrivals = new Map<string, number>();
  delayMaxMs = 2;
  messages = 0;
  guards: Guards = { reentry: true, doubt: true };
  /** What was not heard because its sender is another incarnation than is written down where it arrives. */
  doubted = 0;

  constructor(time: VirtualTime, random: SeededRandom, releases: Releases) {
    this.#time = time;
    this.#releases = releases;
    this.#random = random;
  }

  /** @param recorded the incarnation of a member that this one has written down; undefined when it knows of none. */
  connect(id: NodeId, incarnation: number, recorded: (peer: NodeId) => number | undefined): End {
    this.disconnect(id, false);
    this.#releases.started({ id });
    const end = new End(id, this, incarnation, recorded);
    this.#ends.set(id, end);
    for (const other of this.#ends.values()) if (other !== end) this.#link(end, other, 'up');
    return end;
  }

  /** @param isTold whether the peers see their connections close: they do when a process dies, not when the power does. */
  disconnect(id: NodeId, isTold: boolean): void {
    const end = this.#ends.get(id);
    if (end === undefined) return;
    this.#ends.delete(id);
    if (isTold) for (const other of this.#ends.values()) this.#tell(other, id, 'lost');
  }

  /** Nothing passes from one of `some` to one of the others any more, or the other way. */
  isolate(some: readonly NodeId[], all: readonly NodeId[], ways: 'both' | 'out' | 'in'): void {
    for (const inside of some)
      for (const outside of all) {
        if (some.includes(outside)) continue;
        if (ways !== 'in') this.#cuts.add(`${inside} ${outside}`);
        if (ways !== 'out') this.#cuts.add(`${outside} ${inside}`);
      }
  }

  heal(): void {
    this.#cuts.clear();
    const ends = [...this.#ends.values()];
    for (const one of ends) for (const other of ends) if (one !== other) this.#tell(one, other.id, 'up');
  }

  carry(from: End, messages: readonly Message[]): void {
    for (const message of messages) {
      this.messages += 1;
      const bytes = encodeMessage(message, this.#releases.between(from.id, message.to));
      const way = `${from.id} ${message.to}`;
      const to = this.#ends.get(message.to);
      if (to === undefined || this.#cuts.has(way) || (from.doubts(to) && !passesInDoubt.to(message))) continue;
      const at = Math.max(this.#arrivals.get(way) ?? 0, this.#time.nowMs + this.#random.between(0, this.delayMaxMs));
      this.#arrivals.set(way, at);
      this.#time.after(at - this.#time.nowMs, () => {
        // A connection does not outlive either of its ends.
        const stands = this.#ends.get(from.id) === from && this.#ends.get(to.id) === to;
        if (!stands || this.#cuts.has(way)) return;
        if (to.doubts(from) && !passesInDoubt.from(message)) this.doubted += 1;
        else to.receive(decodeMessage(bytes));
      });
    }
  }

  #link(one: End, other: End, state: LinkState): void {
    if (this.#cuts.has(`${one.id} ${other.id}`) || this.#cuts.has(`${other.id} ${one.id}`)) return;
    this.#tell(one, other.id, state);
    this.#tell(other, one.id, state);
  }

  #tell(end: End, peer: NodeId, state: LinkState): void {
    this.#time.after(this.#random.between(1, 4), () => {
      if (this.#ends.get(end.id) === end && (state === 'lost' || this.#ends.has(peer))) end.linkChanged(peer, state);
    });
  }
}

/** One life of a box on the network. */
export class End implements Transport {
  readonly id: NodeId;
  /** Set while it has not reached what was committed when it was let in again. */
  reentry: ReentryPoint | undefined;
  readonly #network: VirtualNetwork;
  readonly #incarnation: number;
  readonly #recorded: (peer: NodeId) => number | undefined;
  #onMessage: (message: Message) => void = () => undefined;
  #onLink: (peer: NodeId, state: LinkState) => void = () => undefined;

  constructor(id: NodeId, network: VirtualNetwork, incarnation: number, recorded: (peer: NodeId) => number | undefined) {
    this.id = id;
    this.#network = network;
    this.#incarnation = incarnation;
    this.#recorded = recorded;
  }

  /** Is the other one not the incarnation that this member has written down? */
  doubts(other: End): boolean {
    const recorded = this.#recorded(other.id);
    return this.#network.guards.doubt && recorded !== undefined && recorded !== other.#incarnation;
  }

  send(messages: readonly Message[]): void {
    this.#network.carry(
      this,
      messages.filter((message) => this.#passes(message)),
    );
  }

  onMessage(handler: (message: Message) => void): void {
    this.#onMessage = handler;
  }

  onLink(handler: (peer: NodeId, state: LinkState) => void): void {
    this.#onLink = handler;
  }

  receive(message: Message): void {
    if (this.#passes(message)) this.#onMessage(message);
  }

  linkChanged(peer: NodeId, state: LinkState): void {
    this.#onLink(peer, state);
  }

  #passes(message: Message): boolean {
    return this.reentry === undefined || !this.#network.guards.reentry || mayPass(this.reentry, message);
  }
}
