/** Links between nodes of one process: every message goes through the real codec and framing, one write a turn of the loop. */
import type { Message } from '../../../consensus/core/messages.ts';
import type { NodeId } from '../../../consensus/core/types.ts';
import { decodeMessage, encodeMessage } from '../../../consensus/driver/codec.ts';
import { encodeFrames, FrameSplitter } from '../../../consensus/driver/framing.ts';
import type { Transport } from '../../../consensus/driver/ports.ts';

type LinkState = 'up' | 'lost' | 'closed';

export class MemoryNetwork {
  readonly #transports = new Map<NodeId, MemoryTransport>();
  readonly #cut = new Set<string>();
  /** Of all messages sent. */
  bytes = 0;

  /** Connects a node; the others see its link come up. A node of the same name is gone then. */
  connect(id: NodeId): MemoryTransport {
    this.disconnect(id);
    const transport = new MemoryTransport(id, this);
    this.#transports.set(id, transport);
    for (const other of this.#transports.values()) {
      if (other.id === id || this.#isCut(id, other.id)) continue;
      other.linkChanged(id, 'up');
      transport.linkChanged(other.id, 'up');
    }
    return transport;
  }

  /** The process of this node has ended: its peers see their connections close. */
  disconnect(id: NodeId): void {
    if (!this.#transports.delete(id)) return;
    for (const other of this.#transports.values()) if (!this.#isCut(id, other.id)) other.linkChanged(id, 'lost');
  }

  /** Nothing passes between the two any more, and nobody is told. */
  cut(a: NodeId, b: NodeId): void {
    this.#cut.add(`${a} ${b}`).add(`${b} ${a}`);
  }

  heal(): void {
    const pairs = [...this.#cut].map((pair) => pair.split(' ') as [NodeId, NodeId]);
    this.#cut.clear();
    for (const [a, b] of pairs) this.#transports.get(a)?.linkChanged(b, 'up');
  }

  carry(from: NodeId, to: NodeId, bytes: Uint8Array): void {
    if (this.#isCut(from, to)) return;
    this.bytes += bytes.length;
    this.#transports.get(to)?.receive(from, bytes);
  }

  #isCut(a: NodeId, b: NodeId): boolean {
    return this.#cut.has(`${a} ${b}`);
  }
}

export class MemoryTransport implements Transport {
  readonly id: NodeId;
  readonly #network: MemoryNetwork;
  readonly #splitters = new Map<NodeId, FrameSplitter>();
  #queued: Message[] = [];
  #onMessage: (message: Message) => void = () => undefined;
  #onLink: (peer: NodeId, state: LinkState) => void = () => undefined;

  constructor(id: NodeId, network: MemoryNetwork) {
    this.id = id;
    this.#network = network;
  }

  send(messages: readonly Message[]): void {
    if (this.#queued.length === 0) setImmediate(() => this.#flush());
    this.#queued.push(...messages);
  }

  onMessage(handler: (message: Message) => void): void {
    this.#onMessage = handler;
  }

  onLink(handler: (peer: NodeId, state: LinkState) => void): void {
    this.#onLink = handler;
  }

  receive(from: NodeId, bytes: Uint8Array): void {
    const splitter = this.#splitters.get(from) ?? new FrameSplitter();
    this.#splitters.set(from, splitter);
    for (const payload of splitter.push(bytes)) this.#onMessage(decodeMessage(payload));
  }

  linkChanged(peer: NodeId, state: LinkState): void {
    setImmediate(() => this.#onLink(peer, state));
  }

  #flush(): void {
    const byPeer = new Map<NodeId, Uint8Array[]>();
    for (const message of this.#queued) {
      const frames = byPeer.get(message.to) ?? [];
      frames.push(encodeMessage(message));
      byPeer.set(message.to, frames);
    }
    this.#queued = [];
    for (const [peer, frames] of byPeer) this.#network.carry(this.id, peer, encodeFrames(frames));
  }
}
