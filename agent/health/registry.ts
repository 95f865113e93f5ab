/** What the members last said about themselves: one document per node and kind, checked before it is believed. */
import type { NodeId } from '../../consensus/core/types.ts';
import type { Clock } from '../../consensus/driver/ports.ts';
import type { AllDocuments } from '../../schemas/generated/types.ts';
import { describeProblems, parseDocument } from '../../schemas/validate.ts';
import type { Fact } from '../ports.ts';
import type { FactKind } from './fact-publisher.ts';

/**
 * Why a document was refused. TOO_LARGE and INVALID: by size and schema. NOT_ITS_OWN: it speaks of another node than its sender.
 * OLDER: a newer one is known. TOO_MANY: the registry is full.
 */
export type RefusalCode = 'TOO_LARGE' | 'INVALID' | 'NOT_ITS_OWN' | 'OLDER' | 'TOO_MANY';

/** What was refused from one peer since the agent started. */
export interface Refusals {
  readonly from: NodeId;
  readonly count: number;
  readonly lastCode: RefusalCode;
  /** In words, at most 256 characters. */
  readonly lastReason: string;
  /** Milliseconds since boot. */
  readonly lastAt: number;
}

export interface FactRegistryOptions {
  /** Longest document taken, in bytes. @default 65_536 */
  readonly bytesMax?: number;
  /** Nodes remembered. @default 512 */
  readonly nodesMax?: number;
}

/** `receive` is made to be the handler of `GossipPort.subscribe`. */
export class FactRegistry<Kind extends FactKind> {
  readonly #kind: Kind;
  readonly #clock: Clock;
  readonly #bytesMax: number;
  readonly #nodesMax: number;
  readonly #facts = new Map<NodeId, Fact<AllDocuments[Kind]>>();
  /** All facts by name, until one changes: asked for far more often than that. */
  #ordered: readonly Fact<AllDocuments[Kind]>[] | undefined;
  readonly #refusals = new Map<NodeId, Refusals>();
  readonly #listeners: ((fact: Fact<AllDocuments[Kind]>) => void)[] = [];

  constructor(kind: Kind, { clock }: { readonly clock: Clock }, options: FactRegistryOptions = {}) {
    this.#kind = kind;
    this.#clock = clock;
    this.#bytesMax = options.bytesMax ?? 64 * 1024;
    this.#nodesMax = options.nodesMax ?? 512;
  }

  /**
   * Takes a document from a peer.
   * @param from verified name of who signed it.
   * @returns whether it was taken, and so is worth forwarding. A copy of the newest one counts as taken and changes nothing.
   */
  readonly receive = (from: NodeId, bytes: Uint8Array): boolean => {
    if (bytes.byteLength > this.#bytesMax)
      return this.#refuse(from, 'TOO_LARGE', `it is ${bytes.byteLength} bytes long, ${this.#bytesMax} are allowed`);
    const parsed = parseDocument(this.#kind, bytes, this.#bytesMax);
    if (!parsed.ok) return this.#refuse(from, 'INVALID', describeProblems(parsed.problems));
    const document = parsed.value;
    if (document.node !== from) return this.#refuse(from, 'NOT_ITS_OWN', `it speaks of ${document.node}`);
    const known = this.#facts.get(from);
    if (known === undefined && this.#facts.size >= this.#nodesMax)
      return this.#refuse(from, 'TOO_MANY', `${this.#nodesMax} nodes are known already`);
    const order = known === undefined ? 1 : compare(document, known.document);
    if (order < 0 && known !== undefined) {
      const { run, seq } = known.document;
      return this.#refuse(from, 'OLDER', `it is number ${document.run}.${document.seq}, ${run}.${seq} is known`);
    }
    if (order > 0) this.#set({ from, document, receivedAt: this.#clock.nowMs() });
    return true;
  };

  /** Our own document, made here: taken as it is. */
  setOwn(fact: Fact<AllDocuments[Kind]>): void {
    this.#set(fact);
  }

  get(node: NodeId): Fact<AllDocuments[Kind]> | undefined {
    return this.#facts.get(node);
  }

  /** Ordered by name. */
  all(): readonly Fact<AllDocuments[Kind]>[] {
    this.#ordered ??= [...this.#facts.values()].sort((a, b) => (a.from < b.from ? -1 : 1));
    return this.#ordered;
  }

  /** Milliseconds since a node's document arrived; undefined when there is none. */
  ageMs(node: NodeId): number | undefined {
    const fact = this.#facts.get(node);
    return fact === undefined ? undefined : Math.max(0, this.#clock.nowMs() - fact.receivedAt);
  }

  /** Peers of which something was refused, ordered by name. */
  refusals(): readonly Refusals[] {
    return [...this.#refusals.values()].sort((a, b) => (a.from < b.from ? -1 : 1));
  }

  /** Called when a node's document was replaced, with the new one. */
  onChange(listener: (fact: Fact<AllDocuments[Kind]>) => void): void {
    this.#listeners.push(listener);
  }

  /** Forgets a node that is no member any more. */
  forget(node: NodeId): void {
    this.#facts.delete(node);
    this.#ordered = undefined;
    this.#refusals.delete(node);
  }

  #set(fact: Fact<AllDocuments[Kind]>): void {
    this.#facts.set(fact.from, fact);
    this.#ordered = undefined;
    for (const listener of this.#listeners) listener(fact);
  }

  #refuse(from: NodeId, lastCode: RefusalCode, reason: string): false {
    const known = this.#refusals.get(from);
    // Names come verified from the network, so only known peers fill this table; the limit holds all the same.
    if (known !== undefined || this.#refusals.size < this.#nodesMax) {
      this.#refusals.set(from, {
        from,
        count: (known?.count ?? 0) + 1,
        lastCode,
        lastReason: reason.slice(0, 256),
        lastAt: this.#clock.nowMs(),
      });
    }
    return false;
  }
}

function compare(a: { readonly run: number; readonly seq: number }, b: { readonly run: number; readonly seq: number }): number {
  return a.run === b.run ? a.seq - b.seq : a.run - b.run;
}
