/** Changes of values as a server-sent stream: `put` and `delete`, and an id, the revision, once a watcher knows all of that revision. */
import { ApiError } from './agent-api.ts';
import { streamsMax } from './event-stream.ts';
import type { Exchange } from './exchange.ts';
import type { KvChange, WatchLog } from './watch-log.ts';

const heartbeatMs = 15_000;
const decoder = new TextDecoder();

function asText({ revision, key, row }: KvChange): string {
  if (row === undefined) return `event: delete\ndata: ${JSON.stringify({ type: 'delete', key, revision })}\n\n`;
  const value = JSON.parse(decoder.decode(row)) as object;
  return `event: put\ndata: ${JSON.stringify({ type: 'put', key, ...value })}\n\n`;
}

export class KvWatches {
  readonly #log: WatchLog;
  #open = 0;

  constructor(log: WatchLog) {
    this.#log = log;
  }

  /** `?prefix=` and `?after=REVISION`. Throws ApiError TOO_MANY_STREAMS, QUERY_INVALID or WATCH_TOO_OLD. */
  serve(exchange: Exchange): void {
    const log = this.#log;
    const { response } = exchange.http();
    const prefix = exchange.query('prefix') ?? '';
    const resumed = Number(exchange.header('last-event-id') ?? Number.NaN);
    const after = Number.isSafeInteger(resumed) && resumed >= 0 ? resumed : exchange.count('after', Number.MAX_SAFE_INTEGER);
    if (this.#open >= streamsMax)
      throw new ApiError(503, 'TOO_MANY_STREAMS', `${streamsMax} readers watch already: end one of them, or read the values instead`);
    let sent = after === undefined ? log.lastId : log.idAfter(after);
    if (sent === undefined)
      throw new ApiError(
        410,
        'WATCH_TOO_OLD',
        `Changes after revision ${after} are no longer kept: read the values again, then watch from there`,
      );
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(`: watching from revision ${after ?? log.revision}\n\n`);
    let matched = false;
    const hand = (): void => {
      if (response.destroyed || sent === undefined) return;
      // Too slow, or the state was replaced: the reader begins again from what it knows, and is told then.
      if (log.gapAfter(sent)) {
        response.destroy();
        return;
      }
      for (let change = log.next(sent); change !== undefined && !response.writableNeedDrain; change = log.next(sent)) {
        sent = change.id;
        if (change.key.startsWith(prefix)) {
          matched = true;
          response.write(asText(change));
        }
        if (change.last && matched) {
          matched = false;
          response.write(`id: ${change.revision}\n\n`);
        }
      }
    };
    const end = log.subscribe(hand);
    response.on('drain', hand);
    const heartbeat = setInterval(() => {
      // Also how a watcher of something that never changes stays near the newest revision.
      if (!response.writableNeedDrain && sent === log.lastId) response.write(`id: ${log.revision}\n: still here\n\n`);
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
