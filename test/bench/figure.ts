/** One figure, one JSON line. */

export interface Figure {
  readonly figure: string;
  readonly subject: string;
  readonly value: number | null;
  readonly unit: string;
  readonly params?: Readonly<Record<string, number | string>>;
  readonly samples?: readonly number[];
  readonly note?: string;
}

export function printFigure(figure: Figure, json: boolean): void {
  const line = { params: {}, samples: [], note: '', ...figure };
  if (json) process.stdout.write(`${JSON.stringify(line)}\n`);
  else {
    const params = Object.entries(line.params)
      .map(([name, value]) => `${name}=${value}`)
      .join(' ');
    process.stdout.write(
      `${line.figure.padEnd(36)} ${line.subject.padEnd(26)} ${(line.value === null ? 'skipped' : `${Number(line.value.toPrecision(5))} ${line.unit}`).padEnd(18)} ${params} ${line.note}\n`,
    );
  }
}

/** The value below which the share `q` of the samples lies (nearest rank). */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);
