/** The guard against a slow disk, put together: what it measures, and whom it tells. */
import type { Clock } from '../consensus/driver/ports.ts';
import type { Agreement } from './agreement.ts';
import { DiskGuard } from './control/disk-guard.ts';
import type { Log } from './ports.ts';
import type { EventRing } from './status/event-ring.ts';

export interface WatchDiskComponents {
  readonly agreement: Agreement;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventRing;
}

/** @param boundMs writes to the log that take longer are slow, in milliseconds. */
export function watchDisk({ agreement, clock, log, events }: WatchDiskComponents, boundMs: number): DiskGuard {
  const { node } = agreement;
  return new DiskGuard(
    {
      clock,
      log,
      leads: () => agreement.leads(),
      sync: () => node.status().sync.view(clock.nowMs()),
      handOver: () => node.transferLeadership(),
      onChange: (slow) => events.add(slow === undefined ? 'storage.fast' : 'storage.slow', slow ?? {}),
    },
    { boundMs },
  );
}
