/** What /proc says of a process, for telling it from another that got its number. */
import { readdirSync, readFileSync } from 'node:fs';

/** Start time in clock ticks since boot (field 22 of /proc/PID/stat), or undefined when there is no such live process. */
export function startTicks(pid: number): number | undefined {
  const fields = statFields(pid);
  return fields === undefined || fields[0] === 'Z' || fields[0] === 'X' ? undefined : Number(fields[19]);
}

/** Resident memory of all processes in a group, in MiB. */
export function groupMemoryMiB(group: number): number {
  let pages = 0;
  for (const pid of pids()) {
    const fields = statFields(pid);
    if (fields !== undefined && Number(fields[2]) === group) pages += Number(fields[21]);
  }
  return (pages * 4096) / 2 ** 20;
}

/** Live keepers that run this script, by the directory they were given. */
export function keepersOf(script: string): ReadonlyMap<string, number> {
  const keepers = new Map<string, number>();
  for (const pid of pids()) {
    try {
      const [, file, directory = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (file === script && directory.startsWith('/')) keepers.set(directory, pid);
    } catch {
      // Gone meanwhile.
    }
  }
  return keepers;
}

/** Process groups of a process's children. */
export function groupsUnder(parent: number): readonly number[] {
  return pids().flatMap((pid) => {
    const fields = statFields(pid);
    return fields !== undefined && Number(fields[1]) === parent ? [Number(fields[2])] : [];
  });
}

function pids(): readonly number[] {
  return readdirSync('/proc').flatMap((name) => (/^[0-9]+$/.test(name) ? [Number(name)] : []));
}

/** Fields of /proc/PID/stat from the third on: state first. The name may hold anything, so it is cut at its last bracket. */
function statFields(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
