import type { Ack, Append, CampaignReason, Message, Ping, PreVote, Vote, VoteReply } from '../../consensus/core/messages.ts';
import { type EntryId, logIndex, type NodeId, term, tick } from '../../consensus/core/types.ts';
import { entriesOf } from '../consensus/core/entries.ts';
import type { LoneRaft } from '../consensus/core/lone-raft.ts';

/** Term and index of an entry. */
export const id = (inTerm: number, index: number): EntryId => ({ term: term(inTerm), index: logIndex(index) });
const nothing = id(0, 0);

interface Campaigning {
  readonly last?: EntryId;
  readonly reason?: CampaignReason;
  readonly complete?: boolean;
}

/** The paper's RequestVote, addressed to n1. */
export const requestVote = (from: NodeId, inTerm: number, campaign: Campaigning = {}): Vote => ({
  type: 'VOTE',
  from,
  to: 'n1',
  term: term(inTerm),
  lastTerm: (campaign.last ?? nothing).term,
  lastIndex: (campaign.last ?? nothing).index,
  reason: campaign.reason ?? 'timeout',
  complete: campaign.complete ?? false,
});

/** The thesis' PreVote (section 9.6), addressed to n1. */
export const preVote = (from: NodeId, inTerm: number, campaign: Campaigning = {}): PreVote => ({
  type: 'PREVOTE',
  from,
  to: 'n1',
  term: term(inTerm),
  poll: 1,
  lastTerm: (campaign.last ?? nothing).term,
  lastIndex: (campaign.last ?? nothing).index,
  reason: campaign.reason ?? 'timeout',
});

/** The paper's AppendEntries with entries of these terms after `prev`, addressed to n1. */
export const appendEntries = (from: NodeId, inTerm: number, prev: EntryId, terms: readonly number[], commit = 0): Append => ({
  type: 'APPEND',
  from,
  to: 'n1',
  term: term(inTerm),
  prevTerm: prev.term,
  prevIndex: prev.index,
  entries: entriesOf(terms, prev.index + 1),
  commitIndex: logIndex(commit),
});

/** The paper's empty AppendEntries is a message of its own here, addressed to n1. */
export const heartbeat = (from: NodeId, inTerm: number, commit = 0): Ping => ({
  type: 'PING',
  from,
  to: 'n1',
  term: term(inTerm),
  commitIndex: logIndex(commit),
  seq: 1,
  sentAt: tick(0),
  ackSeqSeen: 0,
  ackSeqMajority: 0,
  electionTicks: 0,
  restTicks: 0,
  lastIndex: logIndex(0),
});

export const voteReply = (from: NodeId, inTerm: number, granted = true): VoteReply => ({
  type: 'VOTE_REPLY',
  from,
  to: 'n1',
  term: term(inTerm),
  granted,
});

/** An answer to an AppendEntries: up to where, or where it did not fit. */
export const appendReply = (from: NodeId, inTerm: number, durable: number, reject?: Ack['reject']): Ack => ({
  type: 'ACK',
  from,
  to: 'n1',
  term: term(inTerm),
  seq: 0,
  sentAt: tick(0),
  ackSeq: 0,
  durableIndex: logIndex(durable),
  reject,
  touches: [],
  restTicks: 0,
});

/** What n1 sends now and, its disk being quick, right after its save. */
export function sent(lone: LoneRaft): readonly Message[] {
  const { messages, save } = lone.saved();
  return [...messages, ...(save?.messagesAfterSave ?? [])];
}

/** Steps one message and gives what n1 sends upon it. */
export function answerTo(lone: LoneRaft, message: Message): readonly Message[] {
  lone.raft.step(message);
  return sent(lone);
}

/** The only answer of this type, if there is one. */
export function one<Type extends Message['type']>(messages: readonly Message[], type: Type): Extract<Message, { type: Type }> | undefined {
  const found = messages.filter((message): message is Extract<Message, { type: Type }> => message.type === type);
  if (found.length > 1) throw new Error(`More than one ${type}`);
  return found[0];
}

export function all<Type extends Message['type']>(messages: readonly Message[], type: Type): readonly Extract<Message, { type: Type }>[] {
  return messages.filter((message): message is Extract<Message, { type: Type }> => message.type === type);
}
