import type { Message } from './messages.ts';
import type { CoreEvent, Ready } from './ready.ts';
import type { NodeId } from './types.ts';

type Items<Key extends keyof Ready> = Ready[Key] extends readonly (infer Item)[] ? Item[] : never;

/** What gathers between two Readies. */
export class Outbox {
  messages: Message[] = [];
  messagesAfterSave: Message[] = [];
  snapshotsWanted: NodeId[] = [];
  reads: Items<'reads'> = [];
  accepted: Items<'accepted'> = [];
  refused: Items<'refused'> = [];
  revalidations: Items<'revalidations'> = [];
  verdicts: Items<'verdicts'> = [];
  touched: Items<'touched'> = [];
  events: CoreEvent[] = [];

  get empty(): boolean {
    return (
      this.messages.length === 0 &&
      this.messagesAfterSave.length === 0 &&
      this.snapshotsWanted.length === 0 &&
      this.reads.length === 0 &&
      this.accepted.length === 0 &&
      this.refused.length === 0 &&
      this.revalidations.length === 0 &&
      this.verdicts.length === 0 &&
      this.touched.length === 0 &&
      this.events.length === 0
    );
  }
}
