import assert from 'node:assert/strict';
import type { Append, Message } from '../../../consensus/core/messages.ts';
import { logIndex, term } from '../../../consensus/core/types.ts';
import { Sender } from '../../../consensus/driver/sender.ts';

const append = (to: string, commit: number, canWait?: true): Append => ({
  type: 'APPEND',
  from: 'a',
  to,
  term: term(1),
  prevTerm: term(1),
  prevIndex: logIndex(commit),
  entries: [],
  commitIndex: logIndex(commit),
  ...(canWait === undefined ? {} : { canWait }),
});

describe('Sender', () => {
  let sent: Message[];
  let fire: (() => void) | undefined;
  let sender: Sender;
  beforeEach(() => {
    sent = [];
    fire = undefined;
    sender = new Sender(
      { send: (messages) => void sent.push(...messages), onMessage: () => undefined, onLink: () => undefined },
      {
        nowMs: () => 0,
        after: (_ms, callback) => {
          fire = callback;
          return () => {
            fire = undefined;
          };
        },
      },
    );
  });

  it('holds back what can wait, and sends the newest of each peer when the time is over', () => {
    sender.send([append('b', 1, true), append('c', 1, true)]);
    sender.send([append('b', 2, true)]);
    assert.deepEqual(sent, []);
    fire?.();
    assert.deepEqual(sent, [append('b', 2, true), append('c', 1, true)]);
  });

  it('leaves out what a later APPEND to the same peer says too, and nothing else', () => {
    sender.send([append('b', 1, true), append('c', 1, true)]);
    sender.send([append('b', 2)]);
    fire?.();
    assert.deepEqual(sent, [append('b', 2), append('c', 1, true)]);
  });

  it('sends nothing after it was stopped', () => {
    sender.send([append('b', 1, true)]);
    sender.stop();
    assert.equal(fire, undefined);
  });
});
