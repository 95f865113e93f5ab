/** Which release each box runs: while a site is updated, or taken back, box by box, boxes of both speak with each other. */
import type { Message } from '../../consensus/core/messages.ts';
import type { NodeId } from '../../consensus/core/types.ts';
import { decodeMessage, encodeMessage, wireVersion, wireVersionMin } from '../../consensus/driver/codec.ts';
import type { Observer } from './observer.ts';
import { SeededRandom } from './random.ts';

export class Releases implements Observer {
  readonly isMixed: boolean;
  readonly #random: SeededRandom;
  readonly #versions = new Map<NodeId, number>();
  /** Messages in an older form than this release's. */
  older = 0;
  /** Starts with another release than before. */
  updates = 0;

  constructor(seed: number) {
    // Draws of its own: what else happens in a run does not depend on the releases.
    this.#random = new SeededRandom(seed + 2 ** 29);
    this.isMixed = this.#random.chance(30);
  }

  /** With every start there may be another release on the box. */
  started({ id }: { readonly id: NodeId }): void {
    if (!this.isMixed) return;
    const version = this.#random.between(wireVersionMin, wireVersion);
    if ((this.#versions.get(id) ?? version) !== version) this.updates += 1;
    this.#versions.set(id, version);
  }

  /** The newest form that both understand. */
  between(one: NodeId, other: NodeId): number {
    return Math.min(this.#versions.get(one) ?? wireVersion, this.#versions.get(other) ?? wireVersion);
  }

  /** The message as its receiver sees it. */
  pass(message: Message): Message {
    const version = this.between(message.from, message.to);
    if (version === wireVersion) return message;
    this.older += 1;
    return decodeMessage(encodeMessage(message, version));
  }
}
