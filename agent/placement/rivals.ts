/** Who must not share a box, or a failure domain: replicas of one workload, and workloads that must be apart. Whatever the load. */
import type { PlacementNode } from '../../schemas/generated/types.ts';
import type { Flat } from './flat.ts';
import { at } from './model.ts';
import type { Instance } from './slots.ts';

/** Slots that each slot must not meet: of its own workload, at a box or in a whole domain (`byDomain`), and of others, at a box. */
export interface Rivalry {
  readonly siblings: readonly Int32Array[];
  readonly enemies: readonly Int32Array[];
  /** 1 for slots whose siblings must be in other domains. */
  readonly byDomain: Uint8Array;
  /** Number of the domain of each box. */
  readonly domain: Int32Array;
}

export function rivalryOf({ site, slots, slotsOf, apart }: Instance): Rivalry {
  return {
    siblings: slots.map(({ workload }, slot) => Int32Array.from(at(slotsOf, workload).filter((other) => other !== slot))),
    enemies: slots.map(({ workload }) => Int32Array.from([...at(apart, workload)].flatMap((other) => [...at(slotsOf, other)]))),
    byDomain: Uint8Array.from(slots, ({ workload }) => (at(site.workloads, workload).spread === 'domain' ? 1 : 0)),
    domain: domainsOf(site.nodes),
  };
}

/** Number of the failure domain of each box. */
export function domainsOf(nodes: readonly PlacementNode[]): Int32Array {
  const numbers = new Map<string, number>();
  return Int32Array.from(nodes, ({ domain }) => {
    const number = numbers.get(domain) ?? numbers.size;
    numbers.set(domain, number);
    return number;
  });
}

export class Rivals {
  readonly #node: Int32Array;
  readonly #placed: Int32Array;
  readonly #siblings: readonly Int32Array[];
  readonly #enemies: readonly Int32Array[];
  readonly #byDomain: Uint8Array;
  readonly #domain: Int32Array;

  /** @param placed column of each slot, -1 without a place; kept by others. */
  constructor({ instance, node }: Flat, placed: Int32Array) {
    this.#node = node;
    this.#placed = placed;
    const { siblings, enemies, byDomain, domain } = rivalryOf(instance);
    this.#siblings = siblings;
    this.#enemies = enemies;
    this.#byDomain = byDomain;
    this.#domain = domain;
  }

  /** Whether a slot that has no place now may not go there. */
  conflicts(slot: number, column: number): boolean {
    const node = this.#node;
    const placed = this.#placed;
    const box = node[column] as number;
    const siblings = this.#siblings[slot] as Int32Array;
    for (let index = 0; index < siblings.length; index += 1) {
      const other = placed[siblings[index] as number] as number;
      if (other === -1) continue;
      const there = node[other] as number;
      if (there === box || (this.#byDomain[slot] === 1 && this.#domain[there] === this.#domain[box])) return true;
    }
    const enemies = this.#enemies[slot] as Int32Array;
    for (let index = 0; index < enemies.length; index += 1) {
      const other = placed[enemies[index] as number] as number;
      if (other !== -1 && node[other] === box) return true;
    }
    return false;
  }
}
