/** What a replica costs by itself on a box: its own terms, and what it costs to move there from where it is now. */
import type { Ground } from './ground.ts';
import { leavingCosts } from './merit.ts';
import { classes } from './model.ts';

export class Lodging {
  /** Where each slot is now, if it may stay there; else -1. */
  readonly home: Int32Array;
  /** Class of each variant, by number. */
  readonly variantClass: Uint8Array;
  readonly #homeClass: Uint8Array;
  readonly #own: Float64Array;
  readonly #ownRow: readonly (Float64Array | undefined)[];
  readonly #leaving: readonly (Float64Array | undefined)[];
  readonly #moving: Float64Array;
  readonly #reclass: Float64Array;

  constructor({ instance, nodes, variants, moving, reclass }: Ground) {
    const { site } = instance;
    this.#moving = moving;
    this.#reclass = reclass;
    this.#own = Float64Array.from(variants, ({ cost }) => (typeof cost === 'number' ? cost : 0));
    this.#ownRow = variants.map(({ cost }) => (typeof cost === 'number' ? undefined : cost));
    this.home = Int32Array.from(instance.slots, ({ currentNode, mayStay }) => (mayStay ? currentNode : -1));
    this.variantClass = Uint8Array.from(variants, (variant) => classes.indexOf(variant.class));
    this.#homeClass = Uint8Array.from(instance.slots, ({ columns, currentColumn }) => {
      const column = columns[currentColumn];
      return column === undefined ? 255 : classes.indexOf(column.class);
    });
    this.#leaving = site.nodes.map((_, node) => {
      const costs = leavingCosts(site, node);
      if (costs === undefined) return undefined;
      const row = new Float64Array(nodes);
      for (const [to, cost] of costs) row[to] = cost;
      return row;
    });
  }

  costAt(slot: number, variant: number, node: number): number {
    const row = this.#ownRow[variant];
    const own = row === undefined ? (this.#own[variant] as number) : (row[node] as number);
    const home = this.home[slot] as number;
    if (home === -1) return own;
    if (home === node) return this.#homeClass[slot] === this.variantClass[variant] ? own : own + (this.#reclass[slot] as number);
    const leaving = this.#leaving[home];
    return own + (this.#moving[slot] as number) + (leaving === undefined ? 0 : (leaving[node] as number));
  }

  /** What it costs more to be elsewhere. */
  change(slot: number, left: number, from: number, came: number, to: number): number {
    return this.costAt(slot, came, to) - this.costAt(slot, left, from);
  }
}
