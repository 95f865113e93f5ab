/** Events as a server-sent stream. A reader that does not keep up is cut off: it can resume from the last id it saw. */
import type { AgentEvent, EventRing } from './event-ring.ts';
import type { Exchange } from './exchange.ts';

/** Bytes that may wait for one reader. */
const waitingBytesMax = 256 * 1024;
const heartbeatMs = 15_000;

export function streamEvents(ring: EventRing, exchange: Exchange): void {
  const { response } = exchange;
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const write = ({ id, type, at, facts }: AgentEvent): void => {
    if (response.writableLength > waitingBytesMax) {
      response.destroy();
      return;
    }
    response.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ id, type, at, facts })}\n\n`);
  };
  const given = exchange.header('last-event-id') ?? exchange.query('after');
  if (given !== undefined) {
    const { gap, events } = ring.since(Number(given) || 0);
    if (gap)
      response.write(
        `event: too-old\ndata: ${JSON.stringify({ message: 'Events before this are no longer kept: read the documents again' })}\n\n`,
      );
    for (const event of events) write(event);
  } else response.write(': watching\n\n');
  const end = ring.subscribe(write);
  const heartbeat = setInterval(() => response.write(': still here\n\n'), heartbeatMs);
  heartbeat.unref();
  response.on('close', () => {
    end();
    clearInterval(heartbeat);
  });
}
