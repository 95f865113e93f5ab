/** A member's state with its log, without consensus: every command is applied at once, at the next log index. */
import assert from 'node:assert/strict';
import { type Command, type Envelope, encodeEnvelope, type Outcome, type Sender } from '../../../agent/state/commands.ts';
import type { SessionClaim } from '../../../agent/state/session-table.ts';
import { SiteState } from '../../../agent/state/site-state.ts';
import { type Entry, logIndex, term } from '../../../consensus/core/types.ts';

export class Replica {
  state = new SiteState(false);
  index = 0;

  do(command: Command, sender: Sender = {}): Outcome {
    return this.send({ ...sender, command });
  }

  send(envelope: Envelope): Outcome {
    this.index += 1;
    const entry: Entry = {
      index: logIndex(this.index),
      term: term(1),
      kind: 'command',
      origin: undefined,
      data: encodeEnvelope(envelope),
    };
    return this.state.apply(entry).result as Outcome;
  }

  open(owner = 'a'): SessionClaim {
    const { ok, revision } = this.do({ type: 'sessionOpen', ttlMs: 5000, owner });
    assert.ok(ok);
    return { session: revision, ownerEpoch: revision };
  }

  keys(prefix = ''): readonly string[] {
    return this.state.kvList(prefix).map(([key]) => key);
  }

  /** Keys with their values and revisions. */
  values(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.state.kvList('').map(([key, { value, revision }]) => [key, `${value} @${revision}`]));
  }

  /** As another member that got a snapshot. */
  copied(): Replica {
    const copy = new Replica();
    copy.state.load([...this.state.rows()]);
    copy.index = this.index;
    return copy;
  }
}

export const codeOf = (outcome: Outcome): string => (outcome.ok ? 'ok' : outcome.code);
