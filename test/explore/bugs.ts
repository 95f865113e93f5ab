import type { Change } from './open-core.ts';
import type { Scope } from './scopes.ts';

interface Bug extends Change {
  /** The scope that is made for its kind. */
  readonly scope: string;
  /** Narrower bounds, where it is deep. */
  readonly bounds?: Partial<Scope>;
  /** What it breaks first. */
  readonly rule: RegExp;
}

/** Deliberate bugs that the exploration has to find. */
export const bugs: Readonly<Record<string, Bug>> = {
  'commits-old-term': {
    scope: 'leaders',
    rule: /^Leader completeness/,
    file: 'replication',
    before: ' || state.log.termAt(reached) !== state.term) return;',
    after: ') return;',
  },
  'vote-not-saved': {
    scope: 'elections',
    rule: /^Election safety/,
    file: 'voting',
    before: "state.out.messagesAfterSave.push({ type: 'VOTE_REPLY'",
    after: "state.out.messages.push({ type: 'VOTE_REPLY'",
  },
  'ack-before-disk': {
    scope: 'power',
    rule: /^Durable acknowledgement/,
    file: 'appending',
    before: 'else state.out.messagesAfterSave.push(ack(',
    after: 'else state.out.messages.push(ack(',
  },
  'any-log-wins': {
    scope: 'leaders',
    rule: /^Leader completeness/,
    file: 'voting',
    before: 'const logSuffices = (state: RaftState, message: PreVote | Vote): boolean =>\n  atLeast',
    after: 'const logSuffices = (state: RaftState, message: PreVote | Vote): boolean =>\n  true || atLeast',
  },
  'stale-append-truncates': {
    scope: 'replication',
    rule: /^Durable acknowledgement/,
    file: 'appending',
    before: '  if (first === undefined) return;',
    after: `  if (first === undefined) {
    const end = logIndex(message.prevIndex + message.entries.length + 1);
    if (end > log.lastIndex) return;
    log.truncateFrom(end);
    state.durability.truncated(end);
    return;
  }`,
  },
  'forgotten-tail-votes': {
    scope: 'damage',
    rule: /^Leader completeness/,
    file: 'voting',
    before: 'return state.uncertain === undefined || atLeast',
    after: 'return true || atLeast',
  },
  'read-proved-by-older-round': {
    scope: 'reads',
    bounds: { pingsMax: 1 },
    rule: /^Linearizability/,
    file: 'replication',
    before: 'reads.assign(rounds.seq, state.commitIndex)',
    after: 'reads.assign(rounds.seq - 1, state.commitIndex)',
  },
};
