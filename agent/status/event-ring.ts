/** The newest events of this agent, numbered, for those who watch. Bounded: what falls out is said, never silently skipped. */

export interface AgentEvent {
  /** Counts from 1 within this run of the agent. */
  readonly id: number;
  readonly type: string;
  /** Seconds since boot. */
  readonly at: number;
  readonly facts: object;
}

export class EventRing {
  readonly #capacity: number;
  readonly #nowMs: () => number;
  readonly #ring: AgentEvent[] = [];
  readonly #listeners = new Set<(event: AgentEvent) => void>();
  #lastId = 0;

  /** @param capacity events kept. */
  constructor(nowMs: () => number, capacity = 1000) {
    this.#nowMs = nowMs;
    this.#capacity = capacity;
  }

  add(type: string, facts: object): void {
    this.#lastId += 1;
    const event = { id: this.#lastId, type, at: this.#nowMs() / 1000, facts };
    this.#ring.push(event);
    if (this.#ring.length > this.#capacity) this.#ring.shift();
    for (const listener of this.#listeners) listener(event);
  }

  /** Events after `id`, or `gap` when some of them are gone: the watcher must read the documents again. */
  since(id: number): { readonly gap: boolean; readonly events: readonly AgentEvent[] } {
    const oldest = this.#ring[0]?.id ?? this.#lastId + 1;
    return { gap: id + 1 < oldest || id > this.#lastId, events: this.#ring.filter((event) => event.id > id) };
  }

  get lastId(): number {
    return this.#lastId;
  }

  subscribe(listener: (event: AgentEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
