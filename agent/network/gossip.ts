/** Facts, spread by gossipsub. Signed by who made them; whoever receives one decides whether it travels on. */
import { type Message, TopicValidatorResult } from '@chainsafe/libp2p-gossipsub';
import type { NodeId } from '../../consensus/core/types.ts';
import type { GossipPort, Log, Topic } from '../ports.ts';
import type { Counters } from './counters.ts';
import { NetworkError } from './errors.ts';
import { type HoldfastLibp2p, networkLimits } from './libp2p-node.ts';
import type { PeerBook, SelfFacts } from './peer-book.ts';

export const topics: readonly Topic[] = ['health', 'topology', 'instances'];

type Handler = (from: NodeId, document: Uint8Array) => boolean;

export class Gossip implements GossipPort {
  readonly #clusterId: string;
  readonly #book: PeerBook;
  readonly #counters: Counters;
  readonly #log: Log;
  readonly #handlers = new Map<Topic, Handler[]>();
  #node: HoldfastLibp2p | undefined;

  constructor(components: { readonly self: SelfFacts; readonly book: PeerBook; readonly counters: Counters; readonly log: Log }) {
    this.#clusterId = components.self.clusterId;
    this.#book = components.book;
    this.#counters = components.counters;
    this.#log = components.log;
  }

  /** Names of all topics on the wire. */
  wireTopics(): string[] {
    return topics.map((topic) => this.#wireName(topic));
  }

  start(node: HoldfastLibp2p): void {
    this.#node = node;
    // All are joined, also those nobody here listens to: a box forwards what others want.
    for (const topic of topics) {
      node.services.pubsub.topicValidators.set(this.#wireName(topic), (via, message) => this.#judge(topic, via.toString(), message));
      node.services.pubsub.subscribe(this.#wireName(topic));
    }
  }

  stop(): void {
    this.#node = undefined;
  }

  async publish(topic: Topic, document: Uint8Array): Promise<void> {
    if (document.length > networkLimits.gossipBytesMax) {
      throw new NetworkError(
        'TOO_LARGE',
        `Cannot publish ${document.length} bytes of ${topic}: at most ${networkLimits.gossipBytesMax} travel by gossip`,
      );
    }
    if (this.#node === undefined) return;
    await this.#node.services.pubsub.publish(this.#wireName(topic), document);
  }

  subscribe(topic: Topic, handler: Handler): void {
    this.#handlers.set(topic, [...(this.#handlers.get(topic) ?? []), handler]);
  }

  /** The size of every message, before anything else. Throws to refuse it. */
  inspect(data: Uint8Array): void {
    if (data.length <= networkLimits.gossipBytesMax) return;
    this.#refused({ reason: `${data.length} bytes, allowed are ${networkLimits.gossipBytesMax}` });
    throw new NetworkError('TOO_LARGE', 'gossip message too large');
  }

  #judge(topic: Topic, via: string, message: Message): TopicValidatorResult {
    const author = message.type === 'signed' ? this.#book.withKey(message.from.toString()) : undefined;
    if (author?.relation !== 'member') {
      this.#refused({ topic, via: this.#book.withKey(via)?.name, reason: 'the author is not a member of this site' });
      return TopicValidatorResult.Reject;
    }
    for (const handler of this.#handlers.get(topic) ?? []) {
      let accepted = false;
      try {
        accepted = handler(author.name, message.data);
      } catch (error) {
        this.#log.error('gossip.handler.failed', {
          topic,
          from: author.name,
          reason: error instanceof Error ? error.message : String(error),
        });
      }
      if (!accepted) {
        this.#refused({ topic, from: author.name, reason: 'refused by its reader' });
        return TopicValidatorResult.Reject;
      }
    }
    return TopicValidatorResult.Accept;
  }

  #refused(facts: object): void {
    this.#counters.count('gossipRefused');
    this.#log.debug('gossip.refused', facts);
  }

  #wireName(topic: Topic): string {
    return `/holdfast/${this.#clusterId}/${topic}`;
  }
}
