/** The leader's duty to end sessions nobody touched for their time to live: one log entry for all that are due together. */
import type { Touch } from '../../consensus/core/messages.ts';
import { type Term, type Tick, tick, tickMs } from '../../consensus/core/types.ts';
import type { Clock, RowChange } from '../../consensus/driver/ports.ts';
import { Expiry } from '../../consensus/session/expiry.ts';
import type { Log, SiteAccess } from '../ports.ts';
import { heardAt, type SessionRow } from '../state/session-table.ts';

export interface SessionDutyComponents {
  readonly site: SiteAccess;
  readonly clock: Clock;
  readonly log: Log;
}

/** Ends are rounded up to this, so that they come in batches. */
const bucketTicks = 20;
/** Sessions ended by one log entry. */
const batchMax = 1000;
const prefix = 'session/';

export class SessionDuty {
  readonly #parts: SessionDutyComponents;
  /** Of this term; undefined while another box leads. */
  #expiry: Expiry | undefined;
  #leadsSince: number | undefined;
  /** Proposed, and not known to be decided: sessions, and at which log index each was last heard of. */
  #ending: ReadonlyMap<number, number> = new Map();
  #busy = false;

  constructor(components: SessionDutyComponents) {
    this.#parts = components;
  }

  /** Sessions the leader heard of. */
  touched(touches: readonly Touch[]): void {
    for (const { session } of touches) this.#expiry?.touch(session, this.#now());
  }

  /** What changed in the state: sessions opened, moved and ended. */
  changed(changes: readonly RowChange[]): void {
    if (this.#expiry === undefined) return;
    for (const { key, value } of changes) {
      if (!key.startsWith(prefix)) continue;
      const session = Number(key.slice(prefix.length));
      const row = this.#parts.site.state.session(session);
      if (value === undefined || row === undefined) this.#expiry.forget(session);
      // Opened or taken to another member: either way its client was heard of just now.
      else this.#expiry.track(session, Math.ceil(row.ttlMs / tickMs), this.#now());
    }
  }

  /** To be called a few times a second. */
  check(): void {
    const { site } = this.#parts;
    const [since, inTerm] = [site.leadsSince(), site.leadsIn()];
    if (since === undefined || inTerm === undefined) {
      this.#expiry = undefined;
      this.#leadsSince = undefined;
      this.#ending = new Map();
      return;
    }
    if (since !== this.#leadsSince) this.#begin(since);
    this.#end(inTerm);
  }

  /** Who touched what under the last leader cannot be known: every session gets its whole time again. */
  #begin(since: number): void {
    const expiry = new Expiry({ bucketTicks });
    const now = this.#now();
    for (const { session, ttlMs } of this.#parts.site.state.sessions()) expiry.track(session, Math.ceil(ttlMs / tickMs), now);
    this.#expiry = expiry;
    this.#leadsSince = since;
    this.#ending = new Map();
  }

  /** By this leader or by nobody: the next one may hear of them. */
  #end(inTerm: Term): void {
    if (this.#busy) return;
    // What failed before comes first: those sessions are not tracked any more, and a touch does not save them.
    if (this.#ending.size === 0) this.#ending = this.#takeDue();
    if (this.#ending.size === 0) return;
    const ending = this.#ending;
    const sessions = [...ending.keys()];
    this.#busy = true;
    this.#parts.site
      .propose({ type: 'sessionsExpire', sessions, heard: [...ending.values()] }, { inTerm })
      .then(
        ({ revision }) => {
          if (this.#ending === ending) this.#ending = new Map();
          this.#parts.log.info('sessions.expired', { sessions: sessions.length, revision });
        },
        (error: unknown) => this.#parts.log.debug('sessions.expire.failed', { message: String(error) }),
      )
      .finally(() => {
        this.#busy = false;
      });
  }

  #takeDue(): ReadonlyMap<number, number> {
    const { state } = this.#parts.site;
    const due = this.#expiry?.takeDue(this.#now(), batchMax) ?? [];
    return new Map(due.map((session) => [session, heardIn(state.session(session))]));
  }

  #now(): Tick {
    return tick(Math.floor(this.#parts.clock.nowMs() / tickMs));
  }
}

const heardIn = (row: SessionRow | undefined): number => (row === undefined ? 0 : heardAt(row));
