/** What this box runs and whom it reaches, as it tells the others: one message, so it is bounded. */
import type { InstanceStatus, InstancesDocument } from '../schemas/generated/types.ts';

/** A message of 64 KiB has to hold it, with what it says besides. */
const instancesBytesMax = 44 * 1024;
const stagedMax = 512;

export interface InstancesParts extends Pick<InstancesDocument, 'node' | 'run' | 'seq' | 'observes'> {
  readonly instances: readonly InstanceStatus[];
  readonly staged: readonly string[];
}

/** Of a box with very many instances, what was observed of their runs is left out first, then how sound runs ended. */
export function instancesDocument({ instances, staged, ...rest }: InstancesParts): InstancesDocument {
  return { version: 1, ...rest, instances: bounded(instances), staged: staged.slice(0, stagedMax) };
}

function bounded(instances: readonly InstanceStatus[]): InstanceStatus[] {
  const fits = (list: readonly InstanceStatus[]): boolean => Buffer.byteLength(JSON.stringify(list)) <= instancesBytesMax;
  if (fits(instances)) return [...instances];
  const unobserved = instances.map(({ observed: _, ...status }) => status);
  if (fits(unobserved)) return unobserved;
  return unobserved.map((status) => (status.lastExit?.code === 0 ? { ...status, lastExit: null } : status));
}
