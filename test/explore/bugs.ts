import type { Change } from './open-core.ts';

/** Deliberate bugs that the exploration has to find, each in the scope that is made for its kind, and what it breaks first. */
export const bugs: Readonly<Record<string, Change & { readonly scope: string; readonly rule: RegExp }>> = {
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
};
