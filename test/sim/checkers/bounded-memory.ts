import { stateLimits } from '../../../agent/state/commands.ts';
import type { RaftView } from '../../../consensus/core/raft.ts';
import { limits } from '../../../consensus/core/types.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

/** Entries a member of these small sites may hold in memory before something leaks. */
const logEntriesMax = 2000;

/** Nothing grows without a bound, however long the faults last. */
export class BoundedMemory implements Observer {
  #calls = 0;

  settled(node: SimNode, view: RaftView | undefined): void {
    this.#calls += 1;
    if (this.#calls % 64 !== 0) return;
    if (view === undefined) return;
    const { replica, options } = node;
    const cuts = options.compactEntries > 0 && options.witness !== true;
    const counts = {
      'log entries': [cuts ? view.lastIndex - node.disk.base.index : 0, logEntriesMax],
      sessions: [replica.state.sessions().length, stateLimits.sessionsMax],
      'uncommitted entries': [
        view.role === 'leader' ? view.lastIndex - view.commitIndex : 0,
        limits.appendEntriesMax * limits.inflightAppendsMax,
      ],
    } as const;
    for (const [what, [found, most]] of Object.entries(counts))
      if (found > most) throw new Violation(`Bounded memory: too many ${what}`, { node: node.id, found, most });
  }
}
