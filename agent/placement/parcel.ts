/**
 * Large documents between threads without keeping either waiting: long lists travel as text in pieces, each read or written in well below
 * a millisecond, and between two pieces the thread may do other things. A message as it is would be written, and read, in one go.
 */

/** A document without its long lists, and those. */
export interface Parcel {
  readonly rest: unknown;
  /** In the order in which they are put back; a list goes on where its last piece ended. */
  readonly pieces: readonly { readonly path: readonly (string | number)[]; readonly text: string }[];
}

/** Lists up to this length stay where they are. */
const shortList = 32;
/** Characters after which a piece ends. */
const pieceChars = 16_384;

interface LongList {
  readonly path: readonly (string | number)[];
  readonly items: readonly unknown[];
}

/** Packs a document whose long lists hold what JSON can say. Pauses after each piece; what the document was at the beginning is packed. */
export function* pack(document: unknown): Generator<void, Parcel> {
  const lists: LongList[] = [];
  const rest = without(document, [], lists);
  const pieces: { path: readonly (string | number)[]; text: string }[] = [];
  for (const { path, items } of lists) {
    let texts: string[] = [];
    let chars = 0;
    for (const item of items) {
      const text = JSON.stringify(item);
      texts.push(text);
      chars += text.length;
      if (chars < pieceChars) continue;
      pieces.push({ path, text: `[${texts.join()}]` });
      texts = [];
      chars = 0;
      yield;
    }
    if (texts.length > 0) pieces.push({ path, text: `[${texts.join()}]` });
    yield;
  }
  return { rest, pieces };
}

/** Takes a parcel apart, which is used up by that. Pauses after each piece. */
export function* unpack({ rest, pieces }: Parcel): Generator<void, unknown> {
  for (const { path, text } of pieces) {
    let list: unknown = rest;
    for (const key of path) list = (list as Record<string | number, unknown>)[key];
    for (const item of JSON.parse(text)) (list as unknown[]).push(item);
    yield;
  }
  return rest;
}

/** Carries out without a pause. */
export function atOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

function without(value: unknown, path: readonly (string | number)[], lists: LongList[]): unknown {
  if (Array.isArray(value)) {
    if (value.length <= shortList) return value.map((item, index) => without(item, [...path, index], lists));
    lists.push({ path, items: value.slice() });
    return [];
  }
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, without(item, [...path, key], lists)]));
}
