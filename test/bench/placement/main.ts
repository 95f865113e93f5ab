/**
 * `npm run bench -- placement [--set gap|mc|roadef|peers|incremental|size] [--budget SECONDS] [--data FOLDER] [--only PREFIX] [--repeat N] [--quick] [--json]`: how
 * far plans are from the best known values and from bounds. Budgets are CPU seconds of one thread; sets with a time budget can be repeated
 * with other seeds, to see how much of a figure is chance and the machine.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readGapFolder } from './gap.ts';
import { benchIncremental } from './incremental.ts';
import { benchMultiClass, benchPeers } from './multi-class-set.ts';
import { benchRoadef } from './roadef-set.ts';
import { Rows, referenceOf, Spread } from './rows.ts';
import { benchSize } from './size.ts';
import { holdfast, measure, seeded } from './subject.ts';

export interface SetOptions {
  readonly json: boolean;
  /** CPU seconds. */
  readonly budget: number;
  /** Instances whose names begin so. */
  readonly only: string;
  readonly quick: boolean;
  readonly data: string;
  /** Added to the seed of each problem. */
  readonly seed: number;
  readonly spread: Spread;
}

const sets: Readonly<Record<string, (options: SetOptions) => Promise<void>>> = {
  gap: benchGap,
  mc: benchMultiClass,
  peers: benchPeers,
  incremental: benchIncremental,
  size: benchSize,
  roadef: benchRoadef,
};

export async function benchPlacement(json: boolean, options: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...options],
    options: {
      json: { type: 'boolean' },
      set: { type: 'string', default: 'gap' },
      budget: { type: 'string', default: '1' },
      data: { type: 'string', default: process.env['HOLDFAST_PLACEMENT_DATA'] ?? '' },
      only: { type: 'string', default: '' },
      repeat: { type: 'string', default: '1' },
      quick: { type: 'boolean', default: false },
    },
  });
  const run = sets[values.set];
  if (run === undefined) return complain(`There is no set ${values.set}. Give one of ${Object.keys(sets).join(', ')}.`);
  const spread = new Spread(json);
  for (let seed = 0; seed < Number(values.repeat); seed += 1) await run({ ...values, json, budget: Number(values.budget), seed, spread });
  spread.print();
}

/** Ends the run as one that was asked for wrongly. */
export function complain(text: string): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = 2;
}

async function benchGap({ json, budget, data, only, quick, seed, spread }: SetOptions): Promise<void> {
  const folder = join(data, 'gap');
  if (!existsSync(join(folder, 'best.csv'))) {
    complain(
      `No instances in ${folder}: give the folder with --data or HOLDFAST_PLACEMENT_DATA. The originals are in the OR-Library (gap1 to gap12, gapa to gapd) and with Yagiura, Ibaraki and Glover (c, d, e); best.csv holds instance,agents,jobs,bestKnown,bestBound.`,
    );
    return;
  }
  const rows = new Rows(json, spread);
  const all = readGapFolder(folder).filter(({ name }) => name.startsWith(only));
  for (const [index, instance] of all.entries()) {
    if (quick && index % 10 !== 0) continue;
    const outcome = await measure(holdfast, seeded(instance.problem, seed), budget);
    const set = /^gap/.test(instance.name) ? 'gap1-12' : `gap-${instance.name.slice(0, 1)}`;
    rows.add('gap', set, instance, budget, outcome, referenceOf(instance, 0, [outcome]));
  }
  rows.footer();
}
