/** A site without consensus and network: its state, its sessions on virtual time, and what its clients asked of it. */
import type { Change, Item, SessionHandle, SiteClient, Transacted } from '../../../agent/client/port.ts';
import { SiteError } from '../../../agent/client/site-error.ts';
import type { SessionRequest } from '../../../agent/state/clients.ts';
import type { Command, Outcome } from '../../../agent/state/commands.ts';
import type { SessionClaim } from '../../../agent/state/session-table.ts';
import type { KvTransaction } from '../../../schemas/generated/types.ts';
import { Replica } from '../state/replica.ts';
import type { VirtualTime } from './virtual-time.ts';

const boxes = ['a', 'b'] as const;

export class PlayedSite {
  readonly replica = new Replica();
  readonly time: VirtualTime;
  /** Lists asked for, by any client. */
  lists = 0;
  /** Streams open now. */
  watches = 0;
  /** Boxes nobody reaches. */
  readonly away = new Set<string>();
  /** Decides what becomes of the next attempts at a change, oldest first: not sent, its answer lost, or this way is not open to it. */
  readonly mishaps: ('unsent' | 'answer-lost' | 'busy' | 'not-here')[] = [];
  /** Boxes that keep no data. */
  readonly witnesses = new Set<string>();
  readonly #touchedAt = new Map<number, number>();
  readonly #watchers = new Set<() => void>();
  readonly #changes: Change[] = [];

  constructor(time: VirtualTime) {
    this.time = time;
    void this.#expire();
  }

  do(command: Command, request?: SessionRequest): Outcome {
    const before = new Map(this.replica.state.kvList('').map(([key, row]) => [key, row.revision]));
    const outcome = this.replica.do(command, request === undefined ? {} : { request });
    for (const [key, { revision }] of this.replica.state.kvList('')) {
      if (before.get(key) !== revision) this.#changes.push({ type: 'put', key, revision });
      before.delete(key);
    }
    for (const key of before.keys()) this.#changes.push({ type: 'delete', key, revision: this.replica.index });
    for (const wake of this.#watchers) wake();
    return outcome;
  }

  /** A way to the site through one of its boxes. */
  client(box: (typeof boxes)[number] = 'a'): SiteClient {
    const reach = async (): Promise<void> => {
      await undefined;
      if (this.away.has(box)) throw new SiteError('UNREACHABLE', `${box} is away`, true);
      if (this.witnesses.has(box)) throw new SiteError('WITNESS', `${box} keeps no data`, true);
    };
    const decided = (outcome: Outcome): Extract<Outcome, { ok: true }> => {
      if (!outcome.ok) throw new SiteError(outcome.code, outcome.message, true);
      return outcome;
    };
    return {
      get: async (key) => {
        await reach();
        const row = this.replica.state.kv(key);
        return row === undefined ? undefined : { key, ...row };
      },
      list: async (prefix) => {
        await reach();
        this.lists += 1;
        const items: Item[] = this.replica.state.kvList(prefix).map(([key, row]) => ({ key, ...row }));
        return { revision: this.replica.index, items };
      },
      transact: async ({ guards = [], operations }: KvTransaction, { request } = {}): Promise<Transacted> => {
        await reach();
        const mishap = this.mishaps.shift();
        if (mishap === 'unsent') throw new SiteError('UNREACHABLE', 'Nobody there', true);
        if (mishap === 'busy') throw new SiteError('BUSY', 'Too much to do', true);
        if (mishap === 'not-here') throw new SiteError('WRITE_REFUSED', 'Not by this way', true);
        const outcome = this.do({ type: 'kvTxn', guards, operations }, request);
        if (mishap === 'answer-lost') throw new SiteError('ANSWER_LOST', 'The line broke', false);
        const { revision, results = [] } = decided(outcome);
        return { revision, results };
      },
      openSession: async (ttlMs): Promise<SessionHandle> => {
        await reach();
        const { revision } = decided(this.do({ type: 'sessionOpen', ttlMs, owner: box }));
        this.#touchedAt.set(revision, this.time.nowMs());
        return { session: revision, ownerEpoch: revision, ttlMs };
      },
      touchSession: async ({ session, ownerEpoch }: SessionClaim) => {
        await reach();
        const row = this.replica.state.session(session);
        if (row === undefined) throw new SiteError('SESSION_EXPIRED', `${session} ended`, true);
        if (row.ownerEpoch !== ownerEpoch) throw new SiteError('SESSION_MOVED', `${session} moved`, true);
        this.#touchedAt.set(session, this.time.nowMs());
      },
      takeSession: async (session): Promise<SessionHandle> => {
        await reach();
        decided(this.do({ type: 'sessionMove', session, owner: box }));
        this.#touchedAt.set(session, this.time.nowMs());
        const { ttlMs, ownerEpoch } = this.replica.state.session(session) ?? { ttlMs: 0, ownerEpoch: 0 };
        return { session, ownerEpoch, ttlMs };
      },
      closeSession: async (session) => {
        await reach();
        this.do({ type: 'sessionClose', session });
      },
      watch: (prefix, after, signal) => this.#watch(prefix, after, signal),
    };
  }

  async *#watch(prefix: string, after: number, signal: AbortSignal): AsyncGenerator<Change> {
    let sent = this.#changes.filter(({ revision }) => revision <= after).length;
    let wake: () => void = () => undefined;
    const woken = (): void => wake();
    this.#watchers.add(woken);
    signal.addEventListener('abort', woken);
    this.watches += 1;
    try {
      while (!signal.aborted) {
        const change = this.#changes[sent];
        if (change === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        sent += 1;
        if (change.key.startsWith(prefix)) yield change;
      }
    } finally {
      this.watches -= 1;
      this.#watchers.delete(woken);
    }
    throw new SiteError('ABORTED', 'The caller gave up', true);
  }

  /** The leader's part: sessions nobody touched end. */
  async #expire(): Promise<void> {
    const clock = this.time.process();
    for (;;) {
      await clock.sleep(100);
      const due = this.replica.state
        .sessions()
        .filter(({ session, ttlMs }) => this.time.nowMs() - (this.#touchedAt.get(session) ?? 0) > ttlMs)
        .map(({ session }) => session);
      if (due.length > 0) this.do({ type: 'sessionsExpire', sessions: due });
    }
  }
}
