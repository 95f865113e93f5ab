/** One request, one answer, over a stream of their own. */
import type { Connection, Stream } from '@libp2p/interface';
import type { NodeId } from '../../consensus/core/types.ts';
import { encodeFrames, FrameSplitter } from '../../consensus/driver/framing.ts';
import type { CallPort, KnownPeer, Log } from '../ports.ts';
import type { Connections } from './connections.ts';
import { errorWord, NetworkError } from './errors.ts';
import type { HoldfastLibp2p } from './libp2p-node.ts';
import type { PeerBook } from './peer-book.ts';

/** How long a caller may take to send its request. */
const requestTimeoutMs = 10_000;
const callsPerPeerMax = 32;
const errorBytesMax = 4096;
/** The first byte of an answer. A request starts with `fine` too, so that it may be empty. */
const fine = 0;
const failed = 1;

type Handler = (from: KnownPeer, request: Uint8Array) => Promise<Uint8Array>;
interface Service {
  readonly requestBytesMax: number;
  readonly handler: Handler;
}

export class Calls implements CallPort {
  readonly #book: PeerBook;
  readonly #connections: Connections;
  readonly #log: Log;
  readonly #services = new Map<string, Service>();
  #node: HoldfastLibp2p | undefined;

  constructor(components: { readonly book: PeerBook; readonly connections: Connections; readonly log: Log }) {
    this.#book = components.book;
    this.#connections = components.connections;
    this.#log = components.log;
  }

  async start(node: HoldfastLibp2p): Promise<void> {
    this.#node = node;
    for (const [protocol, service] of this.#services) await this.#register(node, protocol, service);
  }

  serve(protocol: string, limits: { readonly requestBytesMax: number }, handler: Handler): void {
    const service: Service = { requestBytesMax: limits.requestBytesMax, handler };
    this.#services.set(protocol, service);
    if (this.#node === undefined) return;
    this.#register(this.#node, protocol, service).catch((error: unknown) =>
      this.#log.error('call.serve.failed', { protocol, reason: errorWord(error) }),
    );
  }

  async call(
    to: NodeId,
    protocol: string,
    request: Uint8Array,
    options: { readonly timeoutMs: number; readonly responseBytesMax: number; readonly signal?: AbortSignal },
  ): Promise<Uint8Array> {
    const connection = this.#connections.of(to);
    if (connection === undefined) throw new NetworkError('UNREACHABLE', `Cannot call ${to}: not connected`);
    const timeout = AbortSignal.timeout(options.timeoutMs);
    const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
    let stream: Stream | undefined;
    try {
      const framed = frame(fine, request);
      stream = await connection.newStream(protocol, { signal, maxOutboundStreams: callsPerPeerMax });
      const answer = readOne(stream, Math.max(options.responseBytesMax, errorBytesMax), signal);
      // Should sending fail, nobody waits for it any more: its later failure must not end the process.
      answer.catch(() => undefined);
      stream.send(framed);
      return unpack(await answer, to, options.responseBytesMax);
    } catch (error) {
      throw callError(error, to, timeout, options);
    } finally {
      if (stream !== undefined) endStream(stream);
    }
  }

  async #register(node: HoldfastLibp2p, protocol: string, service: Service): Promise<void> {
    await node.handle(protocol, (stream, connection) => this.#answer(protocol, service, stream, connection), {
      maxInboundStreams: callsPerPeerMax,
      force: true,
    });
  }

  async #answer(protocol: string, service: Service, stream: Stream, connection: Connection): Promise<void> {
    const from = this.#book.withKey(connection.remotePeer.toString());
    if (from === undefined) {
      stream.abort(new Error('a stranger'));
      return;
    }
    try {
      stream.send(await this.#serveOne(protocol, service, from, stream));
    } catch (error) {
      this.#log.debug('call.unanswered', { protocol, from: from.name, reason: errorWord(error) });
      stream.abort(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    endStream(stream);
  }

  async #serveOne(protocol: string, service: Service, from: KnownPeer, stream: Stream): Promise<Uint8Array> {
    try {
      const request = await readOne(stream, service.requestBytesMax, AbortSignal.timeout(requestTimeoutMs));
      return frame(fine, await service.handler(from, request.subarray(1)));
    } catch (error) {
      const known = typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string';
      const code = known ? String(error.code) : 'INTERNAL';
      // What has no code was not meant for others' eyes.
      const message = known && error instanceof Error ? error.message : 'The call failed there; its log says why';
      this.#log[known ? 'debug' : 'error']('call.failed', {
        protocol,
        from: from.name,
        code,
        reason: error instanceof Error ? error.message : String(error),
      });
      return frame(failed, new TextEncoder().encode(JSON.stringify({ code: code.slice(0, 64), message: message.slice(0, 900) })));
    }
  }
}

function frame(first: number, body: Uint8Array): Uint8Array {
  const payload = new Uint8Array(body.length + 1);
  payload[0] = first;
  payload.set(body, 1);
  return encodeFrames([payload]);
}

/** The first frame of the stream. */
function readOne(stream: Stream, bytesMax: number, signal: AbortSignal): Promise<Uint8Array> {
  const splitter = new FrameSplitter(bytesMax + 1);
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      stream.removeEventListener('message', onMessage);
      stream.removeEventListener('remoteCloseWrite', onEnd);
      stream.removeEventListener('close', onEnd);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onMessage = ({ data }: { readonly data: { subarray(): Uint8Array } }): void => {
      try {
        const payload = splitter.push(data.subarray())[0];
        if (payload !== undefined) settle(() => resolve(payload));
      } catch {
        settle(() => reject(new NetworkError('TOO_LARGE', `More than the ${bytesMax} bytes allowed`)));
      }
    };
    const onEnd = (): void => settle(() => reject(new NetworkError('UNREACHABLE', 'The stream ended too early')));
    const onAbort = (): void => settle(() => reject(signal.reason));
    stream.addEventListener('message', onMessage);
    stream.addEventListener('remoteCloseWrite', onEnd);
    stream.addEventListener('close', onEnd);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
}

function unpack(payload: Uint8Array, to: NodeId, responseBytesMax: number): Uint8Array {
  const body = payload.subarray(1);
  if (payload[0] === fine) {
    if (body.length > responseBytesMax) throw new NetworkError('TOO_LARGE', `More than the ${responseBytesMax} bytes allowed`);
    return body;
  }
  const { code, message } = parseFailure(body);
  throw new NetworkError(code === 'TOO_LARGE' ? 'TOO_LARGE' : 'REFUSED', `${to} refused: ${message} (${code})`, { remoteCode: code });
}

function parseFailure(body: Uint8Array): { readonly code: string; readonly message: string } {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body.subarray(0, errorBytesMax)));
    if (typeof value === 'object' && value !== null && 'code' in value && 'message' in value) {
      return { code: String(value.code).slice(0, 64), message: String(value.message).slice(0, 1000) };
    }
  } catch {
    // Falls through: an answer nobody can read is still a refusal.
  }
  return { code: 'MALFORMED', message: 'an answer that cannot be read' };
}

function callError(
  error: unknown,
  to: NodeId,
  timeout: AbortSignal,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): NetworkError {
  if (options.signal?.aborted === true) return new NetworkError('ABORTED', `The call of ${to} was given up`, { cause: error });
  if (timeout.aborted) return new NetworkError('TIMEOUT', `${to} did not answer within ${options.timeoutMs} ms`, { cause: error });
  if (error instanceof NetworkError) {
    return error.message.startsWith(to) ? error : new NetworkError(error.code, `Cannot call ${to}: ${error.message}`, { cause: error });
  }
  if (error instanceof Error && error.name === 'CodecError')
    return new NetworkError('TOO_LARGE', `Cannot call ${to}: ${error.message}`, { cause: error });
  if (error instanceof Error && error.name === 'UnsupportedProtocolError') {
    return new NetworkError('REFUSED', `${to} does not serve this call: it may run an older release`, {
      cause: error,
      remoteCode: 'UNSUPPORTED',
    });
  }
  return new NetworkError('UNREACHABLE', `Cannot call ${to}: ${errorWord(error)}`, { cause: error });
}

function endStream(stream: Stream): void {
  void stream.close({ signal: AbortSignal.timeout(5000) }).catch((error: Error) => stream.abort(error));
}
