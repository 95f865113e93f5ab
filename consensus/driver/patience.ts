/** The election timeout that this box's disk and its round trips call for; the core keeps it within its bounds. */
import type { Raft } from '../core/raft.ts';
import { tickMs } from '../core/types.ts';
import type { PeerView } from '../core/view.ts';
import type { SyncTimes } from './sync-times.ts';

/** In milliseconds. */
export interface Measured {
  /** 99 in 100 writes to the log take at most this long; the last known when nothing was written lately. */
  readonly syncMs: number;
  /** The longest round trip to a peer that is connected, with four times its usual deviation (as RFC 6298 does); leaders measure it. */
  readonly roundTripMs: number;
}

/**
 * An election is a poll, two votes made durable one after the other, and a first PING: two and a half round trips and two syncs. A timeout of
 * twice that lets one end before the next begins (Raft paper, section 5.6: broadcast time well below the election timeout).
 */
export const patienceMs = ({ syncMs, roundTripMs }: Measured): number => 5 * roundTripMs + 4 * syncMs;

/** How often it is looked at, at most. */
const fitMs = 1000;
/** Shorter ones follow slowly: what was slow once may be so again. */
const shrink = 0.9;

export class Patience {
  #measured: Measured = { syncMs: 0, roundTripMs: 0 };
  #ms = 0;
  #fittedMs = Number.NEGATIVE_INFINITY;

  get measured(): Measured {
    return this.#measured;
  }

  /** Tells the core, about once a second. */
  fit(nowMs: number, times: SyncTimes, core: Raft): void {
    if (nowMs - this.#fittedMs < fitMs) return;
    this.#fittedMs = nowMs;
    core.step({ type: 'PACE', electionTicks: Math.ceil(this.update(times.view(nowMs).p99Ms, core.view().peers) / tickMs) });
  }

  /**
   * Takes what is known now; returns the timeout called for, in milliseconds.
   * @param syncP99Ms undefined when nothing was written lately
   */
  update(syncP99Ms: number | undefined, peers: readonly PeerView[]): number {
    const trips = peers.filter(({ linkUp, lastAckAt }) => linkUp && lastAckAt !== undefined);
    const roundTripMs = tickMs * Math.max(0, ...trips.map(({ rttTicks, rttVarTicks }) => rttTicks + 4 * rttVarTicks));
    this.#measured = { syncMs: syncP99Ms ?? this.#measured.syncMs, roundTripMs };
    this.#ms = Math.max(patienceMs(this.#measured), shrink * this.#ms);
    return this.#ms;
  }
}
