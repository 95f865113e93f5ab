/** How many of `voters` make a majority. */
export const majority = (voters: number): number => Math.floor(voters / 2) + 1;

/**
 * The highest value that a majority of the voters has reached, one value a voter.
 * With [7, 5, 3] it is 5: two of three are at 5 or beyond. 0 without voters.
 */
export function majorityValue(values: readonly number[]): number {
  // Asked at every answer of every peer, of a handful of values: counting needs no sorted copy.
  const needed = majority(values.length);
  let highest: number | undefined;
  for (const value of values) {
    if (highest !== undefined && value <= highest) continue;
    let reached = 0;
    for (const other of values) if (other >= value) reached += 1;
    if (reached >= needed) highest = value;
  }
  return highest ?? 0;
}

export type Tally = 'won' | 'lost' | 'open';

/** Where a vote stands: `lost` once the outstanding answers cannot make a majority any more. */
export function tally(voters: number, granted: number, refused: number): Tally {
  if (granted >= majority(voters)) return 'won';
  return voters - refused < majority(voters) ? 'lost' : 'open';
}
