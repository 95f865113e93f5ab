/** Gives memory back when a burst of work is over. */
import { setFlagsFromString } from 'node:v8';

/** Milliseconds between two looks. */
const everyMs = 2000;
/** Quiet: the process took less than this share of one core between two looks … */
const quietCpuShare = 0.1;
/** … this many times in a row. One busy look ends it. */
const quietLooks = 2;

export interface HeapTrimmerPorts {
  /** Milliseconds of a clock that never goes back. */
  nowMs(): number;
  /** CPU time the process has taken, in milliseconds. */
  cpuMs(): number;
  /** Tells the runtime to prefer a small heap to a fast one, or the reverse. */
  preferSmall(on: boolean): void;
}

/**
 * V8 collects old objects when the heap has outgrown a limit, so after a burst the garbage of its end, and the pages it had, stay for as
 * long as the agent is quiet: 30 to 50 MiB of a box that other programs share. V8 has a reducer for this, which collects in small
 * steps and returns the pages; it waits for a program that allocates next to nothing, which an agent that listens to its peers is not.
 * Told to prefer a small heap, it does its work some seconds later.
 */
export class HeapTrimmer {
  readonly #ports: HeapTrimmerPorts;
  #last: { readonly nowMs: number; readonly cpuMs: number };
  #quiet = 0;
  #small = false;

  constructor(ports: HeapTrimmerPorts) {
    this.#ports = ports;
    this.#last = { nowMs: ports.nowMs(), cpuMs: ports.cpuMs() };
  }

  /** Looks every two seconds, however often it is called. */
  check(): void {
    const nowMs = this.#ports.nowMs();
    if (nowMs - this.#last.nowMs < everyMs) return;
    const cpuMs = this.#ports.cpuMs();
    const isQuiet = cpuMs - this.#last.cpuMs < quietCpuShare * (nowMs - this.#last.nowMs);
    this.#last = { nowMs, cpuMs };
    this.#quiet = isQuiet ? this.#quiet + 1 : 0;
    const small = this.#quiet >= quietLooks;
    if (small !== this.#small) this.#ports.preferSmall(small);
    this.#small = small;
  }
}

/** The trimmer of this process. @param nowMs as {@link HeapTrimmerPorts}.nowMs */
export function trimHeap(nowMs: () => number): HeapTrimmer {
  return new HeapTrimmer({
    nowMs,
    cpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    preferSmall: (on) => setFlagsFromString(on ? '--optimize-for-size' : '--no-optimize-for-size'),
  });
}
