/**
 * `npm run bench -- placement [--set gap] [--budget SECONDS] [--data FOLDER] [--only PREFIX] [--quick] [--json]`: how far from the
 * best known values the engine's plans are.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { median, printFigure } from '../figure.ts';
import { type NamedProblem, readGapFolder } from './gap.ts';

export async function benchPlacement(json: boolean, options: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...options],
    options: {
      json: { type: 'boolean' },
      set: { type: 'string', default: 'gap' },
      budget: { type: 'string', default: '1' },
      data: { type: 'string', default: process.env['HOLDFAST_PLACEMENT_DATA'] ?? '' },
      only: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
    },
  });
  const folder = join(values.data, 'gap');
  if (values.set !== 'gap' || !existsSync(join(folder, 'best.csv'))) {
    process.stderr.write(
      values.set === 'gap'
        ? `No instances in ${folder}: give the folder with --data or HOLDFAST_PLACEMENT_DATA. The originals are in the OR-Library (gap1 to gap12, gapa to gapd) and with Yagiura, Ibaraki and Glover (c, d, e); best.csv holds instance,agents,jobs,bestKnown,bestBound.\n`
        : `There is no set ${values.set}: gap is.\n`,
    );
    process.exitCode = 2;
    return;
  }
  const seconds = Number(values.budget);
  const all = readGapFolder(folder).filter(({ name }) => name.startsWith(values.only));
  const gaps = new Map<string, number[]>();
  for (const [index, instance] of all.entries()) {
    if (values.quick && index % 10 !== 0) continue;
    const gap = run(instance, seconds, json);
    const set = /^gap/.test(instance.name) ? 'gap1-12' : `gap-${instance.name.slice(0, 1)}`;
    gaps.set(set, [...(gaps.get(set) ?? []), gap]);
  }
  for (const [set, list] of gaps) {
    const mean = list.reduce((sum, gap) => sum + gap, 0) / list.length;
    const note = `mean; median ${median(list).toFixed(4)}, worst ${Math.max(...list).toFixed(4)}, ${list.length} instances`;
    printFigure(
      {
        figure: 'placement.gap_percent',
        subject: 'holdfast',
        value: Number.isFinite(mean) ? mean : null,
        unit: '%',
        params: { set, budget: seconds },
        samples: list,
        note,
      },
      json,
    );
  }
}

function run({ name, size, problem, reference, referenceKind }: NamedProblem, seconds: number, json: boolean): number {
  const begun = performance.now();
  const elapsed = (): number => (performance.now() - begun) / 1000;
  const plan = solve(problem, { interrupted: () => elapsed() >= seconds, progress: () => elapsed() / seconds });
  const took = elapsed();
  const wrong = checkPlan(problem, plan);
  const feasible = wrong.length === 0 && plan.unplaced.length === 0;
  const { total } = plan.objective;
  const against = reference ?? plan.bound;
  const gap = feasible ? (100 * (total - against)) / against : Number.POSITIVE_INFINITY;
  printFigure(
    {
      figure: 'placement.gap_percent',
      subject: 'holdfast',
      value: feasible ? gap : null,
      unit: '%',
      params: {
        set: 'gap',
        instance: name,
        size,
        budget: seconds,
        elapsed: Number(took.toFixed(3)),
        value: total,
        reference: against,
        kind: referenceKind,
        bound: plan.bound,
        provenBy: plan.provenBy,
        hash: plan.hash,
      },
      note: feasible ? '' : `no plan: ${plan.unplaced.length} without a place; ${wrong.slice(0, 2).join('; ')}`,
    },
    json,
  );
  return gap;
}
