import type { Message, RefusalCode, Reply, Request, Revalidate, RevalidateItem, RevalidateReply } from './messages.ts';
import { rouse } from './pace.ts';
import type { PendingRead } from './reads.ts';
import { reconfigure } from './reconfigure.ts';
import type { RaftState } from './state.ts';
import { type EntryId, limits, logIndex, type NodeId, type Term } from './types.ts';

/** How many commands of one member are remembered, to answer a repeated REQUEST like the first one. */
const rememberedMax = 4096;

/** What was answered to the last commands of one member: the entry they became, or why they were refused. */
export class RecentRequests {
  #answers = new Map<number, EntryId | RefusalCode>();

  get(requestId: number): EntryId | RefusalCode | undefined {
    return this.#answers.get(requestId);
  }

  add(requestId: number, answer: EntryId | RefusalCode): void {
    this.#answers.set(requestId, answer);
    if (this.#answers.size <= rememberedMax) return;
    for (const oldest of this.#answers.keys()) {
      this.#answers.delete(oldest);
      break;
    }
  }
}

function recentOf(state: RaftState, member: NodeId): RecentRequests {
  let recent = state.recent.get(member);
  if (recent === undefined) {
    recent = new RecentRequests();
    state.recent.set(member, recent);
  }
  return recent;
}

function reply(state: RaftState, to: NodeId, requestId: number, outcome: Reply['outcome']): void {
  if (to !== state.id) {
    state.out.messages.push({ type: 'REPLY', from: state.id, to, term: state.term, requestId, outcome });
  } else if (outcome.kind === 'accepted') {
    state.out.accepted.push({ requestId, index: outcome.index, term: outcome.entryTerm });
  } else if (outcome.kind === 'read') {
    state.out.reads.push({ requestId, index: outcome.index });
  } else {
    state.out.refused.push({ requestId, code: outcome.code, leader: outcome.leader });
  }
}

/** Says a definite no: nothing was appended, nothing will be. */
export function refuse(state: RaftState, to: NodeId, requestId: number, code: RefusalCode): void {
  reply(state, to, requestId, { kind: 'refused', code, leader: state.leader });
}

/** What an entry counts for towards the limit of uncommitted bytes: its payload and what keeping it costs. */
export const entryCost = (data: Uint8Array): number => data.length + 64;

function refusalOfCommand({ leadership }: RaftState, data: Uint8Array): RefusalCode | undefined {
  if (leadership === undefined) return 'NOT_LEADER';
  if (data.length > limits.entryBytesMax) return 'TOO_LARGE';
  if (leadership.transfer !== undefined) return 'STEPPING_DOWN';
  return leadership.uncommittedBytes + entryCost(data) > limits.uncommittedBytesMax ? 'BUSY' : undefined;
}

/** Appends a command as leader, or refuses it. */
export function takeCommand(state: RaftState, from: NodeId, requestId: number, data: Uint8Array): void {
  answerCommand(state, from, requestId, take(state, 'command', from, requestId, data));
}

/** Begins a change of membership as leader, or refuses it. */
export function takeChange(state: RaftState, from: NodeId, requestId: number, data: Uint8Array): void {
  answerCommand(state, from, requestId, take(state, 'change', from, requestId, data));
}

function take(state: RaftState, kind: Request['kind'], from: NodeId, requestId: number, data: Uint8Array): EntryId | RefusalCode {
  const refusal = refusalOfCommand(state, data);
  if (refusal !== undefined) return refusal;
  return kind === 'change' ? reconfigure(state, { node: from, requestId }, data) : append(state, from, requestId, data);
}

function answerCommand(state: RaftState, from: NodeId, requestId: number, answer: EntryId | RefusalCode): void {
  if (typeof answer === 'string') refuse(state, from, requestId, answer);
  else reply(state, from, requestId, { kind: 'accepted', index: answer.index, entryTerm: answer.term });
}

function append({ leadership, log, term }: RaftState, from: NodeId, requestId: number, data: Uint8Array): EntryId {
  const id = { term, index: logIndex(log.lastIndex + 1) };
  log.append([{ ...id, kind: 'command', origin: { node: from, requestId }, data }]);
  if (leadership !== undefined) {
    leadership.uncommittedBytes += entryCost(data);
    leadership.replicationDue = true;
  }
  return id;
}

/** Whether an earlier run of this member may have led in that term: what it took then, nobody remembers here. */
function mayHaveLed({ id, startedWith }: RaftState, term: Term): boolean {
  return term < startedWith.term || (term === startedWith.term && startedWith.votedFor === id);
}

/**
 * A command from another member. It is taken only in the term it was sent in, and what is repeated gets the first answer:
 * so once it is refused, or that term is over, it never happens. Who cannot know the first answer gives none: the next term tells.
 */
function takeForwarded(state: RaftState, { kind, from, requestId, term, data }: Request): void {
  if (mayHaveLed(state, term)) return;
  const recent = recentOf(state, from);
  let answer = recent.get(requestId);
  if (answer === undefined) {
    answer = term < state.term ? 'NOT_LEADER' : take(state, kind, from, requestId, data);
    recent.add(requestId, answer);
  }
  answerCommand(state, from, requestId, answer);
}

/** Queues a read or revalidation as leader. */
export function takeRead(state: RaftState, read: PendingRead): void {
  const { leadership } = state;
  if (leadership === undefined) refuse(state, read.from, read.requestId, 'NOT_LEADER');
  else if (leadership.reads.full) refuse(state, read.from, read.requestId, 'BUSY');
  else leadership.reads.add(read);
}

/** Answers reads whose round a majority answered. */
export function answerReads(state: RaftState): void {
  const leadership = state.leadership;
  if (leadership === undefined) return;
  for (const batch of leadership.reads.release(leadership.rounds.answered)) {
    for (const { from, requestId, items } of batch.reads) {
      if (items === undefined) reply(state, from, requestId, { kind: 'read', index: batch.index });
      else state.out.revalidations.push({ from, requestId, index: batch.index, items });
    }
  }
}

/** Who asks listens: it is soon known when the leader does not answer. */
function askLeader(state: RaftState, message: Message): void {
  rouse(state);
  state.out.messages.push(message);
}

/** Sends a request taken in here to the leader, or refuses it when none is known. */
export function forward(state: RaftState, requestId: number, kind: Request['kind'], data: Uint8Array): void {
  const { id, leader, term } = state;
  if (data.length > limits.entryBytesMax) refuse(state, id, requestId, 'TOO_LARGE');
  else if (leader === undefined) refuse(state, id, requestId, 'NOT_LEADER');
  else askLeader(state, { type: 'REQUEST', from: id, to: leader, term, requestId, kind, data });
}

/** Like `forward`, for a revalidation. */
export function forwardRevalidate(state: RaftState, requestId: number, items: readonly RevalidateItem[]): void {
  const { id, leader, term } = state;
  if (leader === undefined) refuse(state, id, requestId, 'NOT_LEADER');
  else askLeader(state, { type: 'REVALIDATE', from: id, to: leader, term, requestId, items });
}

/** REQUEST, in every role: who does not lead refuses. */
export function onRequest(state: RaftState, message: Request): void {
  if (message.kind !== 'read') takeForwarded(state, message);
  else takeRead(state, { from: message.from, requestId: message.requestId, items: undefined });
}

/** REVALIDATE, in every role. */
export function onRevalidate(state: RaftState, message: Revalidate): void {
  if (message.items.length > limits.revalidateItemsMax) {
    refuse(state, message.from, message.requestId, 'TOO_LARGE');
    return;
  }
  takeRead(state, { from: message.from, requestId: message.requestId, items: message.items });
}

/** REPLY, in every role and from every term: what it says stays true. */
export function onReply(state: RaftState, message: Reply): void {
  reply(state, state.id, message.requestId, message.outcome);
}

/** REVALIDATE_REPLY, in every role and from every term: the leader proved its leadership after it was asked. */
export function onRevalidateReply(state: RaftState, message: RevalidateReply): void {
  state.out.verdicts.push({ requestId: message.requestId, items: message.items });
}
