import { defaultTiming, type NodeId, type Timing } from '../../consensus/core/types.ts';
import type { Clients } from './clients.ts';
import type { Cluster } from './cluster.ts';
import type { Faults } from './faults.ts';
import { SeededRandom } from './random.ts';
import type { SessionClients } from './session-clients.ts';

const kinds = ['fixed', 'measured', 'resting', 'resting'] as const;
/** Of a site that rests: everybody is busy, then hardly anybody. */
const busyTicks = 250;
const lullTicks = 650;

/** The times of one run: as they come, other ones at each member that change all the time, or those of a site that rests when it can. */
export class Times {
  readonly kind: (typeof kinds)[number];
  readonly #random: SeededRandom;
  /** How often a leader began to rest. */
  rests = 0;
  readonly #resting = new Set<NodeId>();

  constructor(seed: number) {
    // Draws of its own: what else happens in a run does not depend on its times.
    this.#random = new SeededRandom(seed + 2 ** 30);
    this.kind = this.#random.pick(kinds);
  }

  /** Of one member. The longest election timeout is an eighth of the shortest time to live that a lock is held under; with rests, a sixteenth. */
  timing(): Timing {
    if (this.kind === 'fixed') return defaultTiming;
    if (this.kind === 'measured') return { ...defaultTiming, electionTicks: this.#random.between(30, 40), electionMaxTicks: 40 };
    const restPingTicks = this.#random.pick([0, 20, 75, 75, 75, 75, 75, 75]);
    return { ...defaultTiming, electionTicks: this.#random.between(30, 40), electionMaxTicks: 40, restPingTicks, restAfterTicks: 80 };
  }

  /** Times to live of sessions are multiplied by this. */
  get ttlFactor(): number {
    return this.kind === 'resting' ? 2 : 1;
  }

  /** How long the healed cluster has, in ticks: sessions that nobody touches must end in it. */
  quiet(ticks: number): number {
    return this.kind === 'resting' ? 1.5 * ticks : ticks;
  }

  tick(cluster: Cluster, faults: Faults, clients: Clients, sessions: SessionClients): void {
    const isLull = this.kind === 'resting' && cluster.agenda.now % (busyTicks + lullTicks) > busyTicks;
    if (!isLull || this.#random.chance(12)) faults.tick();
    if (!isLull || this.#random.chance(0.4)) clients.tick(cluster);
    if (!isLull || this.#random.chance(2)) sessions.tick(cluster);
    if (this.kind !== 'fixed' && this.#random.chance(2)) {
      const electionTicks = this.#random.between(1, 100);
      this.#random.pick([...cluster.nodes.values()]).step({ type: 'PACE', electionTicks });
    }
    this.#count(cluster);
  }

  #count(cluster: Cluster): void {
    for (const { id, raft } of cluster.nodes.values()) {
      const view = raft?.view();
      if (view?.role !== 'leader' || view.pace.rest === 0) this.#resting.delete(id);
      else if (!this.#resting.has(id)) {
        this.#resting.add(id);
        if (view.peers.length > 0) this.rests += 1;
      }
    }
  }
}
