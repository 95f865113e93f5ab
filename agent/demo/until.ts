/** Waiting for a condition, with a deadline and a word on what was seen last. */

export class NotObserved extends Error {
  constructor(what: string, deadlineMs: number, last: string) {
    super(`Not observed within ${deadlineMs / 1000} s: ${what}${last === '' ? '' : ` (last seen: ${last})`}`);
  }
}

/** What a probe saw: done with a value, or not yet and why. */
export type Seen<T> = { readonly done: true; readonly value: T } | { readonly done: false; readonly last: string };

export const done = <T>(value: T): Seen<T> => ({ done: true, value });
export const notYet = (last: string): Seen<never> => ({ done: false, last });

/** Probes every `everyMs` until it is done. A probe that throws was not done; its message is kept. Rejects with NotObserved. */
export async function until<T>(
  what: string,
  deadlineMs: number,
  probe: () => Promise<Seen<T>>,
  options: { readonly everyMs?: number; readonly signal?: AbortSignal } = {},
): Promise<T> {
  const end = performance.now() + deadlineMs;
  let last = '';
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const seen = await probe();
      if (seen.done) return seen.value;
      last = seen.last;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > end) throw new NotObserved(what, deadlineMs, last);
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 100));
  }
}
