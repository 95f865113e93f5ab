/** Multi-class problems of several sizes: this engine against bounds, and against others. */
import { flatten } from '../../../agent/placement/flat.ts';
import { findPrices } from '../../../agent/placement/prices.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { boundOfAll } from '../../../agent/placement/whole.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';
import type { NamedProblem } from './gap.ts';
import { highs, referenceByHighs } from './highs.ts';
import type { SetOptions } from './main.ts';
import { type MultiClassShape, multiClassProblem } from './multi-class.ts';
import { peers } from './peers.ts';
import { type Reference, Rows, referenceOf } from './rows.ts';
import { holdfast, judge, measure, type Subject, seeded } from './subject.ts';

interface Series extends Omit<MultiClassShape, 'seed'> {
  readonly name: string;
  readonly seeds: readonly number[];
}

const series: readonly Series[] = [
  { name: 'small', workloads: 20, nodes: 5, seeds: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
  { name: 'few', workloads: 30, nodes: 8, seeds: [1, 2, 3, 4, 5] },
  { name: 'medium', workloads: 200, nodes: 20, seeds: [1, 2, 3, 4, 5] },
  { name: 'medium-tight', workloads: 200, nodes: 20, seeds: [1, 2, 3], tight: true },
  { name: 'large', workloads: 2000, nodes: 200, seeds: [1, 2, 3] },
  { name: 'large-tight', workloads: 2000, nodes: 200, seeds: [1], tight: true },
  { name: 'huge', workloads: 20_000, nodes: 2000, seeds: [1] },
];
/** More columns than these take more memory than a bench should. */
const boundColumnsMax = 5_000_000;
const quickNames = ['small', 'medium', 'large'];

/** Huge problems are made only when they are asked for by name: they take minutes. */
function* problemsOf({ only, quick }: SetOptions): Generator<NamedProblem & { readonly group: string }> {
  for (const { name, seeds, ...shape } of series) {
    if (quick ? !quickNames.includes(name) : name === 'huge' && only !== 'huge') continue;
    for (const seed of quick ? seeds.slice(0, 1) : seeds) {
      const instance = `${name}-${seed}`;
      if (!instance.startsWith(only)) continue;
      const { problem } = multiClassProblem({ ...shape, seed });
      yield {
        name: instance,
        group: name,
        size: `${shape.workloads}x${shape.nodes}`,
        problem,
        reference: undefined,
        referenceKind: '',
      };
    }
  }
}

export function benchMultiClass(options: SetOptions): Promise<void> {
  return run('mc', [holdfast], options);
}

export function benchPeers(options: SetOptions): Promise<void> {
  return run('peers', [holdfast, highs, ...peers], options);
}

/** Small problems are proven in this many CPU seconds. */
const proofSeconds = 20;
const quickProofSeconds = 4;
/** Rounds of prices for a bound: of the larger problems it then is what the linear program proves. */
const proofRounds = 4000;
const quickRounds = 400;

/** The best reference there is: the optimum where HiGHS proves it, its bound or that of the prices, whichever is higher. */
async function referenceTo(
  { problem, group }: { readonly problem: PlacementProblem; readonly group: string },
  quick: boolean,
): Promise<Reference> {
  const prices = { value: provenBound(problem, quick ? quickRounds : proofRounds), kind: 'own bound' };
  if (group !== 'small' && group !== 'few') return prices;
  const { bound, optimal, assignments } = await referenceByHighs(problem, quick ? quickProofSeconds : proofSeconds);
  // Squares are lines to it: what it proves is a little below what its plan costs.
  if (optimal) return { value: judge(problem, assignments).value, kind: 'optimum by highs' };
  return bound > prices.value ? { value: bound, kind: 'bound by highs' } : prices;
}

/** Proven by prices, with all the time that takes; 0 where there are too many columns to look at. */
function provenBound(problem: PlacementProblem, rounds: number): number {
  const replicas = problem.workloads.reduce((sum, workload) => sum + workload.replicas * workload.classes.length, 0);
  if (replicas * problem.nodes.length > boundColumnsMax) return 0;
  const flat = flatten(compile(problem));
  const prices = findPrices(flat, () => false);
  return Math.max(prices.bound, boundOfAll(flat, prices.price, () => () => false, rounds).bound) / 1e6;
}

async function run(set: string, subjects: readonly Subject[], options: SetOptions): Promise<void> {
  const rows = new Rows(options.json, options.spread);
  for (const instance of problemsOf(options)) {
    const outcomes = [];
    for (const subject of subjects) outcomes.push(await measure(subject, seeded(instance.problem, options.seed), options.budget));
    const known = await referenceTo(instance, options.quick);
    const own = { value: Math.max(0, ...outcomes.map(({ bound }) => bound)), kind: 'own bound' };
    const proven = own.value > known.value && !known.kind.startsWith('optimum') ? own : known;
    const reference = proven.value > 0 ? proven : referenceOf(instance, 0, outcomes);
    for (const outcome of outcomes) rows.add(set, `${set}-${instance.group}`, instance, options.budget, outcome, reference);
  }
  rows.footer();
}
