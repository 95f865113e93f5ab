/** What `agent/control/session-duty.ts` does on a box, without promises: the leader ends sessions nobody touched for their time to live. */
import { encodeEnvelope } from '../../agent/state/commands.ts';
import { heardAt } from '../../agent/state/session-table.ts';
import type { Touch } from '../../consensus/core/messages.ts';
import { tick, tickMs } from '../../consensus/core/types.ts';
import type { RowChange } from '../../consensus/driver/ports.ts';
import { Expiry } from '../../consensus/session/expiry.ts';
import type { SimNode } from './sim-node.ts';

const bucketTicks = 20;
const batchMax = 1000;
const prefix = 'session/';
/** Above the numbers of clients' requests and of changes of membership. */
const firstRequest = 2 ** 42;
/** After this many ticks without an outcome the end is proposed again. */
const patience = 200;

interface Ending {
  readonly sessions: readonly number[];
  /** Where in the log each was last heard of. */
  readonly heard: readonly number[];
  readonly request: number;
  readonly since: number;
}

export class SessionKeeper {
  readonly #node: SimNode;
  #expiry: Expiry | undefined;
  #term: number | undefined;
  #ending: Ending | undefined;

  constructor(node: SimNode) {
    this.#node = node;
  }

  touched(touches: readonly Touch[]): void {
    for (const { session } of touches) this.#expiry?.touch(session, tick(this.#node.localNow));
  }

  changed(changes: readonly RowChange[]): void {
    if (this.#expiry === undefined) return;
    for (const { key, value } of changes) {
      if (!key.startsWith(prefix)) continue;
      const session = Number(key.slice(prefix.length));
      const row = this.#node.replica.state.session(session);
      if (value === undefined || row === undefined) this.#expiry.forget(session);
      else this.#expiry.track(session, Math.ceil(row.ttlMs / tickMs), tick(this.#node.localNow));
    }
  }

  replaced(): void {
    this.#expiry = undefined;
    this.#term = undefined;
  }

  /** Its entry was applied, whatever it did: who was heard of meanwhile is tracked again. */
  applied(requestId: number): void {
    if (this.#ending?.request === requestId) this.#ending = undefined;
  }

  refused(requestId: number): void {
    if (this.#ending?.request === requestId) this.#ending = { ...this.#ending, since: Number.NEGATIVE_INFINITY };
  }

  check(): void {
    const { raft } = this.#node;
    if (raft?.leaderSince === undefined) {
      this.replaced();
      this.#ending = undefined;
      return;
    }
    if (this.#term !== raft.term) this.#begin(raft.term);
    this.#end();
  }

  #begin(term: number): void {
    const now = tick(this.#node.localNow);
    this.#expiry = new Expiry({ bucketTicks });
    for (const { session, ttlMs } of this.#node.replica.state.sessions()) this.#expiry.track(session, Math.ceil(ttlMs / tickMs), now);
    this.#term = term;
    this.#ending = undefined;
  }

  #end(): void {
    const now = this.#node.localNow;
    if (this.#ending !== undefined && now - this.#ending.since < patience) return;
    const sessions = this.#ending?.sessions ?? this.#expiry?.takeDue(tick(now), batchMax) ?? [];
    if (sessions.length === 0) return;
    const heard = this.#ending?.heard ?? sessions.map((session) => this.#heardAt(session));
    const request = firstRequest + this.#node.nextRequest();
    this.#ending = { sessions, heard, request, since: now };
    this.#node.do((raft) => raft.propose(request, encodeEnvelope({ command: { type: 'sessionsExpire', sessions, heard } })));
  }

  #heardAt(session: number): number {
    const row = this.#node.replica.state.session(session);
    return row === undefined ? 0 : heardAt(row);
  }
}
