import type { Message } from '../../consensus/core/messages.ts';
import type { NodeId } from '../../consensus/core/types.ts';
import type { SeededRandom } from './random.ts';

export interface NetworkFaults {
  /** In percent of messages. */
  lossPercent: number;
  duplicatePercent: number;
  delayMin: number;
  delayMax: number;
  /** Of copies that come very late, when the world has moved on. @default 0 */
  stragglerPercent?: number;
}

const straggle = { least: 30, most: 250 } as const;

/** Decides what becomes of each message. Cuts are by direction. */
export class Network {
  readonly faults: NetworkFaults;
  readonly #random: SeededRandom;
  readonly #cut = new Set<string>();
  readonly #slow = new Map<string, number>();

  constructor(random: SeededRandom, faults: NetworkFaults) {
    this.#random = random;
    this.faults = faults;
  }

  cut(from: NodeId, to: NodeId): void {
    this.#cut.add(`${from} ${to}`);
  }

  /** What goes this way takes so many ticks longer, until all is calm. */
  slow(from: NodeId, to: NodeId, ticks: number): void {
    this.#slow.set(`${from} ${to}`, ticks);
  }

  hasten(): void {
    this.#slow.clear();
  }

  /** Cuts every link between different groups, both ways. */
  partition(groups: readonly (readonly NodeId[])[]): void {
    for (const group of groups) {
      for (const other of groups) {
        if (group !== other) for (const from of group) for (const to of other) this.cut(from, to);
      }
    }
  }

  heal(): void {
    this.#cut.clear();
  }

  connected(from: NodeId, to: NodeId): boolean {
    return !this.#cut.has(`${from} ${to}`);
  }

  /** After how many ticks each copy of the message arrives; none when it is lost. */
  deliveries(message: Message): readonly number[] {
    if (!this.connected(message.from, message.to)) return [];
    const { lossPercent, duplicatePercent, delayMin, delayMax, stragglerPercent = 0 } = this.faults;
    if (this.#random.chance(lossPercent)) return [];
    const copies = this.#random.chance(duplicatePercent) ? 2 : 1;
    const slow = this.#slow.get(`${message.from} ${message.to}`) ?? 0;
    return Array.from({ length: copies }, () =>
      stragglerPercent > 0 && this.#random.chance(stragglerPercent)
        ? this.#random.between(straggle.least, straggle.most)
        : slow + this.#random.between(delayMin, delayMax),
    );
  }
}
