/** Where replicas may go at all: the boxes of each variant, without those that never have room. */
import { exclude, type Ground, includes } from './ground.ts';
import type { HardLoad } from './hard-load.ts';
import { at } from './model.ts';
import type { PlacementRandom } from './random.ts';

export class Choices {
  readonly #boxes: readonly Uint32Array[];
  /** Boxes of variant v: first[v] .. first[v + 1] - 1. */
  readonly #first: Int32Array;
  readonly #box: Uint16Array;

  constructor({ first, variants, slots, nodes }: Ground, load: HardLoad) {
    const boxes = variants.map((variant) => variant.boxes);
    this.#first = new Int32Array(variants.length + 1);
    for (let slot = 0; slot < slots; slot += 1)
      for (let variant = at(first, slot); variant < at(first, slot + 1); variant += 1) {
        const known = at(boxes, variant);
        let possible = known;
        let count = 0;
        for (let node = 0; node < nodes; node += 1) {
          if (!includes(known, node)) continue;
          count += 1;
          if (load.fitsAlone(slot, variant, node)) continue;
          // The set may be that of other slots as well.
          if (possible === known) possible = known.slice();
          exclude(possible, node);
          count -= 1;
        }
        boxes[variant] = possible;
        this.#first[variant + 1] = at(this.#first, variant) + count;
      }
    this.#boxes = boxes;
    this.#box = new Uint16Array(at(this.#first, variants.length));
    let end = 0;
    for (const possible of boxes)
      for (let node = 0; node < nodes; node += 1) {
        if (!includes(possible, node)) continue;
        this.#box[end] = node;
        end += 1;
      }
  }

  may(variant: number, node: number): boolean {
    return includes(this.#boxes[variant] as Uint32Array, node);
  }

  /** One of the boxes of a variant; -1 when there is none. */
  draw(variant: number, random: PlacementRandom): number {
    const start = this.#first[variant] as number;
    const count = (this.#first[variant + 1] as number) - start;
    return count === 0 ? -1 : (this.#box[start + random.nextInt(count)] as number);
  }
}
