import type { Message } from '../../../consensus/core/messages.ts';
import { logIndex, term, tick } from '../../../consensus/core/types.ts';

/** Any message will do: this one is small and numbered. */
export const ping = (from: string, to: string, seq: number): Message => ({
  type: 'PING',
  from,
  to,
  term: term(1),
  commitIndex: logIndex(0),
  seq,
  sentAt: tick(seq),
  ackSeqSeen: 0,
  ackSeqMajority: 0,
  electionTicks: 0,
  restTicks: 0,
  lastIndex: logIndex(0),
});
