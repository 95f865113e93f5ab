/** Short lists: for each slot the columns with least reduced cost. */
import type { Flat } from './flat.ts';
import { at, classes, type WorkClass } from './model.ts';
import type { PlacementRandom } from './random.ts';

const lengthMax = 32;
/** Share of draws that do not look at reduced cost: prices know neither comfort nor gaps that are left. */
const anyShare = 0.1;
/** Pairs of slot and box up to which what a slot would take on a box is kept in a table. */
const tableMax = 1 << 22;
/** Slots between two checkpoints. */
const checkSlots = 16;
/** Columns of each class at the least. */
const perClass = 3;

export interface ShortLists {
  /** List of slot s: first[s] .. first[s + 1] - 1, cheapest first. */
  readonly first: Int32Array;
  readonly column: Int32Array;
  /** Columns of the longest. */
  readonly longest: number;
  /** Of each column: cost and the worth of what it takes. */
  readonly reduced: Float64Array;
  /** Reduced cost between the best column and one further down, on average: the scale of sensible moves. */
  readonly spread: number;
  /** The cheapest column of a slot on a box; -1 when its list has none. */
  columnAt(slot: number, box: number): number;
  /** A column of the list, the better ones more often. */
  draw(slot: number, random: PlacementRandom): number;
  /** A column of the list of at most so much reduced cost, each as often; now and then any. -1 when there is none but `except`. */
  drawWithin(slot: number, most: number, except: number, random: PlacementRandom): number;
}

export function shortLists(flat: Flat, price: Float64Array): ShortLists {
  const { slots, nodes, width } = flat;
  const reduced = new Float64Array(flat.cost.length);
  const first = new Int32Array(slots + 1);
  const nearest = new Nearest();
  const chosen: number[] = [];
  let spread = 0;
  for (let slot = 0; slot < slots; slot += 1) {
    if (slot % checkSlots === 0) flat.instance.checkpoint();
    const start = at(flat.first, slot);
    const end = at(flat.first, slot + 1);
    for (let column = start; column < end; column += 1) {
      let sum = flat.cost[column] as number;
      const row = (flat.node[column] as number) * width;
      for (let r = 0; r < width; r += 1) sum += (price[row + r] as number) * (flat.demand[column * width + r] as number);
      reduced[column] = sum;
    }
    const count = nearest.take(reduced, start, end);
    const list: number[] = [];
    for (let rank = 0; rank < count; rank += 1) list.push(nearest.column[rank] as number);
    // Where room is short, what helps is another class: the ways to that are kept open.
    if (end - start > lengthMax) addClasses(flat, slot, list, reduced);
    const keeps = at(flat.keeps, slot);
    if (keeps !== -1 && !list.includes(keeps)) list[list.length - 1] = keeps;
    spread += at(nearest.value, Math.min(count - 1, 4)) - at(nearest.value, 0);
    chosen.push(...list);
    first[slot + 1] = chosen.length;
  }
  const column = Int32Array.from(chosen);
  const table = slots * nodes <= tableMax ? cheapestAt(flat, first, column) : undefined;
  const worth = new Float64Array(column.length);
  const boxes = new Int32Array(column.length);
  for (let index = 0; index < column.length; index += 1) {
    worth[index] = reduced[column[index] as number] as number;
    boxes[index] = flat.node[column[index] as number] as number;
  }
  return {
    first,
    column,
    reduced,
    longest: first.reduce((most, end, slot) => Math.max(most, end - (first[slot - 1] ?? 0)), 0),
    spread: Math.max(1, spread / Math.max(1, slots)),
    columnAt(slot, box) {
      if (table !== undefined) return table[slot * nodes + box] as number;
      const end = first[slot + 1] as number;
      for (let index = first[slot] as number; index < end; index += 1) {
        if (boxes[index] === box) return column[index] as number;
      }
      return -1;
    },
    drawWithin(slot, most, except, random) {
      const start = first[slot] as number;
      const last = first[slot + 1] as number;
      const share = random.next();
      if (share < anyShare) {
        const any = share / anyShare;
        const option = column[start + Math.floor(any * any * (last - start))] as number;
        return option === except ? -1 : option;
      }
      let end = start;
      while (end < last && (worth[end] as number) <= most) end += 1;
      if (end === start) return -1;
      const option = column[start + Math.floor(((share - anyShare) / (1 - anyShare)) * (end - start))] as number;
      return option === except ? -1 : option;
    },
    draw(slot, random) {
      const start = first[slot] as number;
      const share = random.next();
      return column[start + Math.floor(share * share * ((first[slot + 1] as number) - start))] as number;
    },
  };
}

/** The columns with least reduced cost, in order: kept so while all are looked at, as all in order would take long. */
class Nearest {
  readonly column = new Int32Array(lengthMax);
  readonly value = new Float64Array(lengthMax);

  /** @returns how many there are. */
  take(reduced: Float64Array, start: number, end: number): number {
    const { column, value } = this;
    let count = 0;
    for (let one = start; one < end; one += 1) {
      const own = reduced[one] as number;
      if (count === lengthMax && own >= (value[count - 1] as number)) continue;
      let to = count < lengthMax ? count : count - 1;
      for (; to > 0 && (value[to - 1] as number) > own; to -= 1) {
        value[to] = value[to - 1] as number;
        column[to] = column[to - 1] as number;
      }
      value[to] = own;
      column[to] = one;
      if (count < lengthMax) count += 1;
    }
    return count;
  }
}

/** Adds the cheapest columns of each class that has too few in the list. */
function addClasses({ instance, first, index }: Flat, slot: number, list: number[], reduced: Float64Array): void {
  const { columns } = at(instance.slots, slot);
  const classOf = (column: number): WorkClass => at(columns, at(index, column)).class;
  const listed = { hot: 0, warm: 0, cold: 0 };
  for (const column of list) listed[classOf(column)] += 1;
  for (const one of classes) {
    const missing = perClass - listed[one];
    if (missing <= 0) continue;
    const others: number[] = [];
    for (let column = at(first, slot); column < at(first, slot + 1); column += 1)
      if (classOf(column) === one && !list.includes(column)) others.push(column);
    others.sort((a, b) => at(reduced, a) - at(reduced, b) || a - b);
    list.push(...others.slice(0, missing));
  }
}

/** Column of its list that each slot would take on each box; -1 for none. */
function cheapestAt({ slots, nodes, node }: Flat, first: Int32Array, column: Int32Array): Int32Array {
  const table = new Int32Array(slots * nodes).fill(-1);
  for (let slot = 0; slot < slots; slot += 1) {
    for (let index = at(first, slot + 1) - 1; index >= at(first, slot); index -= 1) {
      const option = at(column, index);
      table[slot * nodes + at(node, option)] = option;
    }
  }
  return table;
}
