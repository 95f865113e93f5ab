/** Numbers of the annealing, by exact operations alone: the same bits on every machine. */

/** Negative logarithms of evenly spaced probabilities, by a series: what a move may cost, in temperatures, drawn by its place in the table. */
export const willingness = Float64Array.from({ length: 1024 }, (_, index) => negativeLog((index + 0.5) / 1024));

function negativeLog(share: number): number {
  let value = share;
  let doubled = 0;
  while (value < 0.75) {
    value *= 2;
    doubled += 1;
  }
  const ratio = (value - 1) / (value + 1);
  let sum = 0;
  let power = ratio;
  for (let odd = 1; odd < 40; odd += 2) {
    sum += power / odd;
    power *= ratio * ratio;
  }
  return doubled * Math.LN2 - 2 * sum;
}

/** A value halved so many times, straight between whole times. */
export function halved(value: number, times: number): number {
  const whole = Math.floor(times);
  return (value / 2 ** whole) * (1 - (times - whole) / 2);
}
