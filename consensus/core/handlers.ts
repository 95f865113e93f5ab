import type { Message, MessageType } from './messages.ts';
import type { RaftState } from './state.ts';
import type { Tick } from './types.ts';

export type MessageOf<Type extends MessageType> = Extract<Message, { readonly type: Type }>;

/** One handler for each message: leaving one out does not compile. Messages come with the state's own term, or where `receive.ts` lets others through. */
export type Handlers = { readonly [Type in MessageType]: (state: RaftState, message: MessageOf<Type>) => void };

/** What a role does when time passes. */
export type TickHandler = (state: RaftState, now: Tick) => void;

/** For messages that come too late, or to a role they do not concern. */
export const ignore = (): void => {};
