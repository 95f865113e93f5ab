/**
 * A placement problem as a mixed integer program: columns chosen or not, capacity, copies and enemies apart, data copied to boxes.
 * Load above comfort costs the square; here it costs as much as the steepest of some tangents, so that the optimum of the program is
 * never above that of the problem. Affinity and boxes that may rest are left out.
 */
import { flatten } from '../../../agent/placement/flat.ts';
import { rates } from '../../../agent/placement/merit.ts';
import { at, toMicros } from '../../../agent/placement/model.ts';
import { compile, type Instance } from '../../../agent/placement/slots.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';

const infinity = Number.POSITIVE_INFINITY;
/** Tangents from comfort to full. */
const tangents = 12;

export interface MixedInteger {
  readonly instance: Instance;
  /** Variables below are columns of the flat instance, and whole. */
  readonly columns: number;
  /** Slot and position in it of each. */
  readonly slotOf: Int32Array;
  readonly indexOf: Int32Array;
  readonly model: {
    readonly numCols: number;
    readonly numRows: number;
    readonly offset: number;
    readonly colCost: Float64Array;
    readonly colLower: Float64Array;
    readonly colUpper: Float64Array;
    readonly rowLower: Float64Array;
    readonly rowUpper: Float64Array;
    readonly matrix: {
      readonly format: 'csr';
      readonly numRows: number;
      readonly numCols: number;
      readonly starts: Int32Array;
      readonly indices: Int32Array;
      readonly values: Float64Array;
    };
    readonly integrality: Int32Array;
  };
}

/** Undefined above `columnsMax` columns: such programs take longer to read than a bench has. */
export function mixedInteger(problem: PlacementProblem, columnsMax: number): MixedInteger | undefined {
  const wanted = problem.workloads.reduce((sum, { replicas, classes }) => sum + replicas * classes.length, 0);
  if (wanted * problem.nodes.length > columnsMax) return undefined;
  const instance = compile(problem);
  const flat = flatten(instance);
  const columns = flat.cost.length;
  const slotOf = new Int32Array(columns);
  for (let slot = 0; slot < flat.slots; slot += 1) slotOf.fill(slot, at(flat.first, slot), at(flat.first, slot + 1));
  const rows = new RowList();
  const cost = [...flat.cost].map((micros) => micros / 1e6);
  const lower = cost.map(() => 0);
  const upper = cost.map(() => 1);
  const variable = (price: number, most: number): number => {
    lower.push(0);
    upper.push(most);
    return cost.push(price) - 1;
  };
  const byBox = new Map<string, number[]>();
  const add = (key: string, column: number): void => {
    const known = byBox.get(key);
    if (known === undefined) byBox.set(key, [column]);
    else known.push(column);
  };
  for (let column = 0; column < columns; column += 1)
    add(`${at(instance.slots, at(slotOf, column)).workload}@${at(flat.node, column)}`, column);
  for (let slot = 0; slot < flat.slots; slot += 1) {
    const own = Array.from({ length: at(flat.first, slot + 1) - at(flat.first, slot) }, (_, index) => at(flat.first, slot) + index);
    rows.add(own, () => 1, 1, 1);
  }
  addLoads(flat, rows, variable);
  addApart(instance, flat, rows, byBox, slotOf);
  const offset = addCopies(instance, rows, byBox, flat.nodes, variable);
  const numCols = cost.length;
  return {
    instance,
    columns,
    slotOf,
    indexOf: flat.index,
    model: {
      numCols,
      numRows: rows.count,
      offset,
      colCost: Float64Array.from(cost),
      colLower: Float64Array.from(lower),
      colUpper: Float64Array.from(upper),
      ...rows.bounds(),
      matrix: { format: 'csr', numRows: rows.count, numCols, ...rows.matrix() },
      integrality: Int32Array.from({ length: numCols }, (_, column) => (column < columns ? 1 : 0)),
    },
  };
}

type Flat = ReturnType<typeof flatten>;
type Variable = (price: number, most: number) => number;

/** Load of each box and resource within its capacity; above comfort it costs. */
function addLoads(flat: Flat, rows: RowList, variable: Variable): void {
  const { width, demand, node, capacity, fixedLoad, comfort, steepness } = flat;
  const takers: number[][] = Array.from({ length: flat.nodes }, () => []);
  node.forEach((box, column) => {
    at(takers, box).push(column);
  });
  for (let index = 0; index < flat.nodes * width; index += 1) {
    const r = index % width;
    const users = at(takers, Math.floor(index / width)).filter((column) => at(demand, column * width + r) > 0);
    if (users.length === 0) continue;
    const steep = at(steepness, index) / 1e6;
    if (steep === 0) {
      rows.add(users, (column) => at(demand, column * width + r), -infinity, at(capacity, index) - at(fixedLoad, index));
      continue;
    }
    const load = variable(0, at(capacity, index));
    const burden = variable(1, infinity);
    rows.add(
      [load, ...users],
      (column) => (column === load ? 1 : -at(demand, column * width + r)),
      at(fixedLoad, index),
      at(fixedLoad, index),
    );
    const above = at(capacity, index) - at(comfort, index);
    for (let step = 1; step <= tangents; step += 1) {
      const touch = (above * step) / tangents;
      const slope = 2 * steep * touch;
      rows.add([burden, load], (one) => (one === burden ? 1 : -slope), -steep * touch * touch - slope * at(comfort, index), infinity);
    }
  }
}

function addApart(
  { slotsOf, apart, site }: Instance,
  flat: Flat,
  rows: RowList,
  byBox: ReadonlyMap<string, readonly number[]>,
  slotOf: Int32Array,
): void {
  slotsOf.forEach((slots, workload) => {
    const byDomain = at(site.workloads, workload).spread === 'domain';
    const places = new Map<string, number[]>();
    for (let box = 0; box < flat.nodes; box += 1) {
      const key = byDomain ? at(site.nodes, box).domain : String(box);
      places.set(key, [...(places.get(key) ?? []), ...(byBox.get(`${workload}@${box}`) ?? [])]);
    }
    if (slots.length > 1) for (const columns of places.values()) if (columns.length > 1) rows.add(columns, () => 1, -infinity, 1);
    for (const enemy of at(apart, workload)) {
      if (enemy < workload) continue;
      for (let box = 0; box < flat.nodes; box += 1) {
        const both = [...(byBox.get(`${workload}@${box}`) ?? []), ...(byBox.get(`${enemy}@${box}`) ?? [])];
        if (new Set(both.map((column) => at(slotOf, column))).size > 1) rows.add(both, () => 1, -infinity, 1);
      }
    }
  });
}

/** @returns what the copies cost less for being counted from the second on. */
function addCopies(
  { site, shared, sharedCount, slotsOf }: Instance,
  rows: RowList,
  byBox: ReadonlyMap<string, readonly number[]>,
  nodes: number,
  variable: Variable,
): number {
  const price = toMicros(site.problem.weights.colocation * rates.copySeconds) / 1e6;
  if (price === 0) return 0;
  const copies = new Map<string, number>();
  shared.forEach((sources, workload) => {
    if (at(slotsOf, workload).length === 0) return;
    for (const source of sources) {
      for (let box = 0; box < nodes; box += 1) {
        const columns = byBox.get(`${workload}@${box}`) ?? [];
        if (columns.length === 0) continue;
        const key = `${source}@${box}`;
        const copy = copies.get(key) ?? variable(price, 1);
        copies.set(key, copy);
        // Copies of one workload are never on one box together.
        rows.add([copy, ...columns], (column) => (column === copy ? 1 : -1), 0, infinity);
      }
    }
  });
  return -price * sharedCount;
}

class RowList {
  readonly #starts: number[] = [0];
  readonly #indices: number[] = [];
  readonly #values: number[] = [];
  readonly #lower: number[] = [];
  readonly #upper: number[] = [];

  get count(): number {
    return this.#lower.length;
  }

  add(columns: readonly number[], value: (column: number) => number, least: number, most: number): void {
    for (const column of columns) {
      this.#indices.push(column);
      this.#values.push(value(column));
    }
    this.#starts.push(this.#indices.length);
    this.#lower.push(least);
    this.#upper.push(most);
  }

  bounds(): { readonly rowLower: Float64Array; readonly rowUpper: Float64Array } {
    return { rowLower: Float64Array.from(this.#lower), rowUpper: Float64Array.from(this.#upper) };
  }

  matrix(): { readonly starts: Int32Array; readonly indices: Int32Array; readonly values: Float64Array } {
    return { starts: Int32Array.from(this.#starts), indices: Int32Array.from(this.#indices), values: Float64Array.from(this.#values) };
  }
}
