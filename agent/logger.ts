/** The process log: one JSON line per event, on standard error. */
import { type DestinationStream, destination, pino } from 'pino';
import type { Log } from './ports.ts';

/** @param name the box, on every line. */
export function makeLogger(
  name: string,
  level: 'debug' | 'info' | 'warn' | 'error',
  stream: DestinationStream = destination({ dest: 2, sync: true }),
): Log {
  const logger = pino(
    {
      level,
      base: { node: name },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'event',
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return {
    debug: (event, facts = {}) => logger.debug(facts, event),
    info: (event, facts = {}) => logger.info(facts, event),
    warn: (event, facts = {}) => logger.warn(facts, event),
    error: (event, facts = {}) => logger.error(facts, event),
  };
}
