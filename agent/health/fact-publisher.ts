/** Gossips one kind of document of this box: when it is news, when it grows old, and when somebody new listens. */
import type { Clock } from '../../consensus/driver/ports.ts';
import type { AllDocuments } from '../../schemas/generated/types.ts';
import type { GossipPort, Log, Topic } from '../ports.ts';

/** Documents that travel by gossip; each names its node, and is ordered by (run, seq). */
export type FactKind = 'HealthDocument' | 'TopologyDocument' | 'InstancesDocument';

export interface FactPublisherComponents {
  readonly clock: Clock;
  readonly gossip: GossipPort;
  readonly log: Log;
}

export interface FactPublisherOptions<Document> {
  readonly topic: Topic;
  /** Whether the second is news to somebody who knows the first. @default any difference besides `seq` */
  readonly isNews?: (before: Document, now: Document) => boolean;
  /** An unchanged document is published again when it is this old, in milliseconds. @default 60_000 */
  readonly maxAgeMs?: number;
  /** Shortest time between two messages that only serve a new listener, in milliseconds. @default 1000 */
  readonly repeatEveryMs?: number;
}

/** Owns `seq`. Call `offer` with the present document as often as you like. */
export class FactPublisher<Kind extends FactKind> {
  readonly #components: FactPublisherComponents;
  readonly #topic: Topic;
  readonly #isNews: (before: AllDocuments[Kind], now: AllDocuments[Kind]) => boolean;
  readonly #maxAgeMs: number;
  readonly #repeatEveryMs: number;
  #published: { readonly document: AllDocuments[Kind]; readonly atMs: number } | undefined;
  #cancelRepeat: (() => void) | undefined;
  #messages = 0;

  constructor(components: FactPublisherComponents, options: FactPublisherOptions<AllDocuments[Kind]>) {
    this.#components = components;
    this.#topic = options.topic;
    this.#isNews = options.isNews ?? differs;
    this.#maxAgeMs = options.maxAgeMs ?? 60_000;
    this.#repeatEveryMs = options.repeatEveryMs ?? 1000;
  }

  /** The sequence number the next offered document is to carry: one more than the last published. */
  get nextSeq(): number {
    return (this.#published?.document.seq ?? 0) + 1;
  }

  /** Messages handed to the mesh so far. */
  get messages(): number {
    return this.#messages;
  }

  /** Publishes the document if it is news or the last one is old. Says whether it did. */
  offer(document: AllDocuments[Kind]): boolean {
    const nowMs = this.#components.clock.nowMs();
    const last = this.#published;
    if (last !== undefined && nowMs - last.atMs < this.#maxAgeMs && !this.#isNews(last.document, document)) return false;
    this.#published = { document, atMs: nowMs };
    this.#send(document);
    return true;
  }

  /** Sends the last published document once more, soon: a member has connected that may not know it. Calls within a second are one. */
  repeat(): void {
    if (this.#cancelRepeat !== undefined) return;
    this.#cancelRepeat = this.#components.clock.after(this.#repeatEveryMs, () => {
      this.#cancelRepeat = undefined;
      const last = this.#published;
      if (last === undefined) return;
      // A new number: the mesh does not carry the same message twice.
      const document = { ...last.document, seq: last.document.seq + 1 };
      this.#published = { document, atMs: last.atMs };
      this.#send(document);
    });
  }

  stop(): void {
    this.#cancelRepeat?.();
    this.#cancelRepeat = undefined;
  }

  #send(document: AllDocuments[Kind]): void {
    this.#messages += 1;
    this.#components.gossip.publish(this.#topic, Buffer.from(JSON.stringify(document))).catch((error: unknown) => {
      this.#components.log.warn('gossip.publish.failed', {
        topic: this.#topic,
        error: error instanceof Error ? error.message : String(error),
      });
    });
  }
}

function differs(before: { readonly seq: number }, now: { readonly seq: number }): boolean {
  return JSON.stringify({ ...before, seq: 0 }) !== JSON.stringify({ ...now, seq: 0 });
}
