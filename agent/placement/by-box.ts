/** Columns by box, and there by the replicas that are alike: what each box looks at when it chooses for itself. */
import type { Flat } from './flat.ts';
import { at } from './model.ts';

export interface ByBox {
  /** Entries of box b are entryFirst[b] .. entryFirst[b + 1] - 1: one for each head. */
  readonly entryFirst: Int32Array;
  readonly headOf: Int32Array;
  /** Columns of entry e are columnFirst[e] .. columnFirst[e + 1] - 1 of `column`. */
  readonly columnFirst: Int32Array;
  readonly column: Int32Array;
}

/** @param heads first slots of those that are all the same. */
export function byBox({ first, node, nodes, instance }: Flat, heads: Int32Array): ByBox {
  const entriesOf = new Int32Array(nodes);
  const columnsOf = new Int32Array(nodes);
  const seen = new Int32Array(nodes).fill(-1);
  for (let head = 0; head < heads.length; head += 1)
    for (let column = at(first, at(heads, head)); column < at(first, at(heads, head) + 1); column += 1) {
      const box = at(node, column);
      columnsOf[box] = at(columnsOf, box) + 1;
      if (seen[box] === head) continue;
      seen[box] = head;
      entriesOf[box] = at(entriesOf, box) + 1;
    }
  const entryFirst = starts(entriesOf);
  const columnAt = starts(columnsOf);
  const headOf = new Int32Array(at(entryFirst, nodes));
  const columnFirst = new Int32Array(headOf.length + 1);
  const columns = new Int32Array(at(columnAt, nodes));
  columnFirst[headOf.length] = columns.length;
  const entryAt = entryFirst.slice();
  seen.fill(-1);
  for (let head = 0; head < heads.length; head += 1) {
    instance.checkpoint();
    for (let column = at(first, at(heads, head)); column < at(first, at(heads, head) + 1); column += 1) {
      const box = at(node, column);
      if (seen[box] !== head) {
        seen[box] = head;
        const entry = at(entryAt, box);
        entryAt[box] = entry + 1;
        headOf[entry] = head;
        columnFirst[entry] = at(columnAt, box);
      }
      columns[at(columnAt, box)] = column;
      columnAt[box] = at(columnAt, box) + 1;
    }
  }
  return { entryFirst, headOf, columnFirst, column: columns };
}

/** Where each begins, one after the other; at the end the sum. */
function starts(counts: Int32Array): Int32Array {
  const first = new Int32Array(counts.length + 1);
  for (let index = 0; index < counts.length; index += 1) first[index + 1] = at(first, index) + at(counts, index);
  return first;
}
