/** Hands messages to the transport. A commit index that nobody waits for goes out with the next entries, or a little later. */
import type { Message } from '../core/messages.ts';
import type { NodeId } from '../core/types.ts';
import type { Clock, Transport } from './ports.ts';

/** Long enough for the next change of a client that asks one after the other, short for a reader who watches. */
const waitMs = 2;

export class Sender {
  readonly #transport: Transport;
  readonly #clock: Clock;
  /** The newest of each peer. */
  readonly #waiting = new Map<NodeId, Message>();
  #cancel: (() => void) | undefined;

  constructor(transport: Transport, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  send(messages: readonly Message[]): void {
    const now: Message[] = [];
    for (const message of messages) {
      if (message.type === 'APPEND' && message.canWait === true) this.#waiting.set(message.to, message);
      else now.push(message);
      // What comes later says it too.
      if (message.type === 'APPEND' && message.canWait !== true) this.#waiting.delete(message.to);
    }
    if (now.length > 0) this.#transport.send(now);
    if (this.#waiting.size > 0) this.#cancel ??= this.#clock.after(waitMs, () => this.#sendWaiting());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#waiting.clear();
  }

  #sendWaiting(): void {
    this.#cancel = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    if (waiting.length > 0) this.#transport.send(waiting);
  }
}
