/**
 * Room that is held while a plan is carried out: of some resources a replica keeps its amount at the box where it is now until all moves
 * are over, so whoever comes needs room beside it, and a replica that moves has its amount at both ends.
 */
import { demandOf } from './demand.ts';
import { at } from './model.ts';
import type { Site } from './site.ts';

/** What a replica has now: its box, and the amount of each held resource there. */
export interface Home {
  readonly node: number;
  readonly amounts: readonly number[];
}

export class Held {
  /** Numbers of the resources that are held, in `Site.resources`. */
  readonly resources: readonly number[];
  /** Per box and held resource: what those have that are there now. */
  readonly base: Float64Array;
  readonly #homes: ReadonlyMap<string, Home>;

  private constructor(site: Site, held: readonly number[]) {
    const { problem, workloads, workloadIndex, nodeIndex, further } = site;
    this.resources = held;
    this.base = new Float64Array(site.nodes.length * held.length);
    const homes = new Map<string, Home>();
    for (const { workload: name, replica, node: box, class: workClass } of problem.current) {
      const workload = workloadIndex.get(name);
      const node = nodeIndex.get(box);
      if (workload === undefined || node === undefined) continue;
      const demand = demandOf(at(workloads, workload), workClass, box, further);
      const amounts = held.map((resource) => at(demand, resource));
      homes.set(`${workload}/${replica}`, { node, amounts });
      amounts.forEach((amount, index) => {
        const cell = node * held.length + index;
        this.base[cell] = at(this.base, cell) + amount;
      });
    }
    this.#homes = homes;
  }

  /** Undefined where nothing is held. */
  static of(site: Site): Held | undefined {
    const kinds = new Set(site.problem.resources?.flatMap(({ id, heldWhileMoving }) => (heldWhileMoving === true ? [id] : [])));
    const held = site.resources.flatMap((name, resource) => (kinds.has(name) ? [resource] : []));
    return held.length === 0 ? undefined : new Held(site, held);
  }

  /** Undefined for a replica that is nowhere now, or on a box that is not there any more. */
  homeOf(workload: number, replica: number): Home | undefined {
    return this.#homes.get(`${workload}/${replica}`);
  }

  /** What a replica with this demand takes of a held resource on a box beside what is held there: nothing more than it has there now. */
  adds(home: Home | undefined, node: number, demand: readonly number[], index: number): number {
    const need = at(demand, at(this.resources, index));
    return home?.node === node ? Math.max(0, need - at(home.amounts, index)) : need;
  }
}
