/** Nobody goes on before a number of clients have come. A name serves one round; `clear` makes it usable again. */
import type { HeldSession } from './held-session.ts';
import type { SiteClient } from './port.ts';
import { asSiteError, isBroken, isPassing, SiteError } from './site-error.ts';

export const barrierPrefix = (name: string): string => `barrier/${name}/`;

const pauseMs = 100;

/**
 * Comes to the barrier and waits until `count` clients are there at one time. Who has come stays counted until its session ends. Once it is
 * open it stays open. The last to come opens it: the others watch one key. Rejects with SiteError.
 */
export async function enterBarrier(session: HeldSession, name: string, count: number, signal?: AbortSignal): Promise<void> {
  const prefix = barrierPrefix(name);
  const open = `${prefix}open`;
  const own = `${prefix}in/${session.session}`;
  const end = signal === undefined ? session.lost : AbortSignal.any([session.lost, signal]);
  await session.once((claim) => ({ operations: [{ type: 'put', key: own, value: '', session: claim }] }), signal);
  for (;;) {
    if (session.lost.aborted) throw asSiteError(session.lost.reason);
    if (end.aborted) throw new SiteError('ABORTED', 'The caller gave up', true);
    try {
      const { revision, items } = await session.client.list(prefix, end);
      if (items.some(({ key }) => key === open)) return;
      // Whoever comes last sees all the others: all are there before it reads.
      if (items.filter(({ key }) => key.startsWith(`${prefix}in/`)).length >= count) {
        await session.once(() => ({ operations: [{ type: 'put', key: open, value: '' }] }), signal);
        return;
      }
      for await (const change of session.client.watch(open, revision, end)) if (change.type === 'put' && change.key === open) return;
    } catch (thrown) {
      const error = asSiteError(thrown);
      if (!isPassing(error) && !isBroken(error)) throw error;
      await session.clock.sleep(pauseMs, end);
    }
  }
}

/** Deletes what a round left: to be called when all have gone through. */
export async function clearBarrier(client: SiteClient, name: string): Promise<void> {
  await client.transact({ operations: [{ type: 'deletePrefix', prefix: barrierPrefix(name) }] });
}
