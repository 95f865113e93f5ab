/** Words and units all of placement agrees on. Costs are whole micro-seconds per hour inside, so that sums are exact. */
import type { PlacedReplica, PlacementProblem, ResourceVector } from '../../schemas/generated/types.ts';

export const resources = ['memoryMiB', 'cacheMiB', 'cpuCores', 'diskMiB', 'vramMiB'] as const satisfies readonly (keyof ResourceVector)[];
export type Resource = (typeof resources)[number];

/** Names of the further resources a problem declares, in their order: they come after the five in every list of amounts. */
export function furtherResources({ resources: kinds = [] }: Pick<PlacementProblem, 'resources'>): readonly string[] {
  return kinds.map(({ id }) => id).filter((id) => !isResource(id));
}

export function isResource(id: string): id is Resource {
  return (resources as readonly string[]).includes(id);
}

export type WorkClass = PlacedReplica['class'];
export const classes = ['hot', 'warm', 'cold'] as const satisfies readonly WorkClass[];

/** Temperature of a work class (SEEDS.md 003): hot work flows to cold nodes. */
export const workTemperature: Readonly<Record<WorkClass, number>> = { hot: 2, warm: 1, cold: 0 };

/** Terms of one replica at one box, in the order they are printed. */
export const ownTerms = ['startup', 'staging', 'transfer', 'hops', 'robustness', 'minimumSize', 'energy'] as const;
export type OwnTerm = (typeof ownTerms)[number];
/** All terms of the objective. */
export const allTerms = [
  'startup',
  'staging',
  'transfer',
  'hops',
  'balance',
  'robustness',
  'minimumSize',
  'affinity',
  'colocation',
  'migration',
  'energy',
  'hardware',
] as const;
export type TermName = (typeof allTerms)[number];

/** Two amounts closer than this are equal: sums of decimal fractions are not exact. */
export const tolerance = 1e-6;

/** No single cost is above this many seconds per hour: totals stay exact in a double. */
const costMaxSeconds = 1e6;

/** Seconds per hour to whole micro-seconds per hour. */
export function toMicros(seconds: number): number {
  return Math.round(Math.min(costMaxSeconds, Math.max(0, seconds)) * 1e6);
}

/** What is printed: seconds per hour with six decimals, which add up exactly when added as decimals. */
export function toSeconds(micros: number): number {
  return micros / 1e6;
}

/** Before: -1, equal: 0, after: 1; by code units, the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The element at `index`, which the caller knows to exist. */
export function at<T>(items: ArrayLike<T>, index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`Nothing at ${index} of ${items.length}`);
  return item;
}
