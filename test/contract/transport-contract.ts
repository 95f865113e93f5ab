/** What every transport must do, whatever carries it. */
import assert from 'node:assert/strict';
import type { Message } from '../../consensus/core/messages.ts';
import { logIndex, type NodeId, term, tick } from '../../consensus/core/types.ts';
import type { Transport } from '../../consensus/driver/ports.ts';

export interface TransportPair {
  readonly a: Transport;
  readonly b: Transport;
  readonly idA: NodeId;
  readonly idB: NodeId;
  /** Ends B as if its process had died. */
  endB(): Promise<void>;
  /** B again, after `endB`. */
  restartB(): Promise<Transport>;
  close(): Promise<void>;
}

const patienceMs = 10_000;

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > deadline) assert.fail(`waited ${patienceMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** @param makePair two transports that begin to connect once handlers are set */
export function transportContract(name: string, makePair: () => Promise<TransportPair>): void {
  describe(`transport contract: ${name}`, () => {
    let pair: TransportPair;
    let links: string[];
    const received: { a: Message[]; b: Message[] } = { a: [], b: [] };

    const ping = (seq: number): Message => ({
      type: 'PING',
      from: pair.idA,
      to: pair.idB,
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
    const request = (bytes: number): Message => ({
      type: 'REQUEST',
      from: pair.idB,
      to: pair.idA,
      term: term(1),
      requestId: bytes,
      kind: 'command',
      data: new Uint8Array(bytes).fill(7),
    });

    beforeEach(async () => {
      pair = await makePair();
      links = [];
      received.a = [];
      received.b = [];
      pair.a.onMessage((message) => received.a.push(message));
      pair.b.onMessage((message) => received.b.push(message));
      pair.a.onLink((peer, state) => links.push(`${peer} ${state}`));
      await until(() => links.includes(`${pair.idB} up`), 'the link to come up');
    });
    afterEach(() => pair.close());

    it('carries messages in order, however many are sent in one turn', async () => {
      pair.a.send(Array.from({ length: 500 }, (_, i) => ping(i + 1)));
      pair.a.send([ping(501)]);
      await until(() => received.b.length === 501, '501 messages');
      assert.deepEqual(
        received.b,
        Array.from({ length: 501 }, (_, i) => ping(i + 1)),
      );
    });

    it('carries messages both ways, large ones too', async () => {
      const large = request(512 * 1024);
      pair.b.send([large, request(1)]);
      pair.a.send([ping(1)]);
      await until(() => received.a.length === 2 && received.b.length === 1, 'three messages');
      assert.deepEqual(received.a, [large, request(1)]);
    });

    it('reports a peer whose process ended as lost, drops messages to it, and comes up again with it', async () => {
      await pair.endB();
      await until(() => links.includes(`${pair.idB} lost`), 'the loss');
      pair.a.send([ping(1)]);
      links.length = 0;
      const again = await pair.restartB();
      const later: Message[] = [];
      again.onMessage((message) => later.push(message));
      await until(() => links.includes(`${pair.idB} up`), 'the link to come up again');
      pair.a.send([ping(2)]);
      await until(() => later.some((message) => message.type === 'PING' && message.seq === 2), 'the message after it');
    });

    it('takes messages to a node it does not know without a word', async () => {
      pair.a.send([{ ...ping(1), to: 'nobody-here' }, ping(2)]);
      await until(() => received.b.length === 1, 'the other message');
      assert.deepEqual(received.b, [ping(2)]);
    });
  });
}
