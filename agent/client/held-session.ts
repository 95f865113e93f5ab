/**
 * A session kept alive, and changes made in it exactly once. It counts as lost when the site says so, or when too little was heard of it
 * for too long (`heard.ts`): the holder must stop before somebody else may begin. A process that is paused finds out when it runs again;
 * what it sends before it looks is caught by fences alone (see lock.ts).
 */
import type { KvTransaction } from '../../schemas/generated/types.ts';
import { stateLimits } from '../state/commands.ts';
import type { SessionClaim } from '../state/session-table.ts';
import { type ClientClock, RealClock } from './clock.ts';
import { Heard } from './heard.ts';
import type { SessionHandle, SiteClient, Transacted } from './port.ts';
import { asSiteError, isOutcome, isPassing, SiteError } from './site-error.ts';

export interface HeldSessionOptions {
  /** From 1000 to 86 400 000. @default 10 000 */
  readonly ttlMs?: number;
  readonly clock?: ClientClock;
}

/** Renewed this many times in its time to live: four touches may be lost. */
const touchesPerTtl = 8;
/** Refusals that another box need not share. */
const elsewhere: ReadonlySet<string> = new Set(['UNREACHABLE', 'SESSION_MOVED', 'WITNESS']);
const retryMs = { first: 20, most: 500 } as const;

export class HeldSession {
  readonly ttlMs: number;
  readonly clock: ClientClock;
  readonly #clients: readonly SiteClient[];
  readonly #lost = new AbortController();
  readonly #awaited = new Set<number>();
  #at = 0;
  #claim: SessionClaim;
  #sequence = 0;
  readonly #heard: Heard;
  /** Under way to another box. */
  #moving: Promise<void> | undefined;

  private constructor(clients: readonly SiteClient[], handle: SessionHandle, beganAt: number, clock: ClientClock) {
    this.#clients = clients;
    this.#claim = { session: handle.session, ownerEpoch: handle.ownerEpoch };
    this.#heard = new Heard(handle.ttlMs, beganAt);
    this.ttlMs = handle.ttlMs;
    this.clock = clock;
  }

  /** @param clients ways to the site, the nearest first: when one fails, the session moves on to the next. Rejects with SiteError. */
  static async open(clients: readonly SiteClient[], options: HeldSessionOptions = {}): Promise<HeldSession> {
    const { ttlMs = 10_000, clock = new RealClock() } = options;
    let failure = new SiteError('ENDPOINT_INVALID', 'There is no way to the site', true);
    for (const [at, client] of clients.entries()) {
      const began = clock.nowMs();
      try {
        const held = new HeldSession(clients, await client.openSession(ttlMs), began, clock);
        held.#at = at;
        void held.#keep();
        void held.#watch();
        return held;
      } catch (thrown) {
        failure = asSiteError(thrown);
        if (!isPassing(failure)) throw failure;
      }
    }
    throw failure;
  }

  get session(): number {
    return this.#claim.session;
  }

  /** What keys that live with this session are put with. Changes when the session moves to another box. */
  get claim(): SessionClaim {
    return this.#claim;
  }

  /** Aborted, with a SiteError as its reason, once the session must be taken for lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get client(): SiteClient {
    return this.#clients[this.#at] as SiteClient;
  }

  /**
   * Makes a change that happens once, and tries until its outcome is known. Rejects with the refusal of the site, which is the outcome; or,
   * when the session is lost or the caller gives up first, with an error that is indefinite if any attempt may have taken effect.
   * At most 64 changes may be under way (WINDOW_FULL).
   * @param make is called for each attempt with the session's present claim.
   */
  async once(make: (claim: SessionClaim) => KvTransaction, signal?: AbortSignal): Promise<Transacted> {
    if (this.#awaited.size >= stateLimits.resultsPerClientMax)
      throw new SiteError('WINDOW_FULL', `${this.#awaited.size} changes are under way in this session: await some first`, true);
    this.#sequence += 1;
    const sequence = this.#sequence;
    this.#awaited.add(sequence);
    const end = signal === undefined ? this.lost : AbortSignal.any([this.lost, signal]);
    let isOpen = false;
    const giveUp = ({ code, message, definite }: SiteError): SiteError => new SiteError(code, message, definite && !isOpen);
    try {
      for (let pause: number = retryMs.first; ; pause = Math.min(pause * 2, retryMs.most)) {
        if (end.aborted) throw giveUp(this.lost.aborted ? asSiteError(this.lost.reason) : aborted());
        const claim = this.#claim;
        try {
          const request = { ...claim, sequence, lowestAwaited: Math.min(...this.#awaited) };
          return await this.client.transact(make(claim), { request, signal: end });
        } catch (thrown) {
          const error = asSiteError(thrown);
          if (!error.definite) isOpen = true;
          if (error.code === 'SESSION_EXPIRED') {
            this.#lose(error);
            throw giveUp(error);
          }
          if (isOutcome(error)) throw error;
          if (error.code !== 'SESSION_MOVED' && !isPassing(error)) throw giveUp(error);
          await this.clock.sleep(pause, end);
          if (claim === this.#claim && elsewhere.has(error.code)) await this.#move();
        }
      }
    } finally {
      this.#awaited.delete(sequence);
    }
  }

  /** Ends the session and deletes its keys. What fails is left to its time to live. */
  async close(): Promise<void> {
    const wasLost = this.lost.aborted;
    this.#lose(new SiteError('CLOSED', 'The session was closed here', true));
    if (!wasLost) await this.client.closeSession(this.session).catch(() => undefined);
  }

  /** Renews the session until it is lost. */
  async #keep(): Promise<void> {
    while (!this.lost.aborted) {
      const began = this.clock.nowMs();
      const isHeard = await this.#touch();
      if (isHeard) this.#heard.taken(began, this.clock.nowMs());
      await this.clock.sleep(isHeard ? this.ttlMs / touchesPerTtl : Math.min(this.ttlMs / 20, retryMs.most), this.lost);
    }
  }

  async #touch(): Promise<boolean> {
    const claim = this.#claim;
    const answered = new AbortController();
    const late = this.clock.sleep(this.ttlMs / touchesPerTtl, answered.signal).then(() => {
      throw new SiteError('TIMEOUT', 'No answer in time', true);
    });
    try {
      await Promise.race([this.client.touchSession(claim), late]);
      return true;
    } catch (thrown) {
      const error = asSiteError(thrown);
      if (error.code === 'SESSION_EXPIRED') this.#lose(error);
      else if (claim === this.#claim) await this.#move();
      return false;
    } finally {
      late.catch(() => undefined);
      answered.abort();
    }
  }

  /** Takes the session to the next box that answers; with one way only, takes it back there. */
  #move(): Promise<void> {
    this.#moving ??= this.#tryNext().finally(() => {
      this.#moving = undefined;
    });
    return this.#moving;
  }

  async #tryNext(): Promise<void> {
    const at = (this.#at + 1) % this.#clients.length;
    const began = this.clock.nowMs();
    try {
      const { session, ownerEpoch } = await (this.#clients[at] as SiteClient).takeSession(this.session);
      this.#claim = { session, ownerEpoch };
      this.#heard.decided(began);
    } catch (thrown) {
      const error = asSiteError(thrown);
      if (error.code === 'SESSION_EXPIRED') this.#lose(error);
    }
    this.#at = at;
  }

  /** Gives up in time, whatever the touches wait for. */
  async #watch(): Promise<void> {
    while (!this.lost.aborted) {
      const left = this.#heard.until - this.clock.nowMs();
      if (left <= 0) this.#lose(new SiteError('SESSION_SILENT', `Too little was heard of session ${this.session}`, true));
      else await this.clock.sleep(left, this.lost);
    }
  }

  #lose(reason: SiteError): void {
    if (!this.lost.aborted) this.#lost.abort(reason);
  }
}

const aborted = (): SiteError => new SiteError('ABORTED', 'The caller gave up', true);
