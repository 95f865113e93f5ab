/**
 * The bound with whole replicas, made higher: the worth of each is fitted to what boxes would take where all that they have room for counts
 * (`ExactBoxes`). That is what a linear program of all that boxes could hold would prove (Dantzig and Wolfe 1960). For small sites.
 */
import type { Boxes } from './boxes.ts';
import type { CopyShares } from './copies.ts';
import { ExactBoxes } from './exact-boxes.ts';
import type { Flat } from './flat.ts';
import { at } from './model.ts';

/** Length of the first step and of the last, as shares of the bound. */
const reachFirst = 0.004;
const reachLast = 1e-5;
const deflection = 0.7;
/** Rounds without gain after which steps are made shorter, and rounds at the most. */
const patience = 5;
const shorter = 0.6;
const roundsMost = 150;
/** Nodes of one box's tree: few at first, as long as that is enough to make the bound higher. */
const nodesMost = [20_000, 200_000, 2_000_000] as const;
/** Sums of many terms are off by less than such a part. */
const sumError = 1e-11;

export interface Deepened {
  /** No plan that places every slot costs less: micro-seconds per hour. */
  readonly bound: number;
  /** Nodes of trees visited. */
  readonly nodes: number;
  /** What the bound rises by in plans that use a column: of each. @param most beyond which it does not matter by how much. @param over told the nodes visited: true ends it. */
  readonly rises: (most: number, over: (nodes: number) => boolean) => Float64Array;
}

/**
 * @param boxes with prices of capacity, of copies and of domains as they were best.
 * @param begun what each head was worth then.
 * @param over told the nodes visited: true ends it.
 */
export function deepen(
  flat: Flat,
  boxes: Boxes,
  copies: CopyShares | undefined,
  begun: Float64Array,
  over: (nodes: number) => boolean,
): Deepened {
  const { need, domains } = boxes;
  const free = copies?.free ?? 0;
  const exact = new ExactBoxes(flat, boxes, copies);
  exact.over = () => over(exact.nodes);
  const worth = begun.slice();
  const best = begun.slice();
  const bestValues = exact.values.slice();
  const towards = new Float64Array(worth.length);
  let bound = Number.NEGATIVE_INFINITY;
  const ascend = (): void => {
    let reach = reachFirst;
    let stall = 0;
    for (let round = 0; round < roundsMost && reach > reachLast; round += 1) {
      if (bound > Number.NEGATIVE_INFINITY && over(exact.nodes)) return;
      if (!exact.take(worth)) return;
      let value = exact.value - free - (domains?.sum ?? 0);
      let magnitude = Math.abs(exact.value) + Math.abs(free) + (domains?.sum ?? 0);
      for (let head = 0; head < worth.length; head += 1) {
        value += at(worth, head) * at(need, head);
        magnitude += 2 * Math.abs(at(worth, head) * at(need, head));
      }
      const safe = value - magnitude * sumError - 1e-3 - flat.nodes;
      if (safe > bound) {
        stall = 0;
        bound = safe;
        best.set(worth);
        bestValues.set(exact.values);
        domains?.keep();
      } else stall += 1;
      if (stall > patience) {
        reach *= shorter;
        stall = 0;
        worth.set(best);
        domains?.back();
        towards.fill(0);
        continue;
      }
      let norm = 0;
      for (let head = 0; head < worth.length; head += 1) {
        towards[head] = at(need, head) - at(exact.taken, head) + deflection * at(towards, head);
        norm += at(towards, head) * at(towards, head);
      }
      norm += domains?.aim(deflection) ?? 0;
      if (norm < 1e-18) return;
      const length = (bound - value + reach * Math.max(1, Math.abs(bound))) / norm;
      for (let head = 0; head < worth.length; head += 1) worth[head] = at(worth, head) + length * at(towards, head);
      domains?.go(length);
    }
  };
  for (const most of nodesMost) {
    exact.nodesMost = most;
    exact.cut = 0;
    ascend();
    worth.set(best);
    domains?.back();
    towards.fill(0);
    if (exact.cut === 0 || over(exact.nodes)) break;
  }
  const { nodes } = exact;
  return {
    bound,
    nodes,
    rises: (most, ends) => {
      exact.over = () => ends(exact.nodes - nodes);
      return exact.rises(best, bestValues, most);
    },
  };
}
