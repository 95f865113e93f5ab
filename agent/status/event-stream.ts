/**
 * Events as a server-sent stream. A reader is handed no more than it takes: what waits for it waits in the ring, once for all readers.
 * One that falls so far behind that the ring moves on without it is cut off, and can resume from the last id it saw.
 */
import { ApiError } from './agent-api.ts';
import type { AgentEvent, EventRing } from './event-ring.ts';
import type { Exchange } from './exchange.ts';

const heartbeatMs = 15_000;
/** Readers at a time: each is looked after at every event. */
export const streamsMax = 64;

const tooOld = `event: too-old\ndata: ${JSON.stringify({ message: 'Events before this are no longer kept: read the documents again' })}\n\n`;
const asText = ({ id, type, at, facts }: AgentEvent): string =>
  `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ id, type, at, facts })}\n\n`;

export class EventStreams {
  readonly #ring: EventRing;
  #open = 0;

  constructor(ring: EventRing) {
    this.#ring = ring;
  }

  /** Throws ApiError TOO_MANY_STREAMS or QUERY_INVALID. */
  serve(exchange: Exchange): void {
    const ring = this.#ring;
    const { request, response } = exchange.http();
    const after = resumedFrom(exchange);
    if (this.#open >= streamsMax)
      throw new ApiError(503, 'TOO_MANY_STREAMS', `${streamsMax} readers watch already: end one of them, or read the documents instead`);
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    response.write(': watching\n\n');
    // 0 asks for whatever is kept: nothing is missing then.
    const gap = after !== undefined && after !== 0 && ring.gapAfter(after);
    if (gap) response.write(tooOld);
    let sent = after === undefined ? ring.lastId : gap || after === 0 ? ring.oldestId - 1 : after;
    const hand = (): void => {
      if (response.destroyed) return;
      if (ring.gapAfter(sent)) {
        response.destroy();
        return;
      }
      for (let event = ring.next(sent); event !== undefined && !response.writableNeedDrain; event = ring.next(sent)) {
        sent = event.id;
        response.write(asText(event));
      }
    };
    const end = ring.subscribe(hand);
    response.on('drain', hand);
    const heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) response.write(': still here\n\n');
    }, heartbeatMs);
    heartbeat.unref();
    this.#open += 1;
    response.on('close', () => {
      this.#open -= 1;
      end();
      clearInterval(heartbeat);
    });
    hand();
  }
}

/** Id of the last event the reader saw. */
function resumedFrom(exchange: Exchange): number | undefined {
  const header = exchange.header('last-event-id');
  if (header === undefined) return exchange.count('after', Number.MAX_SAFE_INTEGER);
  const id = Number(header);
  if (!Number.isSafeInteger(id) || id < 0) throw new ApiError(400, 'QUERY_INVALID', 'Last-Event-ID must be an id this agent gave');
  return id;
}
