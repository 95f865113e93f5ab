/**
 * How much of this box is free, in three words (SEEDS.md 003): cold has much free, warm some, hot little. Smoothed, and with a margin that
 * must be crossed before the word changes, so that it does not flap. Pure.
 */
import type { Availability } from '../../schemas/generated/types.ts';
import type { Sample } from './sampler.ts';

export type AvailabilityClass = Availability['class'];

export interface AvailabilityBounds {
  /** Free share below which a cold box becomes warm, in percent. @default 50 */
  readonly warmBelowPercent: number;
  /** Free share below which it becomes hot, in percent. @default 20 */
  readonly hotBelowPercent: number;
  /** A box cools down only this many points above the bound it fell below. @default 10 */
  readonly marginPercent: number;
}

export const defaultAvailability: AvailabilityBounds = { warmBelowPercent: 50, hotBelowPercent: 20, marginPercent: 10 };

/** Noise shorter than this is smoothed away. */
const smoothingMs = 30_000;
/** Fewer samples are no picture. */
export const samplesMin = 4;
const order = ['cold', 'warm', 'hot'] as const satisfies readonly AvailabilityClass[];

/** The class of one free share, given what it was. */
export function classOf(freePercent: number, before: AvailabilityClass | undefined, bounds: AvailabilityBounds): AvailabilityClass {
  const { warmBelowPercent, hotBelowPercent, marginPercent } = bounds;
  const falling: AvailabilityClass = freePercent < hotBelowPercent ? 'hot' : freePercent < warmBelowPercent ? 'warm' : 'cold';
  if (before === undefined || order.indexOf(falling) >= order.indexOf(before)) return falling;
  const rising: AvailabilityClass =
    freePercent < hotBelowPercent + marginPercent ? 'hot' : freePercent < warmBelowPercent + marginPercent ? 'warm' : 'cold';
  return order.indexOf(rising) < order.indexOf(before) ? rising : before;
}

/** Follows the samples of this box. */
export class AvailabilityMeter {
  readonly #bounds: AvailabilityBounds;
  readonly #free: { cpu?: number; memory?: number } = {};
  readonly #class: { cpu?: AvailabilityClass; memory?: AvailabilityClass } = {};
  #at: number | undefined;
  #samples = 0;

  constructor(bounds: AvailabilityBounds = defaultAvailability) {
    this.#bounds = bounds;
  }

  /**
   * Takes a sample in. What the box cannot measure counts as free. Undefined for the first few: a start is a busy time, and says little.
   * @param nowMs milliseconds since boot.
   */
  measure({ cpu, memory }: Pick<Sample, 'cpu' | 'memory'>, nowMs: number): Availability | undefined {
    const passed = this.#at === undefined ? Number.POSITIVE_INFINITY : Math.max(0, nowMs - this.#at);
    this.#at = nowMs;
    const weight = passed / (passed + smoothingMs);
    const { totalBytes, availableBytes } = memory;
    this.#follow('cpu', cpu.usagePercent === null ? null : 100 - cpu.usagePercent, weight);
    this.#follow(
      'memory',
      totalBytes === null || availableBytes === null || totalBytes === 0 ? null : (100 * availableBytes) / totalBytes,
      weight,
    );
    this.#samples += 1;
    if (this.#samples < samplesMin) return undefined;
    const { cpu: cpuClass = 'cold', memory: memoryClass = 'cold' } = this.#class;
    return {
      class: order[Math.max(order.indexOf(cpuClass), order.indexOf(memoryClass))] ?? 'cold',
      cpu: cpuClass,
      memory: memoryClass,
    };
  }

  #follow(key: 'cpu' | 'memory', freePercent: number | null, weight: number): void {
    if (freePercent === null) return;
    const before = this.#free[key];
    const free = before === undefined || !Number.isFinite(weight) ? freePercent : before + weight * (freePercent - before);
    this.#free[key] = free;
    this.#class[key] = classOf(free, this.#class[key], this.#bounds);
  }
}
