/** One line on a terminal that says how far a plan is, rewritten as the search goes on. */
import type { SolveProgress } from '../placement/solve.ts';

export interface Progress {
  say(progress: SolveProgress): void;
  /** What is done after the search. */
  doing(what: string): void;
  end(): void;
}

const sayEveryMs = 100;
const clearLine = '\r\x1b[K';

/** Nothing where stderr is not a terminal. */
export function progressLine(): Progress | undefined {
  if (!process.stderr.isTTY) return undefined;
  const begun = performance.now();
  let saidAt = Number.NEGATIVE_INFINITY;
  const write = (text: string): void => {
    process.stderr.write(`${clearLine}${((performance.now() - begun) / 1000).toFixed(1)} s: ${text}`);
  };
  return {
    say: (progress) => {
      // Better plans may come by the thousand.
      if (performance.now() - saidAt < sayEveryMs) return;
      saidAt = performance.now();
      write(describeProgress(progress));
    },
    doing: (what) => write(`${what}…`),
    end: () => void process.stderr.write(clearLine),
  };
}

/** The bound is of plans that place everything: others may cost less, and have no gap to it. */
export function describeProgress({ incumbent, unplaced, bound }: SolveProgress): string {
  const best = `best ${incumbent.toFixed(3)} s/h`;
  if (unplaced > 0) return `${best}, ${unplaced} without a place`;
  return bound > 0 ? `${best}, bound ${bound.toFixed(3)}, gap ${Math.max(0, ((incumbent - bound) / bound) * 100).toFixed(1)} %` : best;
}
