/** What happens in the agreement, told to the log and to whoever follows the events. */
import type { NodeEvent } from '../consensus/driver/driver-event.ts';
import type { RowChange } from '../consensus/driver/ports.ts';
import type { Log } from './ports.ts';
import type { EventRing } from './status/event-ring.ts';

const notable: ReadonlySet<NodeEvent['type']> = new Set([
  ...(['role', 'leader', 'term-started', 'storage-recovered', 'snapshot-sent', 'snapshot-received'] as const),
]);

/** What the consensus node reports, for the log and the events. */
export function tellEvent(event: NodeEvent, log: Log, events: EventRing, onFatal: (error: Error) => void): void {
  if (event.type === 'fatal') {
    log.error('consensus.fatal', { message: event.error.stack ?? event.error.message });
    onFatal(event.error);
    return;
  }
  const { type, ...rest } = event;
  const level = type.endsWith('failed') ? 'warn' : notable.has(type) ? 'info' : 'debug';
  log[level](`consensus.${type}`, rest);
  events.add(`consensus.${type}`, rest);
}

const toldPrefixes = ['workload/', 'placement/', 'authority/', 'plan/', 'kv/', 'member/', 'maintenance/'] as const;

/** What changed in the state, for the events. */
export function tellChanges(events: EventRing, revision: number, changes: readonly RowChange[]): void {
  for (const { key, value } of changes) {
    const prefix = toldPrefixes.find((one) => key.startsWith(one));
    if (prefix !== undefined)
      events.add(`${prefix.slice(0, -1)}.${value === undefined ? 'deleted' : 'changed'}`, { key: key.slice(prefix.length), revision });
  }
}
