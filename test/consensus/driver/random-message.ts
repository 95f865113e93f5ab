/** Random, valid messages of every type, from a seed. */

import { encodeMembership } from '../../../consensus/core/membership-bytes.ts';
import type { Message, MessageType } from '../../../consensus/core/messages.ts';
import { type Entry, logIndex, type Membership, term, tick } from '../../../consensus/core/types.ts';

/** A small seeded generator (xorshift32). */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  }

  nextInt(below: number): number {
    this.#state ^= this.#state << 13;
    this.#state >>>= 0;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    this.#state >>>= 0;
    return this.#state % below;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.nextInt(256));
  }
}

/** What random messages are made of. */
export interface ByteSource {
  nextInt(below: number): number;
  bytes(length: number): Uint8Array;
}

export function randomMessage(random: ByteSource, type: MessageType): Message {
  const number = () =>
    [0, 1, 127, 128, random.nextInt(1e6), 2 ** 32 + random.nextInt(99), Number.MAX_SAFE_INTEGER][random.nextInt(7)] as number;
  const some = <T>(make: () => T): T[] => Array.from({ length: random.nextInt(4) }, make);
  const maybe = <T>(make: () => T): T | undefined => (random.nextInt(2) === 0 ? make() : undefined);
  const node = () => ['n1', 'n2', 'a-rather-long-name-of-a-box-17'][random.nextInt(3)] as string;
  const pick = <T>(words: readonly T[]): T => words[random.nextInt(words.length)] as T;
  const address = { from: node(), to: node(), term: term(number()) };
  const flag = () => pick([true, false]);
  const reason = () => pick(['timeout', 'link-lost', 'transfer'] as const);
  const item = () => ({ workload: pick(['analyser', 'größe', '']), replica: number(), epoch: number() });

  const membership = (): Membership => {
    const ids = ['n1', 'n2', 'n3', 'n4.2', 'a-rather-long-name-of-a-box-17'];
    const role = new Map(ids.map((id) => [id, random.nextInt(4)]));
    const are = (wanted: number) => ids.filter((id) => role.get(id) === wanted);
    return { voters: are(0), votersBefore: are(1), learners: are(2), witnesses: are(random.nextInt(3)) };
  };

  switch (type) {
    case 'PREVOTE':
      return { type, ...address, poll: number(), lastTerm: term(number()), lastIndex: logIndex(number()), reason: reason() };
    case 'PREVOTE_REPLY':
      return { type, ...address, poll: number(), granted: flag(), conditional: flag() };
    case 'VOTE':
      return { type, ...address, lastTerm: term(number()), lastIndex: logIndex(number()), reason: reason(), complete: flag() };
    case 'VOTE_REPLY':
      return { type, ...address, granted: flag() };
    case 'PING':
      return {
        type,
        ...address,
        commitIndex: logIndex(number()),
        seq: number(),
        sentAt: tick(number()),
        ackSeqSeen: number(),
        ackSeqMajority: number(),
        electionTicks: number(),
        restTicks: number(),
        lastIndex: logIndex(number()),
      };
    case 'APPEND': {
      const prevIndex = logIndex(random.nextInt(1e6));
      const entries = Array.from({ length: random.nextInt(5) }, (_, i): Entry => {
        const kind = pick(['noop', 'command', 'configuration'] as const);
        const data = kind === 'configuration' ? encodeMembership(membership()) : random.bytes(random.nextInt(40));
        const origin = maybe(() => ({ node: node(), requestId: number() }));
        return { term: term(number()), index: logIndex(prevIndex + 1 + i), kind, origin, data };
      });
      return { type, ...address, prevTerm: term(number()), prevIndex, entries, commitIndex: logIndex(number()) };
    }
    case 'ACK':
      return {
        type,
        ...address,
        seq: number(),
        sentAt: tick(number()),
        ackSeq: number(),
        durableIndex: logIndex(number()),
        reject: maybe(() => ({ prevIndex: logIndex(number()), hintTerm: term(number()), hintIndex: logIndex(number()) })),
        touches: some(() => ({ session: number(), ttlTicks: number() })),
        restTicks: number(),
      };
    case 'REQUEST':
      return { type, ...address, requestId: number(), kind: pick(['command', 'read', 'change']), data: random.bytes(random.nextInt(40)) };
    case 'REPLY':
      return {
        type,
        ...address,
        requestId: number(),
        outcome: pick([
          { kind: 'accepted', index: logIndex(number()), entryTerm: term(number()) } as const,
          { kind: 'read', index: logIndex(number()) } as const,
          {
            kind: 'refused',
            code: pick([
              'NOT_LEADER',
              'BUSY',
              'TOO_LARGE',
              'STEPPING_DOWN',
              'CHANGE_UNDER_WAY',
              'NOT_CAUGHT_UP',
              'BAD_CHANGE',
              'NO_CHANGE',
            ] as const),
            leader: maybe(node),
          } as const,
        ]),
      };
    case 'REVALIDATE':
      return { type, ...address, requestId: number(), items: some(item) };
    case 'REVALIDATE_REPLY':
      return {
        type,
        ...address,
        requestId: number(),
        items: some(() => ({ ...item(), verdict: pick(['valid', 'moved', 'invalid'] as const) })),
      };
    case 'SNAPSHOT': {
      const data = random.bytes(random.nextInt(60));
      const offset = random.nextInt(1e6);
      const meta = { index: logIndex(number()), term: term(number()), membership: membership() };
      return {
        type,
        ...address,
        meta,
        offset,
        totalBytes: offset + data.length + random.nextInt(9),
        checksum: random.nextInt(2 ** 32),
        data,
      };
    }
    case 'SNAPSHOT_ACK':
      return { type, ...address, index: logIndex(number()), nextOffset: number(), installed: pick([true, false]) };
    case 'TIMEOUT_NOW':
      return { type, ...address };
  }
}
