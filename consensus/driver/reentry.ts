/**
 * The way back of a member that forgot everything. Members that missed its leaving still count it: until it has what was committed when it
 * was let in again, it takes no part in elections, and follows nobody of a former term. Otherwise it and a few of those would be a
 * majority of a membership that is long gone.
 */
import type { Message } from '../core/messages.ts';
import type { LogIndex, Term } from '../core/types.ts';

/** Where the site stood when it let the member in again: the term of its leader, and up to where was committed. */
export interface ReentryPoint {
  readonly term: Term;
  readonly index: LogIndex;
}

const elections: ReadonlySet<Message['type']> = new Set(['PREVOTE', 'PREVOTE_REPLY', 'VOTE', 'VOTE_REPLY', 'TIMEOUT_NOW']);

/** Whether a message to or from it may pass while it has not reached that point. */
export function mayPass({ term }: ReentryPoint, message: Message): boolean {
  return message.term >= term && !elections.has(message.type);
}
