/** What energy costs at a time of day. Pure. */

export interface PriceStep {
  /** Local time from which it holds, `HH:MM`, until the next step, past midnight too. */
  readonly from: string;
  /** Money per kilowatt hour. */
  readonly perKwh: number;
}

/** The price in force, undefined without any. Hours are those of `now` where the box is. */
export function priceAt(steps: readonly PriceStep[], now: Date): number | undefined {
  const two = (value: number): string => String(value).padStart(2, '0');
  const time = `${two(now.getHours())}:${two(now.getMinutes())}`;
  const sorted = [...steps].sort((a, b) => (a.from < b.from ? -1 : 1));
  // Before the first step of the day, the last one of the day before still holds.
  return (sorted.findLast(({ from }) => from <= time) ?? sorted.at(-1))?.perKwh;
}
