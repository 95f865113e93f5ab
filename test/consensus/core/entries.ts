import { type Entry, logIndex, term } from '../../../consensus/core/types.ts';

/** Empty entries with these terms, from `first` on. */
export function entriesOf(terms: readonly number[], first = 1): readonly Entry[] {
  return terms.map((value, at) => ({
    term: term(value),
    index: logIndex(first + at),
    kind: 'noop',
    origin: undefined,
    data: new Uint8Array(0),
  }));
}
