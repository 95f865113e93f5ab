/**
 * What others use of a box, as far as its availability classes tell: the class says how much is in use at least, and what our own work
 * was given explains a part of it. The rest makes the box less comfortable, never unusable: a measurement must not end work.
 */
import type { Availability, ComfortShares } from '../../schemas/generated/types.ts';
import { rates } from './merit.ts';

/** Share in use at least, by class. */
const inUse: Readonly<Record<Availability['class'], number>> = { cold: 0, warm: 0.5, hot: 0.8 };

/**
 * Comfort of a box that others use as well; undefined where they do not, as far as is known.
 * @param assigned our work's share of the capacity, 0 to 1 and above.
 */
export function comfortOf(
  { cpu, memory }: Pick<Availability, 'cpu' | 'memory'>,
  assigned: { readonly cpu: number; readonly memory: number },
): ComfortShares | undefined {
  const foreign = { cpu: Math.max(0, inUse[cpu] - assigned.cpu), memory: Math.max(0, inUse[memory] - assigned.memory) };
  if (foreign.cpu === 0 && foreign.memory === 0) return undefined;
  const left = (share: number): number => Math.round(Math.max(0, rates.comfort - share) * 1000) / 1000;
  return {
    ...(foreign.cpu > 0 ? { cpuCores: left(foreign.cpu) } : {}),
    ...(foreign.memory > 0 ? { memoryMiB: left(foreign.memory) } : {}),
  };
}
