/** What a replica uses in each class, and what a box has for it. */
import type { PlacementNode, PlacementWorkload } from '../../schemas/generated/types.ts';
import { isResource, resources, type WorkClass } from './model.ts';

/** Runs per hour; from the idle gap when the rate is not given: one run every gap + duration. */
export function runsPerHour(workload: PlacementWorkload): number {
  if (workload.perHour !== undefined) return workload.perHour;
  const cycleSeconds = (workload.idleGapSeconds ?? 3600) + workload.durationSeconds;
  return Math.min(3_600_000, 3600 / Math.max(0.001, cycleSeconds));
}

/** Share of the time one replica is running: min(1, frequency x duration). */
export function busyShare(workload: PlacementWorkload): number {
  return Math.min(1, (runsPerHour(workload) * workload.durationSeconds) / 3600);
}

/**
 * What a replica uses, per resource. Hot keeps all its RAM; warm and cold need it for the busy share only, and warm keeps its image
 * in cache storage. Without a box: where nothing was measured. CPU is frequency x CPU seconds, in cores (PLACEMENT.md 1). Further
 * resources come last, and are taken whatever the class.
 */
export function demandOf(
  workload: PlacementWorkload,
  workClass: WorkClass,
  node: string | undefined,
  further: readonly string[] = [],
): readonly number[] {
  const memoryMiB = node === undefined ? workload.demand.memoryMiB : memoryAt(workload, node);
  const { imageMiB, cpuSeconds, diskMiB, vramMiB, more } = workload.demand;
  const share = workClass === 'hot' ? 1 : busyShare(workload);
  const amounts = {
    memoryMiB: share * memoryMiB,
    cacheMiB: workClass === 'warm' ? imageMiB : 0,
    cpuCores: (runsPerHour(workload) * cpuSeconds) / 3600,
    diskMiB,
    vramMiB: share * vramMiB,
  };
  const five = resources.map((resource) => amounts[resource]);
  return further.length === 0 ? five : [...five, ...further.map((name) => more?.[name] ?? 0)];
}

/** MiB of RAM one running replica needs at a box: as measured there, else as specified. */
export function memoryAt({ demand, measured }: PlacementWorkload, node: string): number {
  return measured?.find((run) => run.node === node)?.memoryMiB ?? demand.memoryMiB;
}

/** What work placed here may use, per resource: the capacity less what is reserved for others. Further resources come last. */
export function availableAt({ capacity, reserved }: PlacementNode, further: readonly string[] = []): readonly number[] {
  const five = resources.map((resource) => Math.max(0, capacity[resource] - (reserved?.[resource] ?? 0)));
  if (further.length === 0) return five;
  return [...five, ...further.map((name) => Math.max(0, (capacity.more?.[name] ?? 0) - (reserved?.more?.[name] ?? 0)))];
}

/** Share of the capacity up to which load of a resource costs nothing. */
export function comfortOf({ comfort }: PlacementNode, resource: string): number | undefined {
  return isResource(resource) ? comfort?.[resource] : comfort?.more?.[resource];
}
