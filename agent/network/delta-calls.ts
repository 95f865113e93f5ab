/**
 * Calls whose requests and answers resemble the ones before: what is sent is compressed (DEFLATE, RFC 1951) against the last of its kind
 * that both sides have, so that saying the same again costs some tens of bytes. For links that are paid by the byte.
 */
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { NodeId } from '../../consensus/core/types.ts';
import type { CallPort, KnownPeer } from '../ports.ts';

const version = 1;
/** Flags of a request: it is told against the sender's last request; its sender holds the last answer. */
const flags = { againstLast: 1, holdsAnswer: 2 } as const;
/** How an answer is told, or that the request could not be understood: say it in full. */
const answers = { inFull: 0, againstLast: 1, basisUnknown: 2 } as const;
const digestBytes = 8;
/** What DEFLATE looks back at. */
const memoryBytes = 32 * 1024;
/** Incompressible bytes grow a little. */
const room = (bytes: number): number => bytes + Math.ceil(bytes / 1000) + 64;

/** The end of a document, to tell the next one by. */
interface Remembered {
  readonly tail: Uint8Array;
  readonly digest: Uint8Array;
}

interface Exchange {
  request: Remembered;
  answer: Remembered | undefined;
}

function remember(bytes: Uint8Array): Remembered {
  const tail = Uint8Array.from(bytes.subarray(-memoryBytes));
  return { tail, digest: createHash('sha256').update(tail).digest().subarray(0, digestBytes) };
}

const same = (a: Uint8Array | undefined, b: Uint8Array): boolean => a !== undefined && Buffer.compare(a, b) === 0;
const pack = (bytes: Uint8Array, basis?: Remembered): Buffer =>
  deflateRawSync(bytes, { level: 9, ...(basis === undefined ? {} : { dictionary: basis.tail }) });

function unpack(bytes: Uint8Array, bytesMax: number, basis?: Remembered): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: bytesMax, ...(basis === undefined ? {} : { dictionary: basis.tail }) });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      code === 'ERR_BUFFER_TOO_LARGE' ? `TOO_LARGE: more than ${bytesMax} bytes` : `CALL_MALFORMED: ${code ?? 'it cannot be unpacked'}`,
    );
  }
}

/** A CallPort over another; both sides of a protocol have to use it. Remembers 64 KiB per peer and protocol and direction. */
export class DeltaCalls implements CallPort {
  readonly #inner: CallPort;
  readonly #asked = new Map<string, Exchange>();
  readonly #served = new Map<string, Exchange>();

  constructor(inner: CallPort) {
    this.#inner = inner;
  }

  serve(
    protocol: string,
    { requestBytesMax }: { readonly requestBytesMax: number },
    handler: (from: KnownPeer, request: Uint8Array) => Promise<Uint8Array>,
  ): void {
    this.#inner.serve(protocol, { requestBytesMax: room(requestBytesMax) }, async (from, packed) => {
      const key = `${from.name} ${protocol}`;
      const before = this.#served.get(key);
      const [read, flag = 0] = packed;
      if (read !== version) throw new Error('CALL_MALFORMED: an unknown version of this call: update the older agent');
      let at = 2;
      const digest = (): Uint8Array => {
        at += digestBytes;
        return packed.subarray(at - digestBytes, at);
      };
      const basis = (flag & flags.againstLast) === 0 ? undefined : digest();
      const held = (flag & flags.holdsAnswer) === 0 ? undefined : digest();
      if (basis !== undefined && !same(before?.request.digest, basis)) return Uint8Array.of(version, answers.basisUnknown);
      const request = unpack(packed.subarray(at), requestBytesMax, basis === undefined ? undefined : before?.request);
      const exchange: Exchange = { request: remember(request), answer: undefined };
      this.#served.set(key, exchange);
      const answer = await handler(from, request);
      exchange.answer = remember(answer);
      const against = held !== undefined && same(before?.answer?.digest, held) ? before?.answer : undefined;
      return Buffer.concat([Uint8Array.of(version, against === undefined ? answers.inFull : answers.againstLast), pack(answer, against)]);
    });
  }

  async call(to: NodeId, protocol: string, request: Uint8Array, options: Parameters<CallPort['call']>[3]): Promise<Uint8Array> {
    const key = `${to} ${protocol}`;
    const before = this.#asked.get(key);
    const ask = (basis: Remembered | undefined): Promise<Uint8Array> => {
      const flag = (basis === undefined ? 0 : flags.againstLast) | (before?.answer === undefined ? 0 : flags.holdsAnswer);
      const head = [Uint8Array.of(version, flag), basis?.digest ?? new Uint8Array(0), before?.answer?.digest ?? new Uint8Array(0)];
      const responseBytesMax = room(options.responseBytesMax);
      return this.#inner.call(to, protocol, Buffer.concat([...head, pack(request, basis)]), { ...options, responseBytesMax });
    };
    let packed = await ask(before?.request);
    // It was restarted, or an answer was lost on the way here.
    if (packed[1] === answers.basisUnknown) packed = await ask(undefined);
    const [read, how] = packed;
    if (read !== version || (how !== answers.inFull && how !== answers.againstLast)) throw new Error('CALL_MALFORMED: not an answer');
    const answer = unpack(packed.subarray(2), options.responseBytesMax, how === answers.againstLast ? before?.answer : undefined);
    this.#asked.set(key, { request: remember(request), answer: remember(answer) });
    return answer;
  }
}
