/** Samples this box on time and gossips its health when it is news (DESIGN.md: a change is at most one sample late). */
import type { Clock } from '../../consensus/driver/ports.ts';
import type { HealthDocument } from '../../schemas/generated/types.ts';
import type { Fact, GossipPort, Log, Startable } from '../ports.ts';
import { type AvailabilityBounds, AvailabilityMeter } from './availability.ts';
import { FactPublisher } from './fact-publisher.ts';
import { buildHealthDocument, type HealthBands, isNews } from './health-document.ts';
import type { Sample } from './sampler.ts';

export interface HealthPublisherComponents {
  readonly clock: Clock;
  readonly gossip: GossipPort;
  readonly sampler: { sample(): Promise<Sample> };
  readonly log: Log;
}

export interface HealthPublisherOptions {
  readonly node: string;
  readonly site: string;
  /** How often the agent was started on this data directory, this time included. */
  readonly run: number;
  /** @default 5000 */
  readonly sampleMs?: number;
  /** Unchanged health is published at least this often, in milliseconds. @default 60_000 */
  readonly maxAgeMs?: number;
  readonly bands?: HealthBands;
  readonly availability?: AvailabilityBounds;
}

export class HealthPublisher implements Startable {
  readonly #components: HealthPublisherComponents;
  readonly #options: HealthPublisherOptions;
  readonly #publisher: FactPublisher<'HealthDocument'>;
  readonly #meter: AvailabilityMeter;
  readonly #listeners: ((fact: Fact<HealthDocument>) => void)[] = [];
  #own: Fact<HealthDocument> | undefined;
  #sampling: Promise<void> = Promise.resolve();
  #cancelTimer: (() => void) | undefined;
  #stopped = false;

  constructor(components: HealthPublisherComponents, options: HealthPublisherOptions) {
    this.#components = components;
    this.#options = options;
    const { bands, maxAgeMs, availability } = options;
    this.#meter = new AvailabilityMeter(availability);
    this.#publisher = new FactPublisher(components, {
      topic: 'health',
      isNews: (before, now) => isNews(before, now, bands),
      ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
    });
  }

  /** This box's newest health, published or not; undefined before the first sample. */
  get own(): Fact<HealthDocument> | undefined {
    return this.#own;
  }

  /** Messages handed to the mesh so far. */
  get messages(): number {
    return this.#publisher.messages;
  }

  /** Called after every sample. */
  onSample(listener: (fact: Fact<HealthDocument>) => void): void {
    this.#listeners.push(listener);
  }

  /** Sends the last published health once more: a member has connected. */
  repeat(): void {
    this.#publisher.repeat();
  }

  /** Takes the first sample, so that `own` is there when it resolves. */
  async start(): Promise<void> {
    this.#sampling = this.#turn();
    await this.#sampling;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#publisher.stop();
    await this.#sampling;
  }

  async #turn(): Promise<void> {
    const { clock, sampler, log } = this.#components;
    const startedMs = clock.nowMs();
    try {
      const sample = await sampler.sample();
      if (this.#stopped) return;
      const { node, site, run } = this.#options;
      const origin = { node, site, run, seq: this.#publisher.nextSeq };
      const availability = this.#meter.measure(sample, clock.nowMs());
      const document = buildHealthDocument(origin, availability === undefined ? sample : { ...sample, availability });
      this.#own = { from: node, document, receivedAt: clock.nowMs() };
      this.#publisher.offer(document);
      for (const listener of this.#listeners) listener(this.#own);
    } catch (error) {
      // The last document stays and grows old, which others see; the next sample may work again.
      log.error('health.sample.failed', { error: error instanceof Error ? error.message : String(error) });
    }
    if (this.#stopped) return;
    // The next sample waits for this one: a slow box is not asked twice at a time.
    const sampleMs = this.#options.sampleMs ?? 5000;
    this.#cancelTimer = clock.after(Math.max(sampleMs / 10, sampleMs - (clock.nowMs() - startedMs)), () => {
      this.#sampling = this.#turn();
    });
  }
}
