/** The newest events of this agent, numbered, for those who watch. Bounded: what falls out is said, never silently skipped. */

export interface AgentEvent {
  /** Grows by one, and over restarts of the agent: an id of an earlier run is older than all of this one. */
  readonly id: number;
  readonly type: string;
  /** Seconds since boot. */
  readonly at: number;
  readonly facts: object;
}

export interface EventRingOptions {
  /** Which start of the agent this is. @default 0 */
  readonly run?: number;
  /** Events kept. @default 1000 */
  readonly capacity?: number;
}

/** More events than any run has. */
const idsOfOneRun = 1e9;

export class EventRing {
  readonly #capacity: number;
  readonly #nowMs: () => number;
  readonly #ring: AgentEvent[] = [];
  readonly #listeners = new Set<() => void>();
  #lastId: number;

  constructor(nowMs: () => number, { run = 0, capacity = 1000 }: EventRingOptions = {}) {
    this.#nowMs = nowMs;
    this.#capacity = capacity;
    this.#lastId = run * idsOfOneRun;
  }

  add(type: string, facts: object): void {
    this.#lastId += 1;
    this.#ring.push({ id: this.#lastId, type, at: this.#nowMs() / 1000, facts });
    if (this.#ring.length > this.#capacity) this.#ring.shift();
    for (const listener of this.#listeners) listener();
  }

  /** The event after `id`, if it is kept. */
  next(id: number): AgentEvent | undefined {
    return this.#ring[Math.max(0, id + 1 - this.oldestId)];
  }

  /** Whether events after `id` are gone, or `id` never was: then the watcher must read the documents again. */
  gapAfter(id: number): boolean {
    return id > this.#lastId || id + 1 < this.oldestId;
  }

  /** Of the oldest event kept, or of the next one while none is. */
  get oldestId(): number {
    return this.#ring[0]?.id ?? this.#lastId + 1;
  }

  get lastId(): number {
    return this.#lastId;
  }

  /** Tells when there is something new. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
