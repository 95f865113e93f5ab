/** Finds and ends everything that belongs to a box: agent, keepers and workloads carry its runtime directory in their environment. */
import { readdirSync, readFileSync } from 'node:fs';

/** Environment variable every process of a box inherits or is given. */
export const boxMarker = 'HOLDFAST_RUNTIME';

/** Live processes whose environment says that they belong to this runtime directory. */
export function processesOf(runtimeDir: string): readonly number[] {
  const wanted = `${boxMarker}=${runtimeDir}`;
  return readdirSync('/proc').flatMap((name) => {
    if (!/^[0-9]+$/.test(name) || Number(name) === process.pid) return [];
    try {
      const belongs = readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(wanted);
      return belongs && !isZombie(Number(name)) ? [Number(name)] : [];
    } catch {
      return []; // Gone, or another user's: not ours in either case.
    }
  });
}

/** SIGKILL to all of them at once, as when the power goes; repeated until none is left. */
export async function killBox(runtimeDir: string, deadlineMs = 5000): Promise<number> {
  const end = Date.now() + deadlineMs;
  const killed = new Set<number>();
  for (;;) {
    const left = processesOf(runtimeDir);
    if (left.length === 0) return killed.size;
    if (Date.now() > end) throw new Error(`Processes ${left.join(', ')} of ${runtimeDir} do not die`);
    for (const pid of left) {
      killed.add(pid);
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Ended between the look and the shot.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.charAt(stat.lastIndexOf(')') + 2) === 'Z';
  } catch {
    return true;
  }
}
