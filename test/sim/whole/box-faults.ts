/** Breaks boxes, their disks and their links at random, and mends them. */
import type { SeededRandom } from '../random.ts';
import type { Box } from './box.ts';
import { aeonMs, type Site } from './site.ts';
import { type Disorder, disorders } from './virtual-disk.ts';
import type { VirtualNetwork } from './virtual-network.ts';
import type { VirtualTime } from './virtual-time.ts';

/** `damage` changes what a box that is down has on its disk: fewer than half of the boxes, one at a time. */
export type BoxFaultKind = 'process' | 'power' | 'cut' | 'damage' | 'transfer' | 'late' | 'sleep' | Disorder;

export class BoxFaults {
  readonly #random: SeededRandom;
  readonly #time: VirtualTime;
  readonly #network: VirtualNetwork;
  readonly #site: Site;
  readonly #trace: (line: string) => void;
  /** Boxes whose memory may be damaged in this run. */
  readonly #frail: readonly Box[];
  #isOver = false;
  readonly counts = new Map<BoxFaultKind, number>();

  constructor(random: SeededRandom, time: VirtualTime, network: VirtualNetwork, site: Site, trace: (line: string) => void) {
    this.#random = random;
    this.#time = time;
    this.#network = network;
    this.#site = site;
    this.#trace = trace;
    this.#frail = random.chance(50) ? site.boxes.slice(0, Math.floor((site.boxes.length - 1) / 2)) : [];
  }

  begin(untilMs: number): void {
    this.#time.after(this.#random.between(50, 1500), () => {
      if (this.#isOver || this.#time.nowMs >= untilMs) return;
      this.#breakSomething();
      this.begin(untilMs);
    });
  }

  /** Links and disks work, everybody runs. */
  mendAll(): void {
    this.#isOver = true;
    this.#network.heal();
    this.#network.delayMaxMs = 2;
    for (const box of this.#site.boxes) {
      box.disk.disorder = undefined;
      if (box.node === undefined && !this.#site.healing.has(box.id)) this.#site.begin(box);
    }
    this.#trace('quiet');
  }

  #breakSomething(): void {
    const box = this.#random.pick(this.#site.boxes);
    const choice = this.#random.nextInt(100);
    if (choice < 20) this.#kill(box, this.#random.chance(50) ? 'power' : 'process');
    else if (choice < 40) this.#killWriting(box);
    else if (choice < 60) this.#disturb(box, this.#random.pick(disorders));
    else if (choice < 80) this.#cut();
    else if (choice < 84) {
      this.#count('sleep', box);
      if (box.node !== undefined) this.#site.wakes(box, this.#random.pick([100, 1000, aeonMs]));
    } else if (choice < 92) {
      this.#count('transfer', box);
      box.node?.transferLeadership();
    } else {
      this.#count('late', box);
      this.#network.delayMaxMs = this.#random.pick([0, 2, 10, 60, 300]);
    }
  }

  #kill(box: Box, how: 'process' | 'power'): void {
    if (box.node === undefined || this.#site.healing.has(box.id)) return;
    this.#count(how, box);
    box.die(how);
    if (this.#frail.includes(box) && this.#site.healing.size === 0 && this.#random.chance(40)) {
      this.#count('damage', box);
      this.#trace(`${box.id} ${box.disk.damage()}`);
    }
    this.#time.after(this.#random.between(10, 3000), () => {
      if (box.node !== undefined || this.#isOver) return;
      this.#site.begin(box);
      // Power that comes back seldom comes back for good at once: what the last process left is still in memory only.
      if (this.#random.chance(30)) this.#time.after(this.#random.between(1, 300), () => this.#isOver || this.#kill(box, 'power'));
    });
  }

  /** A box replaces its memory: the worst moment for its power to fail. */
  receives(box: Box): void {
    if (!this.#isOver && this.#random.chance(50)) this.#killWriting(box, 12);
  }

  /** The worst moment for the power to fail: between a write and its sync. */
  #killWriting(box: Box, withinMs = 2): void {
    box.disk.atNextSync(() => {
      this.#time.after(this.#random.nextInt(withinMs), () => {
        if (!this.#isOver) this.#kill(box, 'power');
      });
    });
  }

  #disturb(box: Box, disorder: Disorder): void {
    this.#count(disorder, box);
    box.disk.disorder = disorder;
    // Who fails to sync may die of it, and the next process finds what is on no disk.
    if (disorder === 'sync' && this.#random.chance(50))
      this.#time.after(this.#random.between(1, 100), () => this.#isOver || this.#kill(box, 'process'));
    this.#time.after(this.#random.between(100, 4000), () => {
      box.disk.disorder = undefined;
      this.#trace(`${box.id} disk works`);
    });
  }

  #cut(): void {
    const ids = this.#site.boxes.map(({ id }) => id);
    const some = ids.filter(() => this.#random.chance(40));
    this.#count('cut', this.#random.pick(this.#site.boxes));
    this.#network.isolate(some, ids, this.#random.pick(['both', 'both', 'out', 'in']));
    this.#trace(`cut off ${some.join(' ')}`);
    this.#time.after(this.#random.between(100, 4000), () => this.#network.heal());
  }

  #count(kind: BoxFaultKind, { id }: Box): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.#trace(`${id} ${kind}`);
  }
}
