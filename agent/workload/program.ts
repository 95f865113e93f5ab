/** What a workload's specification says about its process, and how a process is told to end. */

import type { WorkloadSpec } from '../../schemas/generated/types.ts';

/** Everything that decides what the process is; where it may run and how much it matters may change under it. */
export function sameProgram(a: WorkloadSpec, b: WorkloadSpec): boolean {
  const program = ({ kind, command, env, artefacts, ports, onSplit, resident }: WorkloadSpec): string =>
    JSON.stringify([
      kind,
      command,
      env,
      (artefacts ?? []).map(({ name, sha256 }) => [name, sha256]),
      ports,
      onSplit ?? 'keep',
      resident ?? false,
    ]);
  return program(a) === program(b);
}

/** In words, what the codes say that `nice` and shells give to what could not be started. */
export function endedWith(code: number | null, [program = '']: readonly string[]): string {
  if (code === 127) return `${program.slice(0, 128)}, or a command it calls, was not found`;
  if (code === 126) return `${program.slice(0, 128)}, or a command it calls, may not be executed`;
  return 'ended';
}

/** Milliseconds from one run to the next; without a frequency once an hour. */
export function periodMs({ perHour, idleGapSeconds }: WorkloadSpec): number {
  return perHour !== undefined ? 3_600_000 / perHour : (idleGapSeconds ?? 3600) * 1000;
}

/** Milliseconds from the end of a run to the next, where that is what was asked for. */
export function idleGapMs({ perHour, idleGapSeconds }: WorkloadSpec): number | undefined {
  return perHour !== undefined || idleGapSeconds === undefined ? undefined : idleGapSeconds * 1000;
}

/** To a whole process group; one that is already gone is seen at the next look. */
export function signal(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name);
  } catch {
    // Already gone.
  }
}
