/** Rows of the benchmark, one for each problem and subject, and what they come to for each set. */
import { median, printFigure } from '../figure.ts';
import type { NamedProblem } from './gap.ts';
import type { Outcome } from './subject.ts';

/** No plan at all counts as this far away in the footers. */
const none = Number.POSITIVE_INFINITY;
/** A plan this near the best known is near enough for `to1Percent`. */
const near = 1.01;

export class Rows {
  readonly #json: boolean;
  readonly #spread: Spread;
  readonly #gaps = new Map<string, { readonly set: string; readonly subject: string; readonly budget: number; readonly list: number[] }>();

  constructor(json: boolean, spread: Spread) {
    this.#json = json;
    this.#spread = spread;
  }

  /** @param group footers are made of rows of one group. */
  add(set: string, group: string, { name, size }: NamedProblem, budget: number, outcome: Outcome, against: Reference): void {
    const { subject, feasible, value, cpu, incumbents, unplaced, hash, note } = outcome;
    // Measured against no less than 0.001: a plan may cost nothing.
    const gap = feasible ? (100 * (value - against.value)) / Math.max(1e-3, Math.abs(against.value)) : none;
    const soon = incumbents.find((one) => one.value <= near * against.value);
    const to1Percent = feasible && gap <= 1 ? Number((soon?.cpu ?? cpu).toFixed(3)) : 'never';
    printFigure(
      {
        figure: 'placement.gap_percent',
        subject,
        value: feasible ? gap : null,
        unit: '%',
        params: {
          set,
          instance: name,
          size,
          budget,
          cpu: Number(cpu.toFixed(3)),
          feasible: feasible ? 'yes' : 'no',
          unplaced,
          value,
          reference: against.value,
          kind: against.kind,
          to1Percent,
          hash,
        },
        note,
      },
      this.#json,
    );
    const key = `${group} ${subject} ${budget}`;
    const known = this.#gaps.get(key) ?? { set: group, subject, budget, list: [] };
    known.list.push(gap);
    this.#gaps.set(key, known);
  }

  /** Mean, median and worst of the plans that are feasible, and how many there are. */
  footer(): void {
    for (const { set, subject, budget, list } of this.#gaps.values()) {
      const found = list.filter((gap) => gap < none);
      const mean = found.reduce((sum, gap) => sum + gap, 0) / found.length;
      this.#spread.add(`${set} ${subject} ${budget}`, found.length === 0 ? none : mean);
      const note =
        found.length === 0
          ? `no plan for any of ${list.length}`
          : `mean; median ${median(found).toFixed(4)}, worst ${Math.max(...found).toFixed(4)}, feasible ${found.length} of ${list.length}`;
      printFigure(
        {
          figure: 'placement.gap_percent',
          subject,
          value: found.length === 0 ? null : mean,
          unit: '%',
          params: { set, instance: 'all', budget, feasible: found.length, of: list.length },
          samples: found,
          note,
        },
        this.#json,
      );
    }
  }
}

/** What the means of several runs of one set are between. */
export class Spread {
  readonly #json: boolean;
  readonly #means = new Map<string, number[]>();

  constructor(json: boolean) {
    this.#json = json;
  }

  add(key: string, mean: number): void {
    this.#means.set(key, [...(this.#means.get(key) ?? []), mean]);
  }

  /** Nothing, after one run. */
  print(): void {
    for (const [key, means] of this.#means) {
      const [set = '', subject = '', budget] = key.split(' ');
      const found = means.filter((mean) => mean < none);
      if (means.length < 2 || found.length === 0) continue;
      const note = `median of ${means.length} runs; least ${Math.min(...found).toFixed(4)}, most ${Math.max(...found).toFixed(4)}`;
      const params = { set, instance: 'all', budget: Number(budget), runs: means.length };
      printFigure(
        { figure: 'placement.mean_gap_percent', subject, value: median(found), unit: '%', params, samples: found, note },
        this.#json,
      );
    }
  }
}

export interface Reference {
  readonly value: number;
  readonly kind: string;
}

/** The best of what is known: the value published, else the highest of the bounds, else the best plan of this run. */
export function referenceOf(
  problem: Pick<NamedProblem, 'reference' | 'referenceKind'>,
  proven: number,
  outcomes: readonly Outcome[],
): Reference {
  if (problem.reference !== undefined) return { value: problem.reference, kind: problem.referenceKind };
  const bound = Math.max(proven, ...outcomes.map((outcome) => outcome.bound));
  if (bound > 0) return { value: bound, kind: 'own bound' };
  return { value: Math.min(...outcomes.filter(({ feasible }) => feasible).map(({ value }) => value)), kind: 'best of this run' };
}
